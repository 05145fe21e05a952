/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event loop per process: epoll with descriptors, signals (signalfd), timers
 * (timerfd) and children (pidfd) as sources. Callbacks run from loop_run() only; one that
 * returns a negative errno ends the loop, which returns it; loop_stop() ends it with 0. A
 * source may remove itself or any other source from inside a callback. The loop never
 * closes descriptors it was given.
 */
#ifndef UCR_COMMON_LOOP_H
#define UCR_COMMON_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_source;

/* `events`: EPOLLIN and friends; for a timer 0, for a signal its number. */
typedef int (*loop_fn)(struct loop_source *source, uint32_t events, void *arg);

int loop_new(struct loop **ret) __attribute__((warn_unused_result));
/* With all its sources; NULL is fine. Not from inside a callback, nor in a child of fork(2), whose
 * epoll is its parent's. */
void loop_free(struct loop *loop);

int loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fn fn, void *arg,
	struct loop_source **ret) __attribute__((warn_unused_result));

/* Changes what an fd source waits for; 0 waits for nothing but EPOLLHUP and EPOLLERR. */
int loop_set_events(struct loop_source *source, uint32_t events)
	__attribute__((warn_unused_result));

/* Blocks the signals of the set for the process and delivers them as events. */
int loop_add_signals(struct loop *loop, const sigset_t *set, loop_fn fn, void *arg)
	__attribute__((warn_unused_result));

#define LOOP_NEVER UINT64_MAX /* not until loop_set_timer() says when */

/* Fires once after `ms` (CLOCK_BOOTTIME), again each `every_ms` when that is not 0. */
int loop_add_timer(struct loop *loop, uint64_t ms, uint64_t every_ms, loop_fn fn,
	void *arg, struct loop_source **ret) __attribute__((warn_unused_result));

/* Fires once after `ms`, whatever it was to do before. Needs neither a descriptor nor memory. */
void loop_set_timer(struct loop_source *source, uint64_t ms);

/* Removes and frees a source; NULL is fine. */
void loop_remove(struct loop_source *source);

/* 0 after loop_stop(), or what a callback returned. */
int loop_run(struct loop *loop) __attribute__((warn_unused_result));
void loop_stop(struct loop *loop);

#endif
