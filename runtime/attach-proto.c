/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/attach-proto.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

/* The payload that each type carries. */
static const struct {
	size_t min, max;
} lengths[ATTACH_TYPE_COUNT] = {
	[ATTACH_STDIN] = { 0, ATTACH_DATA_MAX },
	[ATTACH_STDOUT] = { 1, ATTACH_DATA_MAX },
	[ATTACH_STDERR] = { 1, ATTACH_DATA_MAX },
	[ATTACH_RESIZE] = { sizeof(struct attach_size), sizeof(struct attach_size) },
	[ATTACH_DROPPED] = { sizeof(uint64_t), sizeof(uint64_t) },
	[ATTACH_EXIT] = { sizeof(struct attach_exit), sizeof(struct attach_exit) },
	[ATTACH_DETACH] = { 0, 0 },
	[ATTACH_RELEASE] = { 0, 0 },
	[ATTACH_CLOSE] = { 1, 1 },
	[ATTACH_SIGNAL] = { sizeof(int32_t), sizeof(int32_t) },
};

bool attach_length_fits(uint8_t type, size_t len)
{
	return type > 0 && type < ATTACH_TYPE_COUNT && len >= lengths[type].min &&
	       len <= lengths[type].max;
}

int attach_send(int fd, enum attach_type type, const void *data, size_t len)
{
	uint8_t head = (uint8_t)type;
	struct iovec iov[2] = { { &head, sizeof(head) },
		{ (void *)(uintptr_t)data, len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = len ? 2 : 1 };
	ssize_t n;

	if (!attach_length_fits(head, len))
		return -EMSGSIZE;
	do {
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int attach_recv(int fd, struct attach_frame *ret, size_t *ret_len)
{
	struct iovec iov[2] = { { &ret->type, sizeof(ret->type) },
		{ ret->data, sizeof(ret->data) } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	/* ECONNRESET says once that the peer went with something of ours unread; its last word, as
	 * that it only detached, is still in the queue. */
	do {
		n = recvmsg(fd, &msg, 0);
	} while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return -errno;
	if (n == 0)
		return 0;
	if ((msg.msg_flags & MSG_TRUNC) || !attach_length_fits(ret->type, (size_t)n - 1))
		return -EPROTO;
	*ret_len = (size_t)n - 1;
	return 1;
}
