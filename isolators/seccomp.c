/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/seccomp.h"

#include "common/buf.h"
#include "common/json-writer.h"
#include "common/str.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

void seccomp_filter_done(struct seccomp_filter *filter)
{
	free(filter->code);
	filter->code = NULL;
	filter->count = 0;
}

bool seccomp_filter_has_listener(const struct seccomp_filter *filter)
{
	return filter->code && (filter->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

static int install_failed(const struct seccomp_filter *filter, int code, struct err *err)
{
	(void)err_set(err, code, "load the seccomp filter");
	if (code == EACCES)
		(void)err_hint(err, "set process.noNewPrivileges or keep CAP_SYS_ADMIN");
	if (code == EINVAL && filter->flags)
		(void)err_hint(err, "this kernel may lack one of linux.seccomp.flags");
	if (code == EBUSY)
		(void)err_hint(err, "a filter with a listener is there already");
	return -code;
}

int seccomp_install(
	const struct seccomp_filter *filter, int *ret_listener_fd, struct err *err)
{
	struct sock_fprog program = { .len = filter->count, .filter = filter->code };
	long r = 0;

	if (filter->code)
		r = syscall(
			SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter->flags, &program);
	if (r < 0)
		return install_failed(filter, errno, err);
	if (ret_listener_fd)
		*ret_listener_fd = seccomp_filter_has_listener(filter) ? (int)r : -1;
	return 0;
}

/* The "container process state" of the specification. */
static int notice_write(const struct seccomp_notice *notice, struct buf *text)
{
	struct json_writer w = JSON_WRITER(text);

	jw_object(&w, NULL);
	jw_string(&w, "ociVersion", notice->oci_version);
	jw_array(&w, "fds");
	jw_string(&w, NULL, "seccompFd");
	jw_array_end(&w);
	jw_i64(&w, "pid", notice->pid);
	if (notice->metadata)
		jw_string(&w, "metadata", notice->metadata);
	/* The state is JSON already. */
	buf_puts(text, ",\"state\":");
	buf_puts(text, notice->state_json);
	jw_object_end(&w);
	return buf_finish(text);
}

static int listener_connect(const char *path, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	cleanup_close int fd = -1;

	if (strlen(path) >= sizeof(address.sun_path))
		return err_say(err, ENAMETOOLONG,
			"seccomp listenerPath %s is longer than %zu bytes", path,
			sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, errno, "make a socket for seccomp listenerPath");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		(void)err_set(err, errno, "connect to seccomp listenerPath %s", path);
		return err_hint(err, "start the seccomp supervisor before the container");
	}
	return take_fd(&fd);
}

int seccomp_send_listener(const char *path, int listener_fd,
	const struct seccomp_notice *notice, struct err *err)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	cleanup_close int fd = -1;
	cleanup_buf struct buf text = BUF_INIT;
	struct iovec iov;
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *header;
	ssize_t n;

	if (notice_write(notice, &text) < 0)
		return err_oom(err);
	fd = listener_connect(path, err);
	if (fd < 0)
		return fd;

	iov = (struct iovec){ .iov_base = text.data, .iov_len = text.len };
	message.msg_control = control.room;
	message.msg_controllen = sizeof(control.room);
	header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &listener_fd, sizeof(int));
	do
		n = sendmsg(fd, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(err, errno, "send the seccomp descriptor to %s", path);
	if ((size_t)n < text.len)
		return err_say(err, EMSGSIZE,
			"send the seccomp descriptor to %s: cut short", path);
	return 0;
}
