/* SPDX-License-Identifier: Apache-2.0 */
/* EXEC_CONTAINER. */
#include "agentd/agent-own-ops.h"

#include "agentd/launch.h"
#include "agentd/launch-nested.h"
#include "common/cleanup.h"

#include <errno.h>

int agent_answer_outcome(struct agent_answer *answer, int status, const struct err *err)
{
	struct json_writer w = JSON_WRITER(&answer->body);

	buf_reset(&answer->body);
	answer->status = agent_error_status(-EINVAL);
	jw_object(&w, NULL);
	jw_string(&w, "error", err->text);
	if (*err->hint)
		jw_string(&w, "hint", err->hint);
	jw_i64(&w, "exit_status", status);
	jw_object_end(&w);
	return 0;
}

static void write_started(struct agent_answer *answer, const struct launched *launched)
{
	struct json_writer w = JSON_WRITER(&answer->body);

	jw_object(&w, NULL);
	jw_i64(&w, "pid", launched->pid);
	jw_strv(&w, "notes", launched->notes);
	jw_object_end(&w);
}

int agent_check_exec(struct agent *agent, const struct agent_call *call,
	const struct container *container, const struct run_options *run, struct err *err)
{
	bool has_host_ids = !container->ids.count && !engine_is_rootless(agent->engine);
	const struct run_options asked = { .user = run->user ? run->user
							     : container->user };
	int r = call->scope ? launch_nested_check_exec(container, asked.user, err) : 0;

	return r < 0 ? r : policy_check_exec(&agent->policy, &asked, has_host_ids, err);
}

int agent_exec(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	cleanup_launched struct launched launched = LAUNCHED_INIT;
	const struct run_options *run = &call->run;
	const struct exec_options options = {
		.command = run->command,
		.env = run->env,
		.workdir = run->workdir,
		.user = run->user,
		.is_interactive = run->is_interactive,
		.has_terminal = run->has_terminal,
		.is_detached = !call->is_attached,
	};
	int r = agent_find(agent, call, call->container, &container, err);

	if (r == 0)
		r = agent_check_exec(agent, call, container, run, err);
	if (r == 0)
		r = launch_exec(agent->engine, container, &options, &launched, err);
	if (r > 0)
		return agent_answer_outcome(answer, r, err);
	if (r < 0)
		return r;
	write_started(answer, &launched);
	if (call->is_attached) {
		answer->flow = AGENT_FLOW_FRAMES;
		answer->fd = take_fd(&launched.attach_fd);
	}
	return 0;
}
