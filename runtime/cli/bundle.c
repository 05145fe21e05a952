/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/cli.h"

#include "common/fd.h"
#include "common/path.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define FIRST_FD 3
#define PRESERVE_FDS_MAX 1024

int cli_read_spec(int dirfd, const char *name, struct spec **ret, char **ret_text,
	size_t *ret_len, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = fd_read_file(dirfd, name, SPEC_SIZE_MAX, &text, &len);
	if (r == -ENOENT)
		return err_say(err, ENOENT, "there is no %s in the bundle", name);
	if (r < 0)
		return err_set(err, -r, "read %s", name);
	r = spec_parse(text, len, ret, err);
	if (r < 0)
		return err_wrap(err, "%s", name);
	*ret_text = take_ptr(text);
	*ret_len = len;
	return 0;
}

/* The directory that a path given by the caller lies in. */
static int open_parent(const char *path)
{
	cleanup_free char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;
	int fd;

	if (!dir)
		return -ENOMEM;
	if (slash)
		slash[slash == dir] = '\0';
	fd = open(slash ? dir : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int cli_write_pid_file(const char *path, pid_t pid, struct err *err)
{
	cleanup_close int dirfd = open_parent(path);
	char text[16];
	int n, r;

	n = snprintf(text, sizeof(text), "%d", (int)pid);
	r = dirfd < 0 ? dirfd
		      : fd_replace_file(dirfd, path_base(path), text, (size_t)n, 0644,
				FD_NO_SYNC);
	return r < 0 ? err_set(err, -r, "write the pid file %s", path) : 0;
}

int cli_preserve_fds(uint32_t count, strv *env, int *ret, struct err *err)
{
	cleanup_free char *assignment = NULL;
	const char *text = getenv("LISTEN_FDS");
	uint32_t listen_fds = 0;

	if (text && str_to_u32(text, &listen_fds) == 0 && listen_fds) {
		assignment = str_printf("LISTEN_FDS=%u", listen_fds);
		/* The program is process 1 of its pid namespace, as the protocol wants. */
		if (!assignment || strv_env_set(env, assignment) < 0 ||
			strv_env_set(env, "LISTEN_PID=1") < 0)
			return err_oom(err);
	}
	if (count > PRESERVE_FDS_MAX || listen_fds > PRESERVE_FDS_MAX)
		return err_say(err, EINVAL, "more than %d descriptors to preserve",
			PRESERVE_FDS_MAX);
	count += listen_fds;
	for (int fd = FIRST_FD; fd < FIRST_FD + (int)count; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			return err_say(err, EBADF,
				"descriptor %d is to be preserved, but it is not open",
				fd);
	}
	*ret = (int)count;
	return 0;
}

static int send_fd(int socket_fd, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS,
			      .cmsg_len = CMSG_LEN(sizeof(int)) } };
	/* Receivers show the text as the terminal's name; it must not be empty. */
	char name[] = "/dev/ptmx";
	struct iovec iov = { name, sizeof(name) - 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(socket_fd, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int cli_send_console(const char *path, int console_fd, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	cleanup_close int dirfd = open_parent(path), fd = -1;
	char dir[PATH_OF_FD_MAX];
	int n, r;

	if (dirfd < 0)
		return err_set(err, -dirfd, "open the console socket %s", path);
	/* Through the directory's descriptor: a socket address has room for 107 bytes. */
	n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s",
		path_of_fd(dirfd, dir), path_base(path));
	if (n < 0 || (size_t)n >= sizeof(address.sun_path))
		return err_set(err, ENAMETOOLONG, "console socket %s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set(err, errno, "connect to the console socket %s", path);
	r = send_fd(fd, console_fd);
	return r < 0 ? err_set(err, -r, "send the terminal to %s", path) : 0;
}
