/* SPDX-License-Identifier: Apache-2.0 */
/* What the first process of a container and an exec do alike, in the child. */
#ifndef UCR_RUNTIME_CHILD_H
#define UCR_RUNTIME_CHILD_H

#include "runtime/launch.h"

/* In a user namespace that was joined the ids of outside mean nothing: becomes its root.
 */
int child_become_root(const struct launch *launch, struct err *err)
	__attribute__((warn_unused_result));

/* Puts the caller's descriptors on 0, 1 and 2. */
int child_stdio(const struct launch *launch, struct err *err)
	__attribute__((warn_unused_result));
/* Pipes belong to the user of the program, who may then open /dev/stdout. */
void child_own_stdio(const struct launch *launch);

/* Sends what the isolators noted, then SYNC_READY with the console's master, if any. */
int child_ready(struct launch *launch, struct err *err)
	__attribute__((warn_unused_result));

/* Closes every descriptor that neither the program nor the way to it needs. */
int child_close_others(const struct launch *launch, struct err *err)
	__attribute__((warn_unused_result));

/* Gives up what a startContainer hook must not have. */
int child_confine_hook(struct launch *launch, const struct seccomp_filter *filter,
	struct err *err) __attribute__((warn_unused_result));

/* The last steps of every process: confines it and executes `program`. Returns only when
 * that fails. */
int child_execute(struct launch *launch, const struct seccomp_filter *filter,
	const char *program, int report_fd, struct err *err)
	__attribute__((warn_unused_result));

/* Tells the failure and ends. */
void child_fail(int report_fd, int result, const struct err *err)
	__attribute__((noreturn));

#endif
