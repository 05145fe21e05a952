/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program of ours that does what nobody else should have the rights or the libraries for
 * (ucr-unpack, ucr-fetch): started with one end of a socket pair, spoken to by common/ipc.h. It
 * dies with its client.
 */
#ifndef UCR_IMAGES_HELPER_H
#define UCR_IMAGES_HELPER_H

#include "common/buf.h"
#include "common/ipc.h"

#include <sys/types.h>

#define HELPER_SOCKET_FD 3

struct helper_program {
	const char *name;
	uint32_t done, error; /* the messages after which it exits by itself */
	bool leaves_root; /* a privileged caller starts it as another user (helper-user.h) */
};

struct helper {
	const struct helper_program *program;
	pid_t pid;
	int socket_fd;
	bool is_finished; /* it said `done` or `error` */
};

#define HELPER_NONE                                                                      \
	{                                                                                \
		.pid = 0, .socket_fd = -1                                                \
	}
#define cleanup_helper cleanup_with(helper_stop)

/* `libexec_path` NULL: there are no helpers. Inside a user namespace unless `userns_fd` is -1. */
int helper_start(const struct helper_program *program, const char *libexec_path,
	int userns_fd, struct helper *ret, struct err *err)
	__attribute__((warn_unused_result));

/* Lets it exit when it is finished, kills it when it is not; reaps it. */
void helper_stop(struct helper *helper);

/* Sends a JSON payload (emptied) and descriptors. */
int helper_send(struct helper *helper, uint32_t type, struct buf *payload, const int *fds,
	size_t fd_count, struct err *err) __attribute__((warn_unused_result));

/* The next message that is not the program's `error`: that one, and an early end, become the
 * error. */
int helper_recv(struct helper *helper, struct ipc_msg *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
