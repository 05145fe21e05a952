/* SPDX-License-Identifier: Apache-2.0 */
#include "images/helper.h"
#include "images/helper-user.h"

#include "common/cleanup.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define EXIT_WAIT_MS 1000

/* ---- the process ---- */

struct start {
	const struct helper_program *program;
	const char *path;
	int program_fd, userns_fd, socket_fd;
	pid_t parent;
};

/* Before the program is executed: only so is it no process of root's from its first
 * instruction on. */
static int leave_root(struct err *err)
{
	cleanup_close int etc = open("/etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct helper_user user = helper_user_find(etc);

	if (setgroups(0, NULL) < 0 || setresgid(user.gid, user.gid, user.gid) < 0 ||
		setresuid(user.uid, user.uid, user.uid) < 0)
		return err_set(err, errno, "give up the rights of root");
	return 0;
}

static int child_prepare(const struct start *start, struct err *err)
{
	sigset_t none;
	int r = 0;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (start->userns_fd >= 0 && setns(start->userns_fd, CLONE_NEWUSER) < 0)
		return err_set(err, errno, "enter the user namespace for %s",
			start->program->name);
	if (start->program->leaves_root && geteuid() == 0)
		r = leave_root(err);
	if (r < 0)
		return r;
	/* After the change of credentials, which clears it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_set(err, errno, "prctl PR_SET_PDEATHSIG");
	if (getppid() != start->parent)
		_exit(1);
	if (start->socket_fd == HELPER_SOCKET_FD
			? fcntl(start->socket_fd, F_SETFD, 0) < 0
			: dup2(start->socket_fd, HELPER_SOCKET_FD) < 0)
		return err_set(err, errno, "hand the socket to %s", start->program->name);
	return 0;
}

/* By descriptor for another user, who may not be able to walk the path. */
static void execute(const struct start *start, char **argv)
{
	if (start->program->leaves_root)
		(void)syscall(SYS_execveat, start->program_fd, "", argv, environ,
			AT_EMPTY_PATH);
	else
		(void)execv(start->path, argv);
}

/* What fails before the exec is told over the socket as the program itself would. */
static void child(const struct start *start) __attribute__((noreturn));
static void child(const struct start *start)
{
	char name[32];
	char *argv[] = { name, NULL };
	int socket_fd = start->socket_fd;
	struct err err;

	(void)stpncpy(name, start->program->name, sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	if (child_prepare(start, &err) == 0) {
		execute(start, argv);
		(void)err_set(&err, errno, "run %s", start->path);
		socket_fd = HELPER_SOCKET_FD;
	}
	(void)!ipc_send_err(socket_fd, start->program->error, &err);
	_exit(127);
}

static int open_program(const struct start *start, struct err *err)
{
	/* Above what the child makes its socket. */
	int low = open(start->path, O_PATH | O_CLOEXEC);
	int fd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, HELPER_SOCKET_FD + 1);

	if (fd < 0) {
		(void)err_set(err, errno, "run %s", start->path);
		(void)err_hint(
			err, "install it there, or name its directory in UCR_LIBEXECDIR");
	}
	if (low >= 0)
		(void)close(low);
	return fd < 0 ? -err->code : fd;
}

int helper_start(const struct helper_program *program, const char *libexec_path,
	int userns_fd, struct helper *ret, struct err *err)
{
	struct start start = {
		.program = program, .userns_fd = userns_fd, .parent = getpid()
	};
	cleanup_close int ours = -1, theirs = -1, program_fd = -1;
	cleanup_free char *path = NULL;
	struct err local;
	int pair[2], r;
	pid_t pid;

	err = err ? err : &local;
	if (!libexec_path)
		return err_say(err, EINVAL, "this image store was opened without %s",
			program->name);
	path = str_printf("%s/%s", libexec_path, program->name);
	if (!path)
		return err_oom(err);
	start.path = path;
	start.program_fd = program_fd = open_program(&start, err);
	if (program_fd < 0)
		return program_fd;
	r = ipc_pair(pair);
	if (r < 0)
		return err_set(err, -r, "make a socket pair");
	ours = pair[0];
	start.socket_fd = theirs = pair[1];
	pid = fork();
	if (pid < 0)
		return err_set(err, errno, "start %s", program->name);
	if (pid == 0)
		child(&start);
	*ret = (struct helper){
		.program = program, .pid = pid, .socket_fd = take_fd(&ours)
	};
	return 0;
}

static int reap(struct helper *helper)
{
	int status = 0;

	while (waitpid(helper->pid, &status, 0) < 0) {
		if (errno != EINTR)
			break;
	}
	helper->pid = 0;
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

void helper_stop(struct helper *helper)
{
	if (helper->socket_fd >= 0)
		(void)close(take_fd(&helper->socket_fd));
	if (helper->pid <= 0)
		return;
	/* Not reaped yet, so the pid is still its own. */
	if (!helper->is_finished || !ends_soon(helper->pid))
		(void)kill(helper->pid, SIGKILL);
	(void)reap(helper);
}

/* ---- messages ---- */

static int tell_end(struct helper *helper, struct err *err)
{
	int status = helper->pid > 0 ? reap(helper) : 0;

	if (WIFSIGNALED(status))
		return err_say(err, EIO, "%s was ended by signal %d (%s)",
			helper->program->name, WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	return err_say(err, EIO, "%s ended early with status %d", helper->program->name,
		WEXITSTATUS(status));
}

int helper_recv(struct helper *helper, struct ipc_msg *ret, struct err *err)
{
	struct err theirs;
	int r;

	r = ipc_recv(helper->socket_fd, ret);
	if (r == 0)
		return tell_end(helper, err);
	if (r < 0)
		return err_set(err, -r, "receive from %s", helper->program->name);
	helper->is_finished =
		ret->type == helper->program->done || ret->type == helper->program->error;
	if (ret->type != helper->program->error)
		return 0;
	r = ipc_msg_err(ret, &theirs);
	ipc_msg_done(ret);
	if (r < 0)
		return err_set(err, -r, "receive from %s", helper->program->name);
	if (err)
		*err = theirs;
	return -theirs.code;
}

/* A peer that has gone may have said why: that is the better error than EPIPE. */
static int send_failed(struct helper *helper, int code, struct err *err)
{
	struct ipc_msg msg;
	int r;

	if (code != EPIPE && code != ECONNRESET)
		return err_set(err, code, "send to %s", helper->program->name);
	do {
		r = helper_recv(helper, &msg, err);
		if (r == 0)
			ipc_msg_done(&msg);
	} while (r == 0);
	return r;
}

int helper_send(struct helper *helper, uint32_t type, struct buf *payload, const int *fds,
	size_t fd_count, struct err *err)
{
	int r;

	if (buf_finish(payload) < 0)
		return err_oom(err);
	r = ipc_send(helper->socket_fd, type, payload->data, payload->len, fds, fd_count);
	buf_reset(payload);
	return r < 0 ? send_failed(helper, -r, err) : 0;
}
