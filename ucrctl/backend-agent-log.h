/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent tells line by line. */
#ifndef UCR_UCRCTL_BACKEND_AGENT_LOG_H
#define UCR_UCRCTL_BACKEND_AGENT_LOG_H

#include "ucrctl/backend.h"

int remote_read_log(struct ctl *ctl, struct container *container,
	const struct log_options *options, backend_line_fn fn, void *arg, struct err *err)
	__attribute__((warn_unused_result));
int remote_read_events(struct ctl *ctl, const struct events_options *options,
	events_fn fn, void *arg, struct err *err) __attribute__((warn_unused_result));

#endif
