/* SPDX-License-Identifier: Apache-2.0 */
/* WAIT_CONTAINER: a watch that answers a call. */
#include "agentd/agent-docker.h"
#include "agentd/agent-work.h"

#include "agentd/container-limit.h"
#include "common/cleanup.h"

#include <errno.h>
#include <sys/resource.h>

#define FDS_OF_A_WAIT 3 /* its directory, its process, its answer */
#define FDS_KEPT 40	/* the agent's own, its workers' and for reading what ended */

struct agent_wait {
	struct agent *agent;
	struct agent_wait *next;
	struct agent_watch *watch;
	uint64_t id;	/* of the call */
	bool is_nested; /* as the call says */
};

static void forget(struct agent_wait *wait)
{
	struct agent_wait **at = &wait->agent->waits;

	while (*at && *at != wait)
		at = &(*at)->next;
	if (*at)
		*at = wait->next;
	agent_watch_free(wait->watch);
	free(wait);
}

void agent_wait_cancel(struct agent *agent, uint64_t id)
{
	struct agent_wait *wait = agent->waits;

	while (wait && wait->id != id)
		wait = wait->next;
	if (wait)
		forget(wait);
}

void agent_wait_orphan(struct agent_scope *scope)
{
	struct agent_wait *wait = scope->agent->waits;

	while (wait) {
		struct agent_wait *next = wait->next;

		if (agent_scope_has_call(scope, wait->id))
			forget(wait);
		wait = next;
	}
}

size_t agent_wait_count(const struct agent_scope *scope)
{
	size_t count = 0;

	for (const struct agent_wait *w = scope->agent->waits; w; w = w->next)
		count += agent_scope_has_call(scope, w->id);
	return count;
}

/* ---- the answer ---- */

/* As wait(2) packs it, which is what clients of Mesos unpack. */
static int64_t wait_status(const struct container_end *end)
{
	return end->signal ? end->signal : (int64_t)end->exit_status << 8;
}

static void write_end(struct json_writer *w, const struct container *c)
{
	struct container_limit limit;

	if (c->end.exit_status >= 0)
		jw_i64(w, "exit_status", wait_status(&c->end));
	if (container_limit_reached(c, &limit)) {
		jw_string(w, "state", "TASK_FAILED");
		container_limit_write(w, &limit);
	} else if (c->status == CONTAINER_LOST) {
		jw_string(w, "reason", "REASON_EXECUTOR_TERMINATED");
		jw_string(w, "message",
			"it ended while nobody watched: its shim was killed, or the host restarted");
	}
}

static void answer_end(
	struct agent *agent, uint64_t id, bool is_nested, const struct container *c)
{
	cleanup_answer struct agent_answer ended = { .status = 200 };
	struct json_writer w = JSON_WRITER(&ended.body);

	jw_object(&w, NULL);
	jw_string(&w, "type", is_nested ? "WAIT_NESTED_CONTAINER" : "WAIT_CONTAINER");
	jw_object(&w, is_nested ? "wait_nested_container" : "wait_container");
	write_end(&w, c);
	jw_object_end(&w);
	jw_object_end(&w);
	agent_api_send(agent, id, &ended);
}

static void on_end(
	void *arg, const struct container *container, int r, const struct err *err)
{
	struct agent_wait *wait = arg;

	if (r < 0)
		agent_api_fail(wait->agent, wait->id, r, err);
	else
		answer_end(wait->agent, wait->id, wait->is_nested, container);
	forget(wait);
}

/* What waits holds descriptors; a kill must still get its own. */
int agent_wait_room(const struct agent *agent, struct err *err)
{
	struct rlimit limit;
	uint64_t room = 0, count = agent_docker_wait_count(agent) +
				   agent_docker_client_count(agent) +
				   2 * agent_scope_count(agent);

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return 0;
	if (limit.rlim_cur > FDS_KEPT)
		room = (limit.rlim_cur - FDS_KEPT) / FDS_OF_A_WAIT;
	for (const struct agent_wait *w = agent->waits; w; w = w->next)
		count++;
	if (count < room)
		return 0;
	(void)err_say(err, EAGAIN,
		"%llu wait for containers or listen in one already, and the agent may open only %llu files",
		(unsigned long long)count, (unsigned long long)limit.rlim_cur);
	return err_hint(err, "try again, or raise its limit (LimitNOFILE= of its unit)");
}

void agent_wait(struct agent *agent, struct agent_call *call)
{
	cleanup_container struct container *container = NULL;
	struct agent_wait *wait = calloc(1, sizeof(*wait));
	struct err err = { 0 };
	int r = wait ? agent_wait_room(agent, &err) : err_oom(&err);

	if (r == 0)
		r = agent_find(agent, call, call->container, &container, &err);
	if (r == 0) {
		r = agent_watch_new(agent, container, on_end, wait, &wait->watch);
		if (r < 0)
			(void)err_set(&err, -r, "wait for the container");
	}
	if (r < 0) {
		agent_api_fail(agent, call->id, r, &err);
		free(wait);
		return;
	}
	(void)take_ptr(container);
	wait->agent = agent;
	wait->id = call->id;
	wait->is_nested = call->is_nested;
	wait->next = agent->waits;
	agent->waits = wait;
}
