/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A further process of a container that is asked for first and started later: a directory of its own
 * in the container's, exec/ID, with what was asked (asked.json), and, once it was started, the socket
 * of its shim and how it ended (exit). Its id begins with the container's.
 */
#ifndef UCR_AGENTD_CONTAINER_EXEC_H
#define UCR_AGENTD_CONTAINER_EXEC_H

#include "agentd/agent-call.h"
#include "agentd/container.h"

#define CONTAINER_EXEC_ID_MAX 65
#define CONTAINER_EXEC_PREFIX 32 /* digits of the container's id that begin it */

struct container_exec {
	char id[CONTAINER_EXEC_ID_MAX];
	struct agent_call asked; /* its run options */
	bool is_started, is_running;
	int exit_status; /* -1: it did not end, or nobody knows how */
	int dirfd;
};

#define CONTAINER_EXEC_INIT                                                              \
	{                                                                                \
		.exit_status = -1, .dirfd = -1                                           \
	}
#define cleanup_container_exec cleanup_with(container_exec_done)
void container_exec_done(struct container_exec *exec);

/* Keeps what is asked. What ended long ago is forgotten. */
int container_exec_make(const struct container *container, const struct agent_call *call,
	char ret_id[CONTAINER_EXEC_ID_MAX], struct err *err)
	__attribute__((warn_unused_result));
/* -ENOENT: there is none. */
int container_exec_load(const struct container *container, const char *id,
	struct container_exec *ret, struct err *err) __attribute__((warn_unused_result));
/* Only once. */
int container_exec_begin(struct container_exec *exec, struct err *err)
	__attribute__((warn_unused_result));
/* It could not be started. */
void container_exec_fail(struct container_exec *exec, int exit_status);

#endif
