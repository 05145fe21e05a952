/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/supervisor.h"

#include "agentd/engine-steps.h"
#include "agentd/events.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define LISTEN_BACKLOG 8
#define WORDS_MAX 16

/* What the child says to its caller. */
enum report { REPORT_NOTE = 1, REPORT_STARTED, REPORT_FAILED };

struct started {
	pid_t pid;
};

struct failed {
	int outcome;
	struct err err;
};

/* Our ends of the process's standard input, output and error, and its own ends. */
struct stdio {
	int ours[3], theirs[3];
};

#define STDIO_INIT                                                                       \
	{                                                                                \
		{ -1, -1, -1 },                                                          \
		{                                                                        \
			-1, -1, -1                                                       \
		}                                                                        \
	}
#define cleanup_stdio cleanup_with(stdio_done)

static void close_all(int fds[3])
{
	for (int i = 0; i < 3; i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
		fds[i] = -1;
	}
}

static void stdio_done(struct stdio *stdio)
{
	close_all(stdio->ours);
	close_all(stdio->theirs);
}

static int open_pipe(struct stdio *stdio, int at, bool is_input)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	stdio->theirs[at] = fds[is_input ? 0 : 1];
	stdio->ours[at] = fds[is_input ? 1 : 0];
	return 0;
}

/* Pipes, never the caller's own descriptors: a terminal among them could be typed into from
 * inside (TIOCSTI), and the container shall outlive whoever holds the other end. */
static int stdio_open(const struct supervisor *s, struct stdio *ret)
{
	int r = 0;

	if (s->has_terminal)
		return 0;
	if (s->is_interactive)
		r = open_pipe(ret, 0, true);
	if (r == 0)
		r = open_pipe(ret, 1, false);
	if (r == 0)
		r = open_pipe(ret, 2, false);
	return r;
}

static int open_listener(int dirfd, int *ret, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path),
		"/proc/self/fd/%d/attach.sock", dirfd);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, LISTEN_BACKLOG) < 0)
		return err_set(err, errno, "make the container's socket");
	*ret = take_fd(&fd);
	return 0;
}

/* ---- becoming the shim --------------------------------------------------------------- */

struct words {
	char *argv[WORDS_MAX + 8];
	int count;
	char room[WORDS_MAX][32], net[16];
};

static void put_number(struct words *w, const char *key, int64_t value)
{
	(void)snprintf(
		w->room[w->count], sizeof(w->room[0]), "%s=%lld", key, (long long)value);
	w->argv[w->count] = w->room[w->count];
	w->count++;
}

/* A descriptor that the shim shall have under its present number. */
static void put_fd(struct words *w, const char *key, int fd)
{
	if (fd < 0 || fd_set_cloexec(fd, false) < 0)
		return;
	put_number(w, key, fd);
}

static void put(struct words *w, const char *word)
{
	w->argv[w->count++] = (char *)(uintptr_t)word;
}

/* The clean-up is the shim's last word, and reaches the agent's ucr-net by the same number. */
static void put_cleanup(struct words *w, const struct supervisor *s, const char *cleanup)
{
	int net_fd = engine_net_fd(s->engine);

	put_fd(w, "net", net_fd);
	put(w, "--");
	put(w, cleanup);
	put(w, engine_root_path(s->engine));
	put(w, engine_libexec_path(s->engine));
	put(w, s->id);
	if (net_fd < 0)
		return;
	(void)snprintf(w->net, sizeof(w->net), "%d", net_fd);
	put(w, w->net);
}

static void put_container(
	struct words *w, const struct supervisor *s, const char *cleanup)
{
	put_fd(w, "dir", s->container_dirfd);
	put_number(w, "log-bytes", (int64_t)s->log_bytes);
	put_number(w, "log-files", s->log_files);
	for (int i = 0; i < 2; i++) {
		if (s->held_fds[i] >= 0)
			(void)!fd_set_cloexec(s->held_fds[i], false);
	}
	for (size_t i = 0; i < s->port_fd_count; i++)
		(void)!fd_set_cloexec(s->port_fds[i], false);
	for (size_t i = 0; i < s->volume_fd_count; i++)
		(void)!fd_set_cloexec(s->volume_fds[i], false);
	put_cleanup(w, s, cleanup);
}

static void use_dev_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; fd >= 0 && i < 3; i++)
		(void)dup2(fd, i);
}

static void become_shim(const struct supervisor *s, const struct stdio *stdio,
	const struct runtime_container *container, int listen_fd, int client_fd)
{
	struct words words = { .count = 1 };
	cleanup_free char *path = NULL, *cleanup = NULL;

	path = str_printf("%s/ucr-shim", engine_libexec_path(s->engine));
	cleanup = str_printf("%s/ucr-cleanup", engine_libexec_path(s->engine));
	if (!path || !cleanup)
		return;
	words.argv[0] = path;
	put_fd(&words, "pid", container->pidfd);
	put_fd(&words, "in", stdio->ours[0]);
	put_fd(&words, "out", stdio->ours[1]);
	put_fd(&words, "err", stdio->ours[2]);
	put_fd(&words, "pty", container->console_fd);
	put_fd(&words, "listen", listen_fd);
	put_fd(&words, "client", client_fd);
	put_number(&words, "stdin-once", s->is_interactive && !s->is_detached);
	put_number(&words, "session", s->is_session && !s->is_detached);
	if (s->container_dirfd >= 0)
		put_container(&words, s, cleanup);
	else if (s->record_dirfd > 0)
		put_fd(&words, "record", s->record_dirfd);
	words.argv[words.count] = NULL;
	use_dev_null();
	if (chdir("/") == 0)
		(void)execv(path, words.argv);
}

/* Asked before anything is started: later there would be nobody left to tell. */
static int check_shim(const struct supervisor *s, struct err *err)
{
	cleanup_free char *path =
		str_printf("%s/ucr-shim", engine_libexec_path(s->engine));

	if (!path)
		return err_oom(err);
	if (access(path, X_OK) == 0)
		return 0;
	(void)err_set(err, errno, "execute %s", path);
	return err_hint(err, "install it there, or name its directory in UCR_LIBEXECDIR");
}

/* ---- the child ----------------------------------------------------------------------- */

static void reset_process(void)
{
	sigset_t none;

	(void)setsid();
	(void)umask(022);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void report_notes(int report_fd, struct notes *notes)
{
	strv_each (line, notes->lines)
		(void)!ipc_send(report_fd, REPORT_NOTE, *line, strlen(*line), NULL, 0);
	notes_done(notes);
}

static int report_failure(int report_fd, int outcome, const struct err *err)
{
	struct failed failed = { .outcome = outcome, .err = *err };

	(void)!ipc_send(report_fd, REPORT_FAILED, &failed, sizeof(failed), NULL, 0);
	return 1;
}

static int report_start(int report_fd, const struct runtime_container *container)
{
	struct started started = { .pid = container->pid };

	return ipc_send(report_fd, REPORT_STARTED, &started, sizeof(started),
		&container->pidfd, 1);
}

static void append_start(const struct supervisor *s)
{
	if (s->id)
		events_append(s->engine, &(struct event){ .type = "start",
						 .id = s->id,
						 .name = s->name,
						 .image = s->image });
}

/* Returns only when it failed; what was started is then ended. */
static int run_child(const struct supervisor *s, int report_fd, int client_fd)
{
	cleanup_stdio struct stdio stdio = STDIO_INIT;
	struct runtime_container container = { .pidfd = -1, .console_fd = -1 };
	cleanup_close int listen_fd = -1;
	struct notes notes = { 0 };
	struct err err = { 0 };
	int r;

	reset_process();
	r = check_shim(s, &err);
	if (r == 0) {
		r = stdio_open(s, &stdio);
		if (r < 0)
			r = err_set(&err, -r, "make pipes");
	}
	if (r == 0 && s->container_dirfd >= 0)
		r = open_listener(s->container_dirfd, &listen_fd, &err);
	else if (r == 0 && s->record_dirfd > 0)
		r = open_listener(s->record_dirfd, &listen_fd, &err);
	if (r == 0)
		r = s->start(s, stdio.theirs, &notes, &container, &err);
	report_notes(report_fd, &notes);
	if (r != 0)
		return report_failure(report_fd, r, &err);
	close_all(stdio.theirs);
	append_start(s);
	(void)!report_start(report_fd, &container);
	if (engine_step(STEP_LAUNCH_REPORTED, &err) == 0)
		become_shim(s, &stdio, &container, listen_fd, client_fd);
	/* Without a supervisor the process would run unseen. */
	(void)kill(container.pid, SIGKILL);
	return 1;
}

/* ---- the caller ---------------------------------------------------------------------- */

static int take_failure(const struct ipc_msg *msg, struct err *err)
{
	struct failed failed;

	if (msg->len != sizeof(failed))
		return err_say(err, EPROTO, "the launcher ended without a word");
	memcpy(&failed, msg->data, sizeof(failed));
	err_seal(&failed.err);
	if (err)
		*err = failed.err;
	return failed.outcome;
}

static int take_start(struct ipc_msg *msg, struct launched *launch, struct err *err)
{
	struct started started;

	if (msg->len != sizeof(started) || msg->fd_count != 1)
		return err_say(err, EPROTO, "the launcher said something unknown");
	memcpy(&started, msg->data, sizeof(started));
	launch->pid = started.pid;
	launch->pidfd = take_fd(&msg->fds[0]);
	return 0;
}

static int receive_report(int report_fd, struct launched *launch, struct err *err)
{
	struct ipc_msg msg;
	int r;

	for (;;) {
		r = ipc_recv(report_fd, &msg);
		if (r < 0)
			return err_set(err, -r, "hear from the launcher");
		if (r == 0)
			return err_say(err, EPROTO, "the launcher was killed");
		if (msg.type == REPORT_NOTE)
			r = strv_add(&launch->notes, msg.data) < 0 ? err_oom(err) : 0;
		else if (msg.type == REPORT_STARTED)
			r = take_start(&msg, launch, err);
		else
			r = take_failure(&msg, err);
		if (msg.type != REPORT_NOTE || r < 0) {
			ipc_msg_done(&msg);
			return r;
		}
	}
}

static int make_pairs(
	const struct supervisor *s, int report[2], int client[2], struct err *err)
{
	int r = ipc_pair(report);

	if (r == 0 && s->client_fd > 0) {
		client[1] = fcntl(s->client_fd, F_DUPFD_CLOEXEC, 3);
		r = client[1] < 0 ? -errno : 0;
	} else if (r == 0 && !s->is_detached) {
		r = ipc_pair(client);
	}
	return r < 0 ? err_set(err, -r, "make a socket pair") : 0;
}

static void close_pair(int pair[2])
{
	for (int i = 0; i < 2; i++) {
		if (pair[i] >= 0)
			(void)close(pair[i]);
		pair[i] = -1;
	}
}

static int run_parent(pid_t child, int report[2], int client[2], struct launched *launch,
	struct err *err)
{
	int r;

	(void)close(take_fd(&report[1]));
	if (client[1] >= 0)
		(void)close(take_fd(&client[1]));
	launch->attach_fd = take_fd(&client[0]);
	r = receive_report(report[0], launch, err);
	if (r != 0)
		(void)waitpid(child, NULL, 0);
	return r;
}

int supervisor_run(
	const struct supervisor *supervisor, struct launched *ret, struct err *err)
{
	int report[2] = { -1, -1 }, client[2] = { -1, -1 };
	struct launched launch = LAUNCHED_INIT;
	pid_t child;
	int r;

	r = make_pairs(supervisor, report, client, err);
	if (r == 0) {
		child = fork();
		if (child == 0)
			_exit(run_child(supervisor, report[1], client[1]));
		r = child < 0 ? err_set(err, errno, "fork")
			      : run_parent(child, report, client, &launch, err);
	}
	close_pair(report);
	close_pair(client);
	if (r != 0)
		launched_done(&launch);
	else
		*ret = launch;
	return r;
}

void launched_done(struct launched *launch)
{
	if (launch->pidfd >= 0)
		(void)close(launch->pidfd);
	if (launch->attach_fd >= 0)
		(void)close(launch->attach_fd);
	strv_free(launch->notes);
	*launch = (struct launched)LAUNCHED_INIT;
}
