/* SPDX-License-Identifier: Apache-2.0 */
/* Ending and removing containers. */
#include "agentd/agent-docker.h"

#include "agentd/container-filter.h"
#include "common/cleanup.h"
#include "common/signal-name.h"

#include <errno.h>
#include <signal.h>

#define STATUS_NO_CONTENT 204
#define STATUS_NOT_MODIFIED 304
#define NESTED_GRACE_MAX_MS (3600 * INT64_C(1000)) /* a worker waits for it */

static int find_signal(const struct agent_call *call, int *ret, struct err *err)
{
	const char *name = call->docker.signal;

	*ret = SIGKILL;
	if (!name || signal_parse(name, ret) == 0)
		return 0;
	return err_say(err, EINVAL, "signal: there is no signal %.40s", name);
}

int agent_docker_kill(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	int signal, r = find_signal(call, &signal, err);

	if (r == 0)
		r = agent_docker_find(agent, call, &container, err);
	if (r == 0)
		r = container_kill(agent->engine, container, signal, err);
	answer->status = STATUS_NO_CONTENT;
	return r;
}

/* The signal of one call, instead of the one that it was made with. */
static int take_signal(
	const struct agent_call *call, struct container *container, struct err *err)
{
	return call->docker.signal &&
			       str_set(&container->stop_signal, call->docker.signal) < 0
		       ? err_oom(err)
		       : 0;
}

/* Docker's -1 is for ever, and container_ask_to_stop()'s the container's own. */
static int64_t grace_ms(const struct agent_call *call)
{
	if (!call->docker.has_grace)
		return -1;
	return call->docker.grace_s < 0 ? INT64_MAX
					: (int64_t)call->docker.grace_s * 1000;
}

int agent_docker_stop(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	int64_t deadline_ms;
	int ignored, r = find_signal(call, &ignored, err);

	if (r == 0)
		r = agent_docker_find(agent, call, &container, err);
	if (r == 0)
		r = take_signal(call, container, err);
	if (r < 0)
		return r;
	answer->status = STATUS_NOT_MODIFIED;
	if (container->status != CONTAINER_RUNNING &&
		container->status != CONTAINER_PAUSED)
		return 0;
	r = container_ask_to_stop(
		agent->engine, container, grace_ms(call), &deadline_ms, err);
	if (r == 0 && call->scope &&
		deadline_ms - container_now_ms() > NESTED_GRACE_MAX_MS)
		deadline_ms = container_now_ms() + NESTED_GRACE_MAX_MS;
	if (r == 0)
		r = container_stop(agent->engine, container, deadline_ms, err);
	answer->status = STATUS_NO_CONTENT;
	return r;
}

int agent_docker_remove(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	int r = agent_docker_find(agent, call, &container, err);

	if (r == 0)
		r = container_remove(
			agent->engine, container, call->docker.is_forced, err);
	answer->status = STATUS_NO_CONTENT;
	return r;
}

int agent_docker_prune(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container_list struct container_list list = { 0 };
	struct json_writer w = JSON_WRITER(&answer->body);
	int r = container_filters_check("filters", call->docker.filters, err);

	if (r == 0)
		r = agent_list(agent, call, &list, err);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_array(&w, "ContainersDeleted");
	for (size_t i = 0; i < list.count; i++) {
		struct container *c = list.items[i];
		struct err ignored;

		/* One that was started meanwhile stays. */
		if (container_is_live(c) || !agent_sees(agent, call, c) ||
			!container_matches(c, call->docker.filters, true) ||
			container_remove(agent->engine, c, false, &ignored) < 0)
			continue;
		jw_string(&w, NULL, c->id);
	}
	jw_array_end(&w);
	jw_object_end(&w);
	return 0;
}
