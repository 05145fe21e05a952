/* SPDX-License-Identifier: Apache-2.0 */
/* A profile of a container, drawn: what `ucrctl flame` shows, whoever samples. */
#ifndef UCR_AGENTD_PROFILE_CONTAINER_H
#define UCR_AGENTD_PROFILE_CONTAINER_H

#include "agentd/container.h"
#include "agentd/flame-options.h"

/* Samples it as long as is asked for, and appends the drawing to `out`. How many samples there are
 * goes to `ret_samples`. -ESRCH: it does not run. */
int profile_container(struct engine *engine, struct container *container,
	const struct flame_options *options, struct buf *out, uint64_t *ret_samples,
	struct err *err) __attribute__((warn_unused_result));

#endif
