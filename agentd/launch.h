/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts a container, or a process in one, under a shim.
 *
 * The caller forks; the child, in a session of its own, is the runtime: it creates and
 * starts the container, reports, and becomes ucr-shim by execve(2), which keeps it the
 * parent. What the caller does afterwards, or whether it lives, no longer matters to the
 * container.
 */
#ifndef UCR_AGENTD_LAUNCH_H
#define UCR_AGENTD_LAUNCH_H

#include "agentd/bundle.h"
#include "agentd/container.h"

struct launch {
	pid_t pid;
	int pidfd;
	int attach_fd; /* the foreground connection to the shim; -1 when detached */
};

#define LAUNCH_INIT                                                                      \
	{                                                                                \
		.pidfd = -1, .attach_fd = -1                                             \
	}
#define cleanup_launch cleanup_with(launch_done)

void launch_done(struct launch *launch);

/*
 * Makes the container of a stored image and starts it. On failure nothing is left. The
 * code of the error says more: -ENOENT with `ret_is_task_error` means that the program
 * does not exist (exit status 127), -EACCES that it cannot be executed (126).
 */
struct launch_request {
	const struct image *image;
	const char *image_name; /* what the person wrote, for ps */
	const struct run_options *options;
	strv notes; /* filled: sentences for the person */
};
int launch_container(struct engine *engine, struct launch_request *request,
	struct container **ret, struct launch *ret_launch, bool *ret_is_task_error,
	struct err *err) __attribute__((warn_unused_result));

int launch_exec(struct engine *engine, struct container *container,
	const struct exec_options *options, struct launch *ret, bool *ret_is_task_error,
	struct err *err) __attribute__((warn_unused_result));

/* config.json as launch_container() would write it, for --dry-run. */
int launch_preview(struct engine *engine, const struct launch_request *request,
	char **ret, struct err *err) __attribute__((warn_unused_result));

#endif
