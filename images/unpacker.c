/* SPDX-License-Identifier: Apache-2.0 */
#include "images/unpacker.h"

#include "common/json-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define EXIT_WAIT_MS 1000

/* ---- the process ---- */

static int child_prepare(
	const struct import_userns *userns, int socket_fd, pid_t parent, struct err *err)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (userns->userns_fd >= 0 && setns(userns->userns_fd, CLONE_NEWUSER) < 0)
		return err_set(err, errno, "enter the user namespace for unpacking");
	/* After setns(2): a change of credentials clears it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_set(err, errno, "prctl PR_SET_PDEATHSIG");
	if (getppid() != parent)
		_exit(1);
	if (socket_fd == UNPACK_SOCKET_FD ? fcntl(socket_fd, F_SETFD, 0) < 0
					  : dup2(socket_fd, UNPACK_SOCKET_FD) < 0)
		return err_set(err, errno, "hand the socket to " UNPACK_PROGRAM);
	return 0;
}

/* What fails before the exec is told over the socket as ucr-unpack itself would. */
static void child(const char *path, const struct import_userns *userns, int socket_fd,
	pid_t parent) __attribute__((noreturn));
static void child(
	const char *path, const struct import_userns *userns, int socket_fd, pid_t parent)
{
	char name[] = UNPACK_PROGRAM;
	char *argv[] = { name, NULL };
	struct err err;

	if (child_prepare(userns, socket_fd, parent, &err) == 0) {
		(void)execv(path, argv);
		(void)err_set(&err, errno, "run %s", path);
		(void)err_hint(&err,
			"install it there, or name its directory in UCR_LIBEXECDIR");
		socket_fd = UNPACK_SOCKET_FD;
	}
	(void)!ipc_send_err(socket_fd, UNPACK_ERROR, &err);
	_exit(127);
}

int unpacker_start(const char *libexec_path, const struct import_userns *userns,
	struct unpacker *ret, struct err *err)
{
	static const struct import_userns privileged = { .userns_fd = -1 };
	cleanup_close int ours = -1, theirs = -1;
	cleanup_free char *path = NULL;
	int pair[2], r;
	pid_t pid, self = getpid();

	if (!libexec_path)
		return err_say(err, EINVAL,
			"this image store was opened without " UNPACK_PROGRAM);
	path = str_printf("%s/%s", libexec_path, UNPACK_PROGRAM);
	if (!path)
		return err_oom(err);
	r = ipc_pair(pair);
	if (r < 0)
		return err_set(err, -r, "make a socket pair");
	ours = pair[0];
	theirs = pair[1];
	pid = fork();
	if (pid < 0)
		return err_set(err, errno, "start " UNPACK_PROGRAM);
	if (pid == 0)
		child(path, userns ? userns : &privileged, theirs, self);
	*ret = (struct unpacker){ .pid = pid, .socket_fd = take_fd(&ours) };
	return 0;
}

static int reap(struct unpacker *unpacker)
{
	int status = 0;

	while (waitpid(unpacker->pid, &status, 0) < 0) {
		if (errno != EINTR)
			break;
	}
	unpacker->pid = 0;
	return status;
}

static bool ends_soon(pid_t pid)
{
	struct pollfd ended = { .events = POLLIN };
	int n;

	ended.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (ended.fd < 0)
		return false;
	n = poll(&ended, 1, EXIT_WAIT_MS);
	(void)close(ended.fd);
	return n == 1;
}

void unpacker_stop(struct unpacker *unpacker)
{
	if (unpacker->socket_fd >= 0)
		(void)close(take_fd(&unpacker->socket_fd));
	if (unpacker->pid <= 0)
		return;
	/* Not reaped yet, so the pid is still its own. */
	if (!unpacker->is_finished || !ends_soon(unpacker->pid))
		(void)kill(unpacker->pid, SIGKILL);
	(void)reap(unpacker);
}

/* ---- messages ---- */

static int tell_end(struct unpacker *unpacker, struct err *err)
{
	int status = unpacker->pid > 0 ? reap(unpacker) : 0;

	if (WIFSIGNALED(status))
		return err_say(err, EIO, UNPACK_PROGRAM " was ended by signal %d (%s)",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	return err_say(err, EIO, UNPACK_PROGRAM " ended early with status %d",
		WEXITSTATUS(status));
}

int unpacker_recv(struct unpacker *unpacker, struct ipc_msg *ret, struct err *err)
{
	struct err theirs;
	int r;

	r = ipc_recv(unpacker->socket_fd, ret);
	if (r == 0)
		return tell_end(unpacker, err);
	if (r < 0)
		return err_set(err, -r, "receive from " UNPACK_PROGRAM);
	unpacker->is_finished = ret->type == UNPACK_DONE || ret->type == UNPACK_ERROR;
	if (ret->type != UNPACK_ERROR)
		return 0;
	r = ipc_msg_err(ret, &theirs);
	ipc_msg_done(ret);
	if (r < 0)
		return err_set(err, -r, "receive from " UNPACK_PROGRAM);
	if (err)
		*err = theirs;
	return -theirs.code;
}

/* A peer that has gone may have said why: that is the better error than EPIPE. */
static int send_failed(struct unpacker *unpacker, int code, struct err *err)
{
	struct ipc_msg msg;
	int r;

	if (code != EPIPE && code != ECONNRESET)
		return err_set(err, code, "send to " UNPACK_PROGRAM);
	do {
		r = unpacker_recv(unpacker, &msg, err);
		if (r == 0)
			ipc_msg_done(&msg);
	} while (r == 0);
	return r;
}

int unpacker_send(struct unpacker *unpacker, enum unpack_msg type, struct buf *payload,
	const int *fds, size_t fd_count, struct err *err)
{
	int r;

	if (buf_finish(payload) < 0)
		return err_oom(err);
	r = ipc_send(
		unpacker->socket_fd, type, payload->data, payload->len, fds, fd_count);
	buf_reset(payload);
	return r < 0 ? send_failed(unpacker, -r, err) : 0;
}

/* ---- directories ---- */

int unpacker_directory(int dirfd, const char *name, const struct import_userns *userns,
	bool is_read_only, int *ret_fd, struct err *err)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC |
			    (is_read_only ? MOUNT_ATTR_RDONLY : 0),
	};
	cleanup_close int fd = -1;

	if (userns && userns->userns_fd >= 0) {
		fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return err_set(err, errno, "open %s", name);
		*ret_fd = take_fd(&fd);
		return 0;
	}
	fd = (int)syscall(SYS_open_tree, dirfd, name,
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	if (fd < 0)
		return err_set(err, errno, "clone the mount of %s (open_tree)", name);
	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return err_set(
			err, errno, "make the mount of %s nodev (mount_setattr)", name);
	*ret_fd = take_fd(&fd);
	return 0;
}

int unpacker_remove(const char *libexec_path, const struct import_userns *userns,
	int dirfd, const char *name, struct err *err)
{
	cleanup_unpacker struct unpacker unpacker = UNPACKER_NONE;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	struct ipc_msg msg;
	int r;

	r = unpacker_start(libexec_path, userns, &unpacker, err);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_string(&w, "op", "remove");
	jw_string(&w, "name", name);
	jw_object_end(&w);
	r = unpacker_send(&unpacker, UNPACK_REQUEST, &b, &dirfd, 1, err);
	if (r == 0)
		r = unpacker_recv(&unpacker, &msg, err);
	if (r < 0)
		return err_wrap(err, "remove %s from the image store", name);
	ipc_msg_done(&msg);
	if (msg.type != UNPACK_DONE)
		return err_say(err, EPROTO, UNPACK_PROGRAM " answered out of turn");
	return 0;
}
