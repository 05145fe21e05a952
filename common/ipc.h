/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed messages with descriptors over SOCK_SEQPACKET pairs: how our own processes talk.
 *
 * A message is { type, payload, fds }. The receiver gives the largest payload it accepts;
 * a truncated, oversized or unframed message is -EPROTO, and every descriptor that came
 * with it is closed. All received descriptors are close-on-exec. What the payload means
 * belongs to each protocol, which keeps its types in one enum and checks lengths in one
 * table.
 */
#ifndef UCR_COMMON_IPC_H
#define UCR_COMMON_IPC_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

#define IPC_PAYLOAD_MAX 65536
#define IPC_FDS_MAX 200

struct ipc_msg {
	uint32_t type;
	size_t len;
	int fds[IPC_FDS_MAX]; /* the receiver's; taken by take_fd(), the rest closed by
				 ipc_msg_done() */
	size_t fd_count;
	char data[IPC_PAYLOAD_MAX + 1]; /* NUL-terminated for text */
};

/* A connected pair, both ends close-on-exec. */
int ipc_pair(int ret_fds[2]) __attribute__((warn_unused_result));

/* Sends one message whole, waiting for room. -EPIPE when the peer is gone (no SIGPIPE).
 */
int ipc_send(int fd, uint32_t type, const void *data, size_t len, const int *fds,
	size_t fd_count) __attribute__((warn_unused_result));

/* Sends a struct err as a message of the given type. */
int ipc_send_err(int fd, uint32_t type, const struct err *err)
	__attribute__((warn_unused_result));

/* Receives one message. 1, or 0 when the peer has closed, or -errno (-EAGAIN on a
 * non-blocking socket with nothing to read). */
int ipc_recv(int fd, struct ipc_msg *ret) __attribute__((warn_unused_result));

/* Reads a struct err that came as payload. -EPROTO when the length is not its size. */
int ipc_msg_err(const struct ipc_msg *msg, struct err *ret)
	__attribute__((warn_unused_result));

/* Receives the answer of a process that was asked for one descriptor: that, as a message of
 * `fd_type`, or a struct err of `err_type`. `what` was to be done, for the text. The descriptor, or
 * -errno: the peer's own; -EPIPE when it has closed; -EPROTO for any other message. */
int ipc_recv_fd(int fd, uint32_t fd_type, uint32_t err_type, const char *what,
	struct err *err) __attribute__((warn_unused_result));

void ipc_msg_done(struct ipc_msg *msg);

#endif
