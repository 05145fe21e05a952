/* SPDX-License-Identifier: Apache-2.0 */
#include "images/credentials-private.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define PROGRAM_PREFIX "docker-credential-"
#define ANSWER_MAX (64U << 10)
#define WAIT_MS 30000
#define END_MS 2000 /* for its end after it has answered */

/* A part of a program's name, never a path. */
static bool is_helper_name(const char *name)
{
	return *name && strlen(name) < 64 &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789-_.")] == '\0';
}

static void child(char *program, const char *action, int in_fd, int out_fd)
	__attribute__((noreturn));
static void child(char *program, const char *action, int in_fd, int out_fd)
{
	char word[16];
	char *argv[] = { program, word, NULL };
	sigset_t none;

	(void)snprintf(word, sizeof(word), "%s", action);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(in_fd, STDIN_FILENO) < 0 || dup2(out_fd, STDOUT_FILENO) < 0)
		_exit(126);
	(void)execvp(program, argv);
	_exit(errno == ENOENT ? 127 : 126);
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until its end, or for so long or so much. */
static int read_answer(int fd, struct buf *answer)
{
	int64_t until = now_ms() + WAIT_MS;
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	ssize_t n;
	char *room;

	for (;;) {
		int64_t left = until - now_ms();

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&readable, 1, (int)left) <= 0)
			continue;
		room = buf_room(answer, 4096);
		if (!room)
			return -ENOMEM;
		n = read(fd, room, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		buf_add(answer, (size_t)n);
		if (answer->len > ANSWER_MAX)
			return -EMSGSIZE;
	}
}

static int reap(pid_t pid, bool must_kill)
{
	int status = 0;

	if (must_kill)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* A program may close its output and stay: it gets little time more. */
static bool has_ended(pid_t pid)
{
	cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	int64_t until = now_ms() + END_MS, left;
	int r = 0;

	while (pidfd >= 0 && r <= 0 && (left = until - now_ms()) > 0)
		r = poll(&ended, 1, (int)left);
	return r > 0;
}

static int judge(const char *program, int status, const char *said, struct err *err)
{
	char shown[128];

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
		(void)err_say(err, ENOENT, "there is no program %s in PATH", program);
		return err_hint(err, "Install it, or take it out of credsStore and "
				     "credHelpers of config.json.");
	}
	if (strstr(said, "credentials not found"))
		return CREDENTIALS_ABSENT;
	str_printable(said, shown, sizeof(shown));
	return err_say(
		err, EIO, "%s failed: %s", program, *shown ? shown : "it gave no reason");
}

/* The input is small: a file without a name holds it, so that no write waits for a read. */
static int talk(char *program, const char *action, const char *input, struct buf *answer,
	struct err *err)
{
	cleanup_close int in_fd = fd_memfd_sealed("credentials", input, strlen(input));
	cleanup_close int read_fd = -1, write_fd = -1;
	int pipe_fds[2], r;
	pid_t pid;

	if (in_fd < 0 || pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_set(err, in_fd < 0 ? -in_fd : errno, "start %s", program);
	read_fd = pipe_fds[0];
	write_fd = pipe_fds[1];
	pid = fork();
	if (pid < 0)
		return err_set(err, errno, "start %s", program);
	if (pid == 0)
		child(program, action, in_fd, write_fd);
	(void)close(take_fd(&write_fd));
	r = read_answer(read_fd, answer);
	if (r == 0 && !has_ended(pid))
		r = -ETIMEDOUT;
	if (r < 0) {
		(void)reap(pid, true);
		return err_set(err, -r, "listen to %s", program);
	}
	r = reap(pid, false);
	if (buf_finish(answer) < 0)
		return err_oom(err);
	return judge(program, r, answer->data, err);
}

int credentials_ask(const char *name, const char *action, const char *input, char **ret,
	struct err *err)
{
	cleanup_free char *program = NULL;
	cleanup_buf struct buf answer = BUF_INIT;
	int r;

	if (!is_helper_name(name))
		return err_say(
			err, EINVAL, "\"%.64s\" is no name of a credential helper", name);
	program = str_printf(PROGRAM_PREFIX "%s", name);
	if (!program)
		return err_oom(err);
	r = talk(program, action, input, &answer, err);
	if (r != 0)
		return r;
	*ret = buf_take(&answer);
	return *ret ? 0 : err_oom(err);
}
