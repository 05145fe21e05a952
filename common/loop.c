/* SPDX-License-Identifier: Apache-2.0 */
#include "common/loop.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 16

enum source_kind { SOURCE_FD, SOURCE_SIGNALS, SOURCE_TIMER };

struct loop_source {
	struct loop *loop;
	struct loop_source *next;
	enum source_kind kind;
	int fd;
	bool is_removed;
	loop_fn fn;
	void *arg;
};

struct loop {
	int epoll_fd;
	bool is_stopped;
	bool has_removed;
	struct loop_source *sources;
};

int loop_new(struct loop **ret)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return -ENOMEM;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		free(loop);
		return -errno;
	}
	*ret = loop;
	return 0;
}

static void source_free(struct loop_source *source)
{
	if (source->kind != SOURCE_FD)
		(void)close(source->fd);
	free(source);
}

/* Takes `fd` over for the kinds that the loop made itself, also when it fails. */
static int add_source(struct loop *loop, enum source_kind kind, int fd, uint32_t events,
	loop_fn fn, void *arg, struct loop_source **ret)
{
	struct loop_source *source = calloc(1, sizeof(*source));
	struct epoll_event event = { .events = events, .data.ptr = source };
	int r = source ? 0 : -ENOMEM;

	if (r == 0 && epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		r = -errno;
	if (r < 0) {
		free(source);
		if (kind != SOURCE_FD)
			(void)close(fd);
		return r;
	}
	*source = (struct loop_source){ .loop = loop,
		.next = loop->sources,
		.kind = kind,
		.fd = fd,
		.fn = fn,
		.arg = arg };
	loop->sources = source;
	if (ret)
		*ret = source;
	return 0;
}

int loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fn fn, void *arg,
	struct loop_source **ret)
{
	return add_source(loop, SOURCE_FD, fd, events, fn, arg, ret);
}

int loop_set_events(struct loop_source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	if (epoll_ctl(source->loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event) < 0)
		return -errno;
	return 0;
}

int loop_add_signals(struct loop *loop, const sigset_t *set, loop_fn fn, void *arg)
{
	int fd;

	if (sigprocmask(SIG_BLOCK, set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	return add_source(loop, SOURCE_SIGNALS, fd, EPOLLIN, fn, arg, NULL);
}

static struct timespec to_timespec(uint64_t ms)
{
	return (struct timespec){ .tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000 };
}

/* 0 would disarm it. */
static struct timespec first_time(uint64_t ms)
{
	if (ms == LOOP_NEVER)
		return (struct timespec){ 0 };
	return ms ? to_timespec(ms) : (struct timespec){ .tv_nsec = 1 };
}

int loop_add_timer(struct loop *loop, uint64_t ms, uint64_t every_ms, loop_fn fn,
	void *arg, struct loop_source **ret)
{
	struct itimerspec when = { .it_value = first_time(ms),
		.it_interval = to_timespec(every_ms) };
	int fd;

	fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (timerfd_settime(fd, 0, &when, NULL) < 0) {
		int r = -errno;

		(void)close(fd);
		return r;
	}
	return add_source(loop, SOURCE_TIMER, fd, EPOLLIN, fn, arg, ret);
}

void loop_set_timer(struct loop_source *source, uint64_t ms)
{
	const struct itimerspec when = { .it_value = first_time(ms) };

	(void)timerfd_settime(source->fd, 0, &when, NULL);
}

/* Only marked: events of the same epoll_wait() may still name it. */
void loop_remove(struct loop_source *source)
{
	if (!source || source->is_removed)
		return;
	(void)epoll_ctl(source->loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	source->is_removed = true;
	source->loop->has_removed = true;
}

static void sweep(struct loop *loop)
{
	struct loop_source **at = &loop->sources;

	while (*at) {
		struct loop_source *source = *at;

		if (!source->is_removed) {
			at = &source->next;
			continue;
		}
		*at = source->next;
		source_free(source);
	}
	loop->has_removed = false;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	for (struct loop_source *s = loop->sources; s; s = s->next)
		loop_remove(s);
	sweep(loop);
	(void)close(loop->epoll_fd);
	free(loop);
}

static int dispatch_signals(struct loop_source *source)
{
	struct signalfd_siginfo info;
	int r = 0;

	while (r >= 0 && !source->is_removed &&
		read(source->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		r = source->fn(source, info.ssi_signo, source->arg);
	return r;
}

static int dispatch(struct loop_source *source, uint32_t events)
{
	uint64_t expirations;

	switch (source->kind) {
	case SOURCE_SIGNALS: return dispatch_signals(source);
	case SOURCE_TIMER:
		if (read(source->fd, &expirations, sizeof(expirations)) < 0)
			return 0;
		return source->fn(source, 0, source->arg);
	case SOURCE_FD: break;
	}
	return source->fn(source, events, source->arg);
}

int loop_run(struct loop *loop)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int n, r;

	loop->is_stopped = false;
	while (!loop->is_stopped) {
		n = epoll_wait(loop->epoll_fd, events, EVENTS_AT_ONCE, -1);
		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n && !loop->is_stopped; i++) {
			struct loop_source *source = events[i].data.ptr;

			if (source->is_removed)
				continue;
			r = dispatch(source, events[i].events);
			if (r < 0)
				return r;
		}
		if (loop->has_removed)
			sweep(loop);
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->is_stopped = true;
}
