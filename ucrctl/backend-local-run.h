/* SPDX-License-Identifier: Apache-2.0 */
/* What this host's own engine runs and joins: the operations of struct backend. */
#ifndef UCR_UCRCTL_BACKEND_LOCAL_RUN_H
#define UCR_UCRCTL_BACKEND_LOCAL_RUN_H

#include "ucrctl/backend.h"

int local_prepare(struct ctl *ctl, const struct run_task *task,
	const struct run_verb *options, struct running *running, struct err *err)
	__attribute__((warn_unused_result));
int local_run(struct ctl *ctl, const char *image_name, const struct run_task *task,
	const struct run_verb *options, struct running *running, struct err *err)
	__attribute__((warn_unused_result));
int local_exec(struct ctl *ctl, struct container *container,
	const struct exec_options *options, struct running *running, struct err *err)
	__attribute__((warn_unused_result));
int local_attach(struct ctl *ctl, struct container *container, bool sends_signals,
	struct running *running, struct err *err) __attribute__((warn_unused_result));
void local_settle(struct ctl *ctl, struct running *running);
int local_rejoin(struct ctl *ctl, struct running *running, struct err *err)
	__attribute__((warn_unused_result));

/* `run --dry-run`: what local_run() would write as config.json, shown. */
int local_preview(struct ctl *ctl, const char *image_name, const struct run_verb *options,
	const struct running *running, struct err *err)
	__attribute__((warn_unused_result));

#endif
