/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was asked of a container that is made first and started later, perhaps more than once: a file
 * in its directory, as the agent's roles write a call (agentd/agent-call.h).
 *
 *   created.json   until it is started: nothing runs, nothing ran
 *   asked.json     from then on
 *
 * Renaming it is what makes a start: one that fails before the program runs names it back. An engine
 * that is killed in between leaves a container that ended without a witness.
 */
#ifndef UCR_AGENTD_CONTAINER_ASKED_H
#define UCR_AGENTD_CONTAINER_ASKED_H

#include "agentd/agent-call.h"

#define CONTAINER_ASKED_NEW "created.json"

int container_asked_write(int container_dirfd, const struct agent_call *call,
	struct err *err) __attribute__((warn_unused_result));
/* Before the first start or after it. -ENOENT: it was not made in this way. */
int container_asked_read(int container_dirfd, struct agent_call *ret, struct err *err)
	__attribute__((warn_unused_result));

/* It was made in this way: it can be started, once or again. */
bool container_asked_can_start(int container_dirfd);
/* It is made, and was not started. */
bool container_asked_is_new(int container_dirfd);

/* Under the lock of container_supervise(). What an earlier run left that the next would trip over
 * goes: socket, state, exit; its files and its log stay. */
int container_asked_begin(int container_dirfd, struct err *err)
	__attribute__((warn_unused_result));
/* The same for what never ran: the -errno of the renaming, -ENOENT where it was started already. */
int container_asked_start(int container_dirfd) __attribute__((warn_unused_result));
/* The start failed. */
void container_asked_undo(int container_dirfd);

#endif
