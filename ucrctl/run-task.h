/* SPDX-License-Identifier: Apache-2.0 */
/* What `run` does with host:, zip: and jar:, with --shell, and with a FILE that is plainly a
 * zip archive: from the words to URIs, a root file system and a command. */
#ifndef UCR_UCRCTL_RUN_TASK_H
#define UCR_UCRCTL_RUN_TASK_H

#include "ucrctl/run-options.h"

struct run_task {
	const char *image; /* the reference to obtain; NULL: the host's files */
	bool is_jar;
	strv uris, command;
};

#define cleanup_run_task cleanup_with(run_task_done)

/* `options` is given the task's URIs and command, which are borrowed from `ret`. */
int run_task_make(const char *reference, struct run_verb *options, struct run_task *ret,
	struct err *err) __attribute__((warn_unused_result));
void run_task_done(struct run_task *task);

#endif
