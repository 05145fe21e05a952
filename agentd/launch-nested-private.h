/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of agentd/launch-nested.h. */
#ifndef UCR_AGENTD_LAUNCH_NESTED_PRIVATE_H
#define UCR_AGENTD_LAUNCH_NESTED_PRIVATE_H

#include "agentd/launch-nested.h"

/* launch-nested-limits.c: takes away what the parent lacks; -EACCES for what was asked for. */
int launch_nested_restrict(struct launch_nested *nested, struct spec *spec,
	struct err *err) __attribute__((warn_unused_result));

#endif
