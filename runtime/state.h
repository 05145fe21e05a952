/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.json and the names beside it. The file says who the container is and never
 * changes; how far it got is told by which socket stands beside it and by its first
 * process:
 *
 *   creating.sock   being created              start.sock   created, waits for its start
 *   neither         running, or stopped once the process has ended
 */
#ifndef UCR_RUNTIME_STATE_H
#define UCR_RUNTIME_STATE_H

#include "runtime/runtime.h"

#define STATE_FILE "state.json"
#define STATE_CREATING "creating.sock"
#define STATE_START "start.sock"
#define STATE_CONFIG "config.json"
#define STATE_CGROUP "cgroup" /* a link whose text is its path, there before it is */
#define STATE_SIZE_MAX (1U << 20)

int state_save(int state_dirfd, const struct runtime_state *state, struct err *err)
	__attribute__((warn_unused_result));

/* Before the cgroup is made: a creation that is killed from then on is found. */
int state_save_cgroup(int state_dirfd, const char *path, struct err *err)
	__attribute__((warn_unused_result));
/* -ENOENT: none was made. */
int state_load_cgroup(int state_dirfd, char **ret, struct err *err)
	__attribute__((warn_unused_result));

/* Removes what the runtime made in the directory. */
void state_remove(int state_dirfd);

/* An exclusive lock on the directory, held until the returned descriptor is closed; with
 * !wait -EWOULDBLOCK when another command holds it. */
int state_lock(int state_dirfd, bool wait, struct err *err)
	__attribute__((warn_unused_result));

/* The state as hooks get it on stdin (`owner` NULL) and as `ucr state` prints it. */
void state_write(
	struct json_writer *w, const struct runtime_state *state, const char *owner);

#endif
