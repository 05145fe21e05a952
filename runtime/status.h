/* SPDX-License-Identifier: Apache-2.0 */
/* How a container is doing, and signals to it: all from its directory and the kernel. */
#ifndef UCR_RUNTIME_STATUS_H
#define UCR_RUNTIME_STATUS_H

#include "common/err.h"
#include "common/str.h"

#include <sys/types.h>

enum runtime_status {
	RUNTIME_CREATING,
	RUNTIME_CREATED,
	RUNTIME_RUNNING,
	RUNTIME_STOPPED,
	RUNTIME_PAUSED
};
const char *runtime_status_name(enum runtime_status status);

/* A container as state.json tells it, folded with what the kernel says now. */
struct runtime_state {
	char *id;
	char *bundle;
	char *rootfs;	   /* as the person may know it; NULL: nowhere on the host */
	char *cgroup_path; /* NULL: none */
	char *created;	   /* RFC 3339 */
	strv annotations;
	uid_t owner;
	enum runtime_status status;
	pid_t pid;	     /* 0 once it is gone */
	uint64_t start_time; /* of pid, in clock ticks since boot (/proc/PID/stat) */
	char *boot_id;
	bool has_own_pid_namespace;
	bool has_cgroup_leaf; /* its own processes are in a cgroup below cgroup_path */
	bool has_poststart_hooks, has_poststop_hooks;
};

int runtime_state_load(int state_dirfd, struct runtime_state *ret, struct err *err)
	__attribute__((warn_unused_result));
void runtime_state_done(struct runtime_state *state);
/* A pidfd of the first process, checked against start time and boot; -ESRCH when it
 * ended. */
int runtime_state_pidfd(const struct runtime_state *state)
	__attribute__((warn_unused_result));
/* The same, and its /proc/PID. */
int runtime_state_open(const struct runtime_state *state, int *ret_pidfd,
	int *ret_proc_dirfd) __attribute__((warn_unused_result));

/* Sends a signal to the first process, or with `all` to every process of the cgroup. */
int runtime_kill(const struct runtime_state *state, int signal, bool all, struct err *err)
	__attribute__((warn_unused_result));

/* The processes of a container, as seen from here. Heap array; -ENOTSUP without a cgroup. */
int runtime_pids(const struct runtime_state *state, pid_t **ret, size_t *ret_count,
	struct err *err) __attribute__((warn_unused_result));

#endif
