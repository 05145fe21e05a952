/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/start.h"

#include "common/cleanup.h"
#include "common/path.h"
#include "runtime/hooks.h"
#include "runtime/process.h"
#include "runtime/state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A socket's address is a path: "/proc/self/fd/<dirfd>/<name>" keeps it short and ours.
 */
static struct sockaddr_un address_in(int dirfd, const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char dir[PATH_OF_FD_MAX];

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s",
		path_of_fd(dirfd, dir), name);
	return address;
}

int start_listen(int state_dirfd, int *ret_fd, struct err *err)
{
	struct sockaddr_un address = address_in(state_dirfd, STATE_CREATING);
	cleanup_close int fd = -1;

	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, errno, "make the start socket");
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, SOMAXCONN) < 0)
		return err_set(err, errno, "bind the start socket");
	*ret_fd = take_fd(&fd);
	return 0;
}

int start_publish(int state_dirfd, struct err *err)
{
	if (renameat(state_dirfd, STATE_CREATING, state_dirfd, STATE_START) < 0)
		return err_set(err, errno, "publish the start socket");
	return 0;
}

/* One message from the launcher. > 0: start now. */
static int hear_launcher(struct launch *launch, bool *is_created)
{
	struct ipc_msg msg;
	int r;

	r = ipc_recv(launch->child_fd, &msg);
	if (r <= 0) {
		(void)close(take_fd(&launch->child_fd));
		return *is_created ? 0 : -EPIPE;
	}
	ipc_msg_done(&msg);
	if (msg.type == SYNC_CREATED)
		*is_created = true;
	return msg.type == SYNC_START;
}

/* A connection that asks for the start, or -1 when it went away without. */
static int hear_starter(int listen_fd)
{
	cleanup_close int fd = -1;
	struct ipc_msg msg;

	fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0 || ipc_recv(fd, &msg) <= 0)
		return -1;
	ipc_msg_done(&msg);
	return msg.type == SYNC_START ? take_fd(&fd) : -1;
}

int start_wait(struct launch *launch)
{
	bool is_created = false;
	int fd, r;

	for (;;) {
		struct pollfd fds[] = {
			{ .fd = launch->child_fd, .events = POLLIN },
			{ .fd = is_created ? launch->listen_fd : -1, .events = POLLIN },
		};

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[0].revents) {
			r = hear_launcher(launch, &is_created);
			if (r != 0)
				return r < 0 ? r : launch->child_fd;
		}
		if (fds[1].revents) {
			fd = hear_starter(launch->listen_fd);
			if (fd >= 0)
				return fd;
		}
	}
}

/* `pid`: of the first process, which may have ended by now.
 * "A poststart hook that fails: generate an error, stop the container." (runtime.md) */
static int run_poststart(int state_dirfd, pid_t pid, struct err *err)
{
	struct runtime_state state = { 0 };
	cleanup_spec struct spec *spec = NULL;
	struct hook_run run;
	struct err ignored = { 0 };
	int r;

	r = runtime_state_load(state_dirfd, &state, err);
	if (r == 0)
		r = hooks_load_spec(state_dirfd, &spec, err);
	if (r == 0) {
		run = (struct hook_run){ .name = "poststart",
			.hooks = &spec->hooks.poststart,
			.state = &state,
			.status = RUNTIME_RUNNING,
			.pid = pid };
		r = hooks_run(&run, err);
	}
	if (r < 0 && runtime_kill(&state, SIGKILL, true, &ignored) < 0)
		(void)err_hint(err, "the container still runs: %s", ignored.text);
	runtime_state_done(&state);
	return r;
}

static int take_listener(void *arg, int listener_fd, struct err *err)
{
	const int *state_dirfd = arg;
	cleanup_spec struct spec *spec = NULL;
	struct runtime_state state = { 0 };
	int r;

	r = runtime_state_load(*state_dirfd, &state, err);
	if (r == 0)
		r = hooks_load_spec(*state_dirfd, &spec, err);
	if (r == 0)
		r = launch_send_listener(spec, &state, state.pid, listener_fd, err);
	runtime_state_done(&state);
	return r;
}

static int ask_to_start(int fd, int state_dirfd, struct err *err)
{
	int r;

	r = sync_send(fd, SYNC_START, NULL, 0, err);
	return r < 0 ? r : launch_await_exec(fd, take_listener, &state_dirfd, err);
}

int runtime_start_created(
	struct runtime_container *container, int state_dirfd, struct err *err)
{
	cleanup_close int fd = take_fd(&container->start_fd);
	int r;

	if (fd < 0)
		return err_say(err, EINVAL, "the container was already started");
	r = ask_to_start(fd, state_dirfd, err);
	if (r == 0)
		(void)unlinkat(state_dirfd, STATE_START, 0);
	else
		(void)process_signal(container->pidfd, SIGKILL);
	if (r == 0 && container->has_poststart_hooks)
		r = run_poststart(state_dirfd, container->pid, err);
	return r;
}

static int connect_start(int state_dirfd, struct err *err)
{
	struct sockaddr_un address = address_in(state_dirfd, STATE_START);
	cleanup_close int fd = -1;

	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, errno, "make a socket");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set(err, errno, "reach the waiting container");
	return take_fd(&fd);
}

static int start_state(
	int state_dirfd, const struct runtime_state *state, struct err *err)
{
	cleanup_close int fd = -1;
	struct err ignored = { 0 };
	int r;

	if (state->status != RUNTIME_CREATED)
		return err_say(err, EINVAL, "cannot start a container in the %s state",
			runtime_status_name(state->status));
	fd = connect_start(state_dirfd, err);
	if (fd < 0)
		return fd;
	r = ask_to_start(fd, state_dirfd, err);
	if (r == 0)
		(void)unlinkat(state_dirfd, STATE_START, 0);
	else if (runtime_kill(state, SIGKILL, false, &ignored) < 0)
		return r; /* it ended by itself */
	if (r == 0 && state->has_poststart_hooks)
		r = run_poststart(state_dirfd, state->pid, err);
	return r;
}

int runtime_start(int state_dirfd, struct err *err)
{
	struct runtime_state state = { 0 };
	cleanup_close int lock_fd = -1;
	int r;

	lock_fd = state_lock(state_dirfd, true, err);
	if (lock_fd < 0)
		return lock_fd;
	r = runtime_state_load(state_dirfd, &state, err);
	if (r == 0)
		r = start_state(state_dirfd, &state, err);
	runtime_state_done(&state);
	return r;
}
