/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the launcher and the container's first process say to each other while it is made.
 *
 * Each side waits only for the message that must come next; anything else is a failure. A
 * closed socket tells the child that the launcher died, and the launcher that the program
 * was executed (the child's end is close-on-exec).
 */
#ifndef UCR_RUNTIME_SYNC_H
#define UCR_RUNTIME_SYNC_H

#include "common/ipc.h"
#include "isolators/isolator.h"
#include "isolators/seccomp.h"

enum sync_type {
	/* From the launcher. */
	SYNC_MAPPED = 1, /* the maps of the user namespace are written */
	SYNC_PLACED,	 /* in its cgroups; payload: pid_t, as the launcher sees it */
	SYNC_FILTER,	 /* payload: uint32_t flags, struct sock_filter[] */
	SYNC_HOOKED,	 /* prestart and createRuntime hooks have run */
	SYNC_CREATED,	 /* outlive me: somebody else will start you */
	SYNC_START,
	/* From the child. */
	SYNC_CLONED, /* from an intermediate: payload pid_t, fd: pidfd */
	SYNC_BUILT,  /* mounts done, before the root is entered */
	SYNC_NOTE,   /* payload: a sentence */
	SYNC_READY, /* waits for its start; fd: the console's master, when there is one */
	SYNC_LISTENER, /* fd: of a filter that asks a supervisor */
	SYNC_FAILED,   /* payload: struct sync_failure; the child ends */
};

struct sync_failure {
	int result; /* -errno, or one of runtime.h's outcomes */
	struct err err;
};

int sync_send(int fd, enum sync_type type, const void *data, size_t len, struct err *err)
	__attribute__((warn_unused_result));

/* Receives the one message that may come now. -EPIPE when the peer has gone, the peer's
 * own result and error when it failed. `ret` is released by ipc_msg_done() after 0. */
int sync_expect(int fd, enum sync_type type, struct ipc_msg *ret, struct err *err)
	__attribute__((warn_unused_result));

/* SYNC_FAILED, to whoever still listens. */
void sync_send_failure(int fd, int result, const struct err *err);

/* What a SYNC_FAILED message says. */
int sync_failure(const struct ipc_msg *msg, struct err *err);

int sync_send_filter(int fd, const struct seccomp_filter *filter, struct err *err)
	__attribute__((warn_unused_result));
int sync_expect_filter(int fd, struct seccomp_filter *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
