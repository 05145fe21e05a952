/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent runs and joins: the operations of struct backend. */
#ifndef UCR_UCRCTL_BACKEND_AGENT_RUN_H
#define UCR_UCRCTL_BACKEND_AGENT_RUN_H

#include "ucrctl/backend.h"

int remote_prepare(struct ctl *ctl, const struct run_task *task,
	const struct run_verb *options, struct running *running, struct err *err)
	__attribute__((warn_unused_result));
int remote_run(struct ctl *ctl, const char *image_name, const struct run_task *task,
	const struct run_verb *options, struct running *running, struct err *err)
	__attribute__((warn_unused_result));
int remote_exec(struct ctl *ctl, struct container *container,
	const struct exec_options *options, struct running *running, struct err *err)
	__attribute__((warn_unused_result));
int remote_attach(struct ctl *ctl, struct container *container, bool sends_signals,
	struct running *running, struct err *err) __attribute__((warn_unused_result));
void remote_settle(struct ctl *ctl, struct running *running);
int remote_rejoin(struct ctl *ctl, struct running *running, struct err *err)
	__attribute__((warn_unused_result));

#endif
