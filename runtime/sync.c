/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sync.h"

#include "common/buf.h"

#include <errno.h>

int sync_send(int fd, enum sync_type type, const void *data, size_t len, struct err *err)
{
	int r = ipc_send(fd, type, data, len, NULL, 0);

	return r < 0 ? err_set(err, -r, "speak to the container's first process") : 0;
}

void sync_send_failure(int fd, int result, const struct err *err)
{
	struct sync_failure failure = { .result = result, .err = *err };

	if (ipc_send(fd, SYNC_FAILED, &failure, sizeof(failure), NULL, 0) < 0)
		return; /* nobody listens any more: our exit status has to do */
}

int sync_failure(const struct ipc_msg *msg, struct err *err)
{
	struct sync_failure failure;

	if (msg->len != sizeof(failure))
		return err_say(
			err, EPROTO, "the container's first process told nonsense");
	memcpy(&failure, msg->data, sizeof(failure));
	err_seal(&failure.err);
	if (err)
		*err = failure.err;
	return failure.result ? failure.result : -EPROTO;
}

int sync_expect(int fd, enum sync_type type, struct ipc_msg *ret, struct err *err)
{
	int r;

	r = ipc_recv(fd, ret);
	if (r < 0)
		return err_set(err, -r, "listen to the container's first process");
	if (r == 0)
		return err_say(
			err, EPIPE, "the container's first process ended unexpectedly");
	if (ret->type == type)
		return 0;
	r = ret->type == SYNC_FAILED
		    ? sync_failure(ret, err)
		    : err_say(err, EPROTO, "message %u came instead of %u", ret->type,
			      type);
	ipc_msg_done(ret);
	return r;
}

int sync_send_filter(int fd, const struct seccomp_filter *filter, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	uint32_t flags = filter->flags;

	buf_put(&b, &flags, sizeof(flags));
	buf_put(&b, filter->code, filter->count * sizeof(*filter->code));
	if (buf_finish(&b) < 0)
		return err_oom(err);
	return sync_send(fd, SYNC_FILTER, b.data, b.len, err);
}

int sync_expect_filter(int fd, struct seccomp_filter *ret, struct err *err)
{
	struct seccomp_filter filter = { 0 };
	struct ipc_msg msg;
	uint32_t flags;
	size_t len;
	int r;

	r = sync_expect(fd, SYNC_FILTER, &msg, err);
	if (r != 0)
		return r;
	if (msg.len < sizeof(flags))
		return err_say(err, EPROTO, "the system call filter came cut short");
	memcpy(&flags, msg.data, sizeof(flags));
	len = msg.len - sizeof(flags);
	if (len) {
		filter.code = malloc(len);
		if (!filter.code)
			return err_oom(err);
		memcpy(filter.code, msg.data + sizeof(flags), len);
	}
	filter.count = (unsigned short)(len / sizeof(*filter.code));
	filter.flags = flags;
	*ret = filter;
	return 0;
}
