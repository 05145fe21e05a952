/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/agent-work.h"
#include "agentd/container-private.h"

#include "common/cleanup.h"
#include "runtime/status.h"

#include <errno.h>
#include <sys/epoll.h>

/* From the end of a process until its shim has written it down, and what it had used. */
#define SETTLE_MS 2
#define SETTLE_LOOKS 250
#define CLEANED_LOOKS (SETTLE_LOOKS + 50) /* while somebody is at it: 10 s more */
/* Nothing tells of the end of one that had no process yet when it was asked for. */
#define RECHECK_MS 200

struct agent_watch {
	struct agent *agent;
	struct container *container;
	agent_watch_fn fn;
	void *arg;
	struct loop_source *process, *timer;
	unsigned int looks; /* since there is nothing but to look again */
	int pidfd;
};

void agent_watch_free(struct agent_watch *watch)
{
	if (!watch)
		return;
	loop_remove(watch->process);
	loop_remove(watch->timer);
	if (watch->pidfd >= 0)
		(void)close(watch->pidfd);
	container_free(watch->container);
	free(watch);
}

struct container *agent_watch_container(const struct agent_watch *watch)
{
	return watch->container;
}

static int look(struct agent_watch *watch);

static int on_timer(struct loop_source *source, uint32_t events, void *arg)
{
	struct agent_watch *watch = arg;

	watch->looks++;
	return look(watch);
}

static int on_process(struct loop_source *source, uint32_t events, void *arg)
{
	struct agent_watch *watch = arg;

	loop_remove(watch->process);
	watch->process = NULL;
	return look(watch);
}

static int open_process(const struct agent_watch *watch)
{
	struct runtime_state state = { 0 };
	struct err ignored;
	int pidfd = -ESRCH;

	if (runtime_state_load(watch->container->dirfd, &state, &ignored) == 0)
		pidfd = runtime_state_pidfd(&state);
	runtime_state_done(&state);
	return pidfd;
}

/* It has ended, perhaps before it was asked for, and whoever writes that down is at it. */
static bool is_settling(const struct agent_watch *watch)
{
	return watch->looks < SETTLE_LOOKS &&
	       (watch->pidfd >= 0 || !container_is_live(watch->container));
}

/* The process's end wakes us; what has none is looked at again. */
static int wait_on(struct agent_watch *watch)
{
	if (watch->pidfd < 0) {
		watch->pidfd = open_process(watch);
		if (watch->pidfd >= 0)
			return loop_add_fd(watch->agent->loop, watch->pidfd, EPOLLIN,
				on_process, watch, &watch->process);
	}
	loop_remove(watch->timer);
	watch->timer = NULL;
	return loop_add_timer(watch->agent->loop,
		is_settling(watch) ? SETTLE_MS : RECHECK_MS, 0, on_timer, watch,
		&watch->timer);
}

/* Why it ended is written down last, with what it had used; by nobody, if that one was killed. */
static bool is_settled(const struct agent_watch *watch)
{
	const struct container *c = watch->container;

	if (c->status != CONTAINER_EXITED && c->status != CONTAINER_LOST)
		return false;
	if (!c->needs_cleanup || watch->looks >= CLEANED_LOOKS)
		return true;
	return watch->looks >= SETTLE_LOOKS && !container_is_locked(c);
}

static int look(struct agent_watch *watch)
{
	struct err err = { 0 };
	int r = container_refresh(watch->container, &err);

	if (r == -ENOENT)
		(void)err_say(&err, ENOENT, "the container was removed");
	if (r == 0 && !is_settled(watch)) {
		r = wait_on(watch);
		if (r == 0)
			return 0;
		(void)err_set(&err, -r, "wait for the container");
	}
	watch->fn(watch->arg, watch->container, r, &err);
	return 0;
}

/* From the loop, even of what has ended: whoever asks has written down who it was first. */
static int on_first(struct loop_source *source, uint32_t events, void *arg)
{
	struct agent_watch *watch = arg;

	loop_remove(watch->timer);
	watch->timer = NULL;
	return look(watch);
}

int agent_watch_new(struct agent *agent, struct container *container, agent_watch_fn fn,
	void *arg, struct agent_watch **ret)
{
	struct agent_watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return -ENOMEM;
	*watch =
		(struct agent_watch){ .agent = agent, .fn = fn, .arg = arg, .pidfd = -1 };
	r = loop_add_timer(agent->loop, 0, 0, on_first, watch, &watch->timer);
	if (r < 0) {
		free(watch);
		return r;
	}
	watch->container = container;
	*ret = watch;
	return 0;
}
