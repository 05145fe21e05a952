/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's wait: the answer begins at once, for the client starts the container only when it knows
 * that its end will be told; what it says comes through a pipe when there is an end.
 */
#include "agentd/agent-docker.h"
#include "agentd/agent-work.h"

#include "common/cleanup.h"
#include "runtime/status.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>

#define STATUS_OK 200
#define STATUS_UNKNOWN 255 /* of one that ended without a witness */

/* From the end of a process until its shim has written it down, and cleaned up. */
#define SETTLE_MS 2
#define SETTLE_LOOKS 250
/* Nothing tells of a process that there is not yet, nor of a removal. */
#define RECHECK_MS 200

enum condition { NOT_RUNNING, NEXT_EXIT, REMOVED };
static const char *const conditions[] = { "not-running", "next-exit", "removed" };

struct agent_docker_wait {
	struct agent *agent;
	struct agent_docker_wait *next;
	struct container *container;
	struct loop_source *process, *timer, *client;
	enum condition condition;
	int64_t before; /* when it had ended already as this began; 0: it had not */
	unsigned int looks;
	int pidfd, fd;
};

static void close_fd(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

static void forget(struct agent_docker_wait *wait)
{
	struct agent_docker_wait **at = &wait->agent->docker_waits;

	while (*at && *at != wait)
		at = &(*at)->next;
	if (*at)
		*at = wait->next;
	loop_remove(wait->process);
	loop_remove(wait->timer);
	loop_remove(wait->client);
	close_fd(wait->pidfd);
	close_fd(wait->fd);
	container_free(wait->container);
	free(wait);
}

void agent_docker_waits_forget(struct agent *agent)
{
	while (agent->docker_waits)
		forget(agent->docker_waits);
}

void agent_docker_waits_leave(struct agent *agent)
{
	for (struct agent_docker_wait *w = agent->docker_waits; w; w = w->next) {
		if (w->fd >= 0)
			(void)close(take_fd(&w->fd));
	}
}

size_t agent_docker_wait_count(const struct agent *agent)
{
	size_t count = 0;

	for (const struct agent_docker_wait *w = agent->docker_waits; w; w = w->next)
		count++;
	return count;
}

/* ---- the answer ---- */

static void answer(struct agent_docker_wait *wait)
{
	const struct container *c = wait->container;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	bool is_known = c->status == CONTAINER_EXITED;

	jw_object(&w, NULL);
	if (c->status == CONTAINER_CREATED)
		jw_i64(&w, "StatusCode", 0);
	else
		jw_i64(&w, "StatusCode", is_known ? c->end.exit_status : STATUS_UNKNOWN);
	if (!is_known && c->status != CONTAINER_CREATED) {
		jw_object(&w, "Error");
		jw_string(&w, "Message", "it ended while nobody watched");
		jw_object_end(&w);
	}
	jw_object_end(&w);
	buf_putc(&b, '\n');
	/* It fits into an empty pipe; a client that is gone needs no answer. */
	if (buf_finish(&b) == 0)
		(void)!write(wait->fd, b.data, b.len);
}

/* ---- watching ---- */

static void look(struct agent_docker_wait *wait);

static int on_timer(struct loop_source *source, uint32_t events, void *arg)
{
	struct agent_docker_wait *wait = arg;

	wait->looks++;
	look(wait);
	return 0;
}

static int on_process(struct loop_source *source, uint32_t events, void *arg)
{
	struct agent_docker_wait *wait = arg;

	loop_remove(wait->process);
	wait->process = NULL;
	wait->looks = 0;
	look(wait);
	return 0;
}

static int on_client(struct loop_source *source, uint32_t events, void *arg)
{
	forget(arg);
	return 0;
}

static int open_process(struct agent_docker_wait *wait)
{
	struct runtime_state state = { 0 };
	struct err ignored;
	int pidfd = -ESRCH;

	if (runtime_state_load(wait->container->dirfd, &state, &ignored) == 0)
		pidfd = runtime_state_pidfd(&state);
	runtime_state_done(&state);
	return pidfd;
}

static int watch(struct agent_docker_wait *wait)
{
	bool is_settling = wait->pidfd >= 0 && wait->looks < SETTLE_LOOKS;

	if (wait->pidfd < 0) {
		wait->pidfd = open_process(wait);
		if (wait->pidfd >= 0)
			return loop_add_fd(wait->agent->loop, wait->pidfd, EPOLLIN,
				on_process, wait, &wait->process);
	}
	loop_remove(wait->timer);
	wait->timer = NULL;
	return loop_add_timer(wait->agent->loop, is_settling ? SETTLE_MS : RECHECK_MS, 0,
		on_timer, wait, &wait->timer);
}

static bool has_ended(const struct agent_docker_wait *wait)
{
	const struct container *c = wait->container;

	if (c->status != CONTAINER_EXITED && c->status != CONTAINER_LOST)
		return false;
	if (wait->condition == NOT_RUNNING)
		return true;
	return (!wait->before || c->end.finished != wait->before) &&
	       (!c->needs_cleanup || wait->looks >= SETTLE_LOOKS);
}

static bool is_over(const struct agent_docker_wait *wait)
{
	if (wait->condition == REMOVED)
		return false;
	return has_ended(wait) || (wait->condition == NOT_RUNNING &&
					  wait->container->status == CONTAINER_CREATED);
}

static void look(struct agent_docker_wait *wait)
{
	bool was_known = wait->container->status == CONTAINER_EXITED;
	struct err err = { 0 };
	int r = container_refresh(wait->container, &err);

	if (r == 0 && !is_over(wait)) {
		r = watch(wait);
		if (r == 0)
			return;
	}
	/* One that is gone has left its last words among the events. */
	if (r == -ENOENT && !was_known)
		(void)!container_wait(wait->agent->engine, wait->container, 0, &err);
	answer(wait);
	forget(wait);
}

void agent_docker_waits_look(struct agent *agent)
{
	struct agent_docker_wait *next;

	for (struct agent_docker_wait *w = agent->docker_waits; w; w = next) {
		next = w->next;
		if (!w->process)
			look(w);
	}
}

/* ---- beginning ---- */

static int find_condition(
	const struct agent_call *call, enum condition *ret, struct err *err)
{
	const char *word = call->docker.condition;

	*ret = NOT_RUNNING;
	for (size_t i = 0; word && i < sizeof(conditions) / sizeof(conditions[0]); i++) {
		*ret = (enum condition)i;
		if (str_eq(conditions[i], word))
			return 0;
	}
	return word ? err_say(err, EINVAL,
			      "condition: want not-running, next-exit or removed, not %.40s",
			      word)
		    : 0;
}

static int prepare(struct agent_docker_wait *wait, const struct agent_call *call,
	int *ret_fd, struct err *err)
{
	int fds[2], r = find_condition(call, &wait->condition, err);

	if (r == 0)
		r = agent_wait_room(wait->agent, err);
	if (r == 0)
		r = agent_docker_find(wait->agent, call, &wait->container, err);
	if (r < 0)
		return r;
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_set(err, errno, "make a pipe");
	*ret_fd = fds[0];
	wait->fd = fds[1];
	if (has_ended(wait) && wait->condition == NEXT_EXIT)
		wait->before = wait->container->end.finished;
	r = loop_add_fd(wait->agent->loop, wait->fd, 0, on_client, wait, &wait->client);
	return r < 0 ? err_set(err, -r, "wait for a client") : 0;
}

void agent_docker_wait(struct agent *agent, struct agent_call *call)
{
	struct agent_docker_wait *wait = calloc(1, sizeof(*wait));
	cleanup_close int fd = -1;
	struct err err = { 0 };
	int r;

	if (!wait) {
		agent_api_fail(agent, call->id, err_oom(&err), &err);
		return;
	}
	*wait = (struct agent_docker_wait){
		.agent = agent, .next = agent->docker_waits, .pidfd = -1, .fd = -1
	};
	agent->docker_waits = wait;
	r = prepare(wait, call, &fd, &err);
	if (r < 0) {
		agent_api_fail(agent, call->id, r, &err);
		forget(wait);
		return;
	}
	agent_api_answer(
		agent, call->id, STATUS_OK, AGENT_JSON, AGENT_FLOW_BYTES, &fd, 1);
	look(wait);
}
