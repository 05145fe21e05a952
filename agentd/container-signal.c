/* SPDX-License-Identifier: Apache-2.0 */
/* Ending containers and waiting for their end. */
#include "agentd/container-private.h"

#include "agentd/events.h"
#include "common/cleanup.h"
#include "common/signal-name.h"
#include "common/timestamp.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <signal.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <time.h>

#define RECHECK_MS 1000 /* how often a shim that was killed is looked for */
#define SETTLE_MS 10	/* between the end of the task and the shim's word on it */
#define NS_PER_MS 1000000LL
#define GRACE_MAX_MS (INT64_MAX / 4) /* for ever, and still good to add to a time */

static bool has_ended(const struct container *c)
{
	return c->status == CONTAINER_EXITED || c->status == CONTAINER_LOST;
}

static int not_running(const struct container *c, struct err *err)
{
	return err_say(err, ESRCH, "container %.*s is not running (%s)",
		CONTAINER_SHORT_ID, c->id, container_status_name(c->status));
}

static void append(
	struct engine *engine, const struct container *c, const char *type, int signal)
{
	struct event event = {
		.type = type,
		.id = c->id,
		.name = c->name,
		.image = c->image,
	};

	if (signal == 0 ||
		strv_take(&event.attributes, str_printf("signal=%d", signal)) == 0)
		events_append(engine, &event);
	strv_free(event.attributes);
}

static int send_signal(struct container *c, int signal, struct err *err)
{
	struct runtime_state state = { 0 };
	int r;

	r = runtime_state_load(c->dirfd, &state, err);
	if (r == 0)
		r = runtime_kill(&state, signal, signal == SIGKILL, err);
	runtime_state_done(&state);
	return r;
}

int container_kill(
	struct engine *engine, struct container *container, int signal, struct err *err)
{
	int r;

	if (container->status != CONTAINER_RUNNING &&
		container->status != CONTAINER_PAUSED)
		return not_running(container, err);
	r = send_signal(container, signal, err);
	if (r == 0)
		append(engine, container, "kill", signal);
	return r;
}

int64_t container_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS;
}

/* The outcome of an auto-removed container whose directory is gone: its "die" event. */
struct last_words {
	const struct container *container;
	struct container_end *end;
	bool is_found;
};

static int on_event(const struct event *event, void *arg)
{
	struct last_words *words = arg;
	const char *status;
	int64_t n;

	if (!event->id || !str_eq(event->id, words->container->id) ||
		!str_eq(event->type, "die"))
		return 0;
	status = strv_env_get(event->attributes, "exit_status");
	words->end->finished = event->time;
	if (status && str_to_i64(status, &n) == 0)
		words->end->exit_status = (int)n;
	status = strv_env_get(event->attributes, "signal");
	if (status && str_to_i64(status, &n) == 0)
		words->end->signal = (int)n;
	words->is_found = true;
	return 0;
}

static int read_last_words(struct engine *engine, struct container *c, struct err *err)
{
	struct events_options options = { .since = c->created };
	struct last_words words = { .container = c, .end = &c->end };
	int r;

	c->end = (struct container_end){
		.exit_status = -1,
		.memory_limit_bytes = UINT64_MAX,
		.memory_peak_bytes = UINT64_MAX,
		.oom_kills = UINT64_MAX,
	};
	r = events_read(engine, &options, on_event, &words, err);
	c->status = words.is_found && c->end.exit_status >= 0 ? CONTAINER_EXITED
							      : CONTAINER_LOST;
	return r;
}

/* What wakes a waiter: files appearing in the directory, and the end of the task. */
struct watch {
	int inotify_fd, pidfd;
};

static void watch_open(const struct container *c, struct watch *ret)
{
	struct runtime_state state = { 0 };
	struct err ignored;
	char path[40];

	ret->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	ret->pidfd = -1;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", c->dirfd);
	if (ret->inotify_fd >= 0)
		(void)inotify_add_watch(ret->inotify_fd, path,
			IN_CREATE | IN_MOVED_TO | IN_MOVE_SELF | IN_DELETE_SELF);
	if (runtime_state_load(c->dirfd, &state, &ignored) == 0)
		ret->pidfd = runtime_state_pidfd(&state);
	runtime_state_done(&state);
}

static void watch_close(struct watch *watch)
{
	if (watch->inotify_fd >= 0)
		(void)close(watch->inotify_fd);
	if (watch->pidfd >= 0)
		(void)close(watch->pidfd);
}

/* Waits for the next sign of life. Without inotify this polls. */
static int watch_wait(struct watch *watch, int64_t left_ms)
{
	struct pollfd fds[2] = { { .fd = watch->inotify_fd, .events = POLLIN },
		{ .fd = watch->pidfd, .events = POLLIN } };
	int64_t ms = watch->pidfd >= 0 && watch->inotify_fd >= 0 ? RECHECK_MS : SETTLE_MS;
	char drained[4096];

	if (left_ms >= 0 && left_ms < ms)
		ms = left_ms;
	if (poll(fds, 2, (int)ms) < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[0].revents)
		(void)!read(watch->inotify_fd, drained, sizeof(drained));
	if (fds[1].revents) {
		(void)close(watch->pidfd);
		watch->pidfd = -1;
	}
	return 0;
}

int container_wait(struct engine *engine, struct container *container, int64_t timeout_ms,
	struct err *err)
{
	int64_t left = timeout_ms, deadline = container_now_ms() + timeout_ms;
	struct watch watch;
	int r;

	watch_open(container, &watch);
	for (;;) {
		r = container_refresh(container, err);
		if (r == -ENOENT)
			r = read_last_words(engine, container, err);
		if (r < 0 || has_ended(container))
			break;
		if (timeout_ms >= 0) {
			left = deadline - container_now_ms();
			if (left <= 0) {
				r = err_say(err, ETIMEDOUT,
					"container %.*s is still running",
					CONTAINER_SHORT_ID, container->id);
				break;
			}
		}
		r = watch_wait(&watch, left);
		if (r < 0) {
			r = err_set(err, -r, "wait for container %.*s",
				CONTAINER_SHORT_ID, container->id);
			break;
		}
	}
	watch_close(&watch);
	return r;
}

static int stop_signal_of(const struct container *c)
{
	int signal;

	return signal_parse(c->stop_signal, &signal) < 0 ? SIGTERM : signal;
}

/* Negative: the container's own. */
static int64_t grace_of(const struct container *c, int64_t grace_ms)
{
	int64_t ms = grace_ms < 0 ? (int64_t)c->stop_timeout_ms : grace_ms;

	return ms < 0 || ms > GRACE_MAX_MS ? GRACE_MAX_MS : ms;
}

int container_ask_to_stop(struct engine *engine, struct container *container,
	int64_t grace_ms, int64_t *ret_deadline_ms, struct err *err)
{
	int64_t grace = grace_of(container, grace_ms);
	int r;

	if (container->status == CONTAINER_CREATING ||
		container->status == CONTAINER_CREATED)
		return not_running(container, err);
	if (!has_ended(container)) {
		append(engine, container, "stop", 0);
		/* A paused one cannot react to a signal: it is ended at once. */
		if (container->status == CONTAINER_PAUSED)
			grace = 0;
		else {
			r = send_signal(container, stop_signal_of(container), err);
			if (r < 0 && r != -ESRCH)
				return r;
		}
	}
	*ret_deadline_ms = container_now_ms() + grace;
	return 0;
}

int container_stop(struct engine *engine, struct container *container,
	int64_t deadline_ms, struct err *err)
{
	int64_t left = deadline_ms - container_now_ms();
	int r;

	r = container_wait(engine, container, left > 0 ? left : 0, err);
	if (r == -ETIMEDOUT) {
		r = send_signal(container, SIGKILL, err);
		if (r == 0 || r == -ESRCH)
			r = container_wait(engine, container, -1, err);
	}
	return r < 0 ? r : container_cleanup(engine, container, err);
}
