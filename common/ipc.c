/* SPDX-License-Identifier: Apache-2.0 */
#include "common/ipc.h"

#include "common/cleanup.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

int ipc_pair(int ret_fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0)
		return -errno;
	return 0;
}

int ipc_send(int fd, uint32_t type, const void *data, size_t len, const int *fds,
	size_t fd_count)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int) * IPC_FDS_MAX)];
	} control;
	struct iovec iov[2] = { { &type, sizeof(type) },
		{ (void *)(uintptr_t)data, len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = len ? 2 : 1 };
	ssize_t n;

	if (len > IPC_PAYLOAD_MAX || fd_count > IPC_FDS_MAX)
		return -EMSGSIZE;
	if (fd_count) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * fd_count);
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
	}
	do {
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int ipc_send_err(int fd, uint32_t type, const struct err *err)
{
	return ipc_send(fd, type, err, sizeof(*err), NULL, 0);
}

static void take_fds(struct msghdr *msg, struct ipc_msg *ret)
{
	size_t n;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(ret->fds + ret->fd_count, CMSG_DATA(c), n * sizeof(int));
		ret->fd_count += n;
	}
}

int ipc_recv(int fd, struct ipc_msg *ret)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int) * IPC_FDS_MAX)];
	} control;
	struct iovec iov[2] = { { &ret->type, sizeof(ret->type) },
		{ ret->data, IPC_PAYLOAD_MAX } };
	struct msghdr msg = { .msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n;

	ret->len = 0;
	ret->fd_count = 0;
	/* ECONNRESET says once that the peer closed with something of ours unread; what it sent
	 * before, often the reason, is still in the queue. */
	do {
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return -errno;
	take_fds(&msg, ret);
	if (n == 0 && !ret->fd_count)
		return 0;
	if ((size_t)n < sizeof(ret->type) || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		ipc_msg_done(ret);
		return -EPROTO;
	}
	ret->len = (size_t)n - sizeof(ret->type);
	ret->data[ret->len] = '\0';
	return 1;
}

int ipc_msg_err(const struct ipc_msg *msg, struct err *ret)
{
	if (msg->len != sizeof(*ret))
		return -EPROTO;
	memcpy(ret, msg->data, sizeof(*ret));
	err_seal(ret);
	return 0;
}

int ipc_recv_fd(
	int fd, uint32_t fd_type, uint32_t err_type, const char *what, struct err *err)
{
	struct ipc_msg msg;
	struct err theirs;
	int r = ipc_recv(fd, &msg);

	if (r <= 0)
		return err_set(err, r < 0 ? -r : EPIPE, "%s", what);
	if (msg.type == fd_type && msg.fd_count == 1) {
		r = take_fd(&msg.fds[0]);
	} else if (msg.type == err_type && ipc_msg_err(&msg, &theirs) == 0) {
		if (err)
			*err = theirs;
		r = -theirs.code;
	} else {
		r = err_say(err, EPROTO, "%s: the answer is not understood", what);
	}
	ipc_msg_done(&msg);
	return r;
}

void ipc_msg_done(struct ipc_msg *msg)
{
	for (size_t i = 0; i < msg->fd_count; i++) {
		if (msg->fds[i] >= 0)
			(void)close(msg->fds[i]);
	}
	msg->fd_count = 0;
}
