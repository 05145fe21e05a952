/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/agent-docker.h"
#include "agentd/agent-launch.h"
#include "agentd/agent-streams.h"
#include "agentd/agent-volumes.h"
#include "agentd/task-run.h"

#include "agentd/agent-metrics.h"
#include "agentd/agent-network.h"
#include "agentd/agent-own-ops.h"
#include "agentd/container-measure.h"
#include "agentd/container-nested.h"
#include "common/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>

void agent_answer_done(struct agent_answer *answer)
{
	buf_done(&answer->body);
	if (answer->flow != AGENT_FLOW_NONE)
		(void)close(answer->fd);
}

void agent_answer_error(struct agent_answer *answer, int r, const struct err *err)
{
	struct json_writer w = JSON_WRITER(&answer->body);

	buf_reset(&answer->body);
	if (answer->flow != AGENT_FLOW_NONE)
		(void)close(answer->fd);
	answer->flow = AGENT_FLOW_NONE;
	answer->status = agent_error_status(r);
	agent_error_write(&w, err);
}

/* ---- what is asked for ---- */

static int health(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	buf_puts(&answer->body,
		"{\"type\":\"GET_HEALTH\",\"get_health\":{\"healthy\":true}}");
	return 0;
}

static int version(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	buf_puts(&answer->body,
		"{\"type\":\"GET_VERSION\",\"get_version\":{\"version_info\":{\"version\":"
		"\"" PACKAGE_VERSION "\"}}}");
	return 0;
}

static int get_agent(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	struct json_writer w = JSON_WRITER(&answer->body);

	jw_object(&w, NULL);
	jw_string(&w, "type", "GET_AGENT");
	jw_object(&w, "get_agent");
	jw_object(&w, "agent_info");
	jw_string(&w, "hostname", agent->hostname);
	resources_write(&w, "resources", &agent->resources);
	attributes_write(&w, "attributes", &agent->attributes);
	jw_object_end(&w);
	jw_object_end(&w);
	jw_object_end(&w);
	return 0;
}

static void write_usage(
	struct agent *agent, struct container *container, struct json_writer *w)
{
	struct container_measure measure;
	struct err ignored;

	if (container_measure(agent->engine, container, &measure, &ignored) < 0)
		return;
	jw_object(w, "resource_statistics");
	container_write_statistics(w, &measure);
	jw_object_end(w);
}

/* With those it is in, as far as the scope reaches. */
static void write_id(struct agent *agent, const struct agent_call *call, const char *key,
	const struct container *container, struct json_writer *w)
{
	cleanup_container struct container *parent = NULL;
	const char *id = container_parent(container);
	struct err ignored;

	jw_object(w, key);
	jw_string(w, "value", container->name ? container->name : container->id);
	if (id && !(call->scope && str_eq(id, call->scope)) &&
		container_find_in(agent->engine, NULL, id, &parent, &ignored) == 0)
		write_id(agent, call, "parent", parent, w);
	jw_object_end(w);
}

/* As GET_TASKS has it: what a task shares the fate of, which is its group or itself. */
static void write_executor(struct json_writer *w, const struct container *container)
{
	const char *id = strv_env_get(container->labels, TASK_GROUP_LABEL);

	if (!id)
		id = strv_env_get(container->labels, TASK_LABEL);
	if (!id)
		return;
	jw_object(w, "executor_id");
	jw_string(w, "value", id);
	jw_object_end(w);
}

static void write_container(struct agent *agent, const struct agent_call *call,
	struct container *container, struct json_writer *w)
{
	jw_object(w, NULL);
	write_id(agent, call, "container_id", container, w);
	write_executor(w, container);
	jw_object(w, "container_status");
	if (container->pid)
		jw_i64(w, "executor_pid", container->pid);
	agent_network_write(agent, w, container);
	jw_object_end(w);
	write_usage(agent, container, w);
	jw_object_end(w);
}

static int containers(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container_list struct container_list list = { 0 };
	struct json_writer w = JSON_WRITER(&answer->body);
	int r = agent_list(agent, call, &list, err);

	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_string(&w, "type", "GET_CONTAINERS");
	jw_object(&w, "get_containers");
	jw_array(&w, "containers");
	for (size_t i = 0; i < list.count; i++) {
		if (container_is_live(list.items[i]) &&
			(call->is_deep || !container_parent(list.items[i]) ||
				call->scope))
			write_container(agent, call, list.items[i], &w);
	}
	jw_array_end(&w);
	jw_object_end(&w);
	jw_object_end(&w);
	return 0;
}

static int kill_container(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	int r = agent_find(agent, call, call->container, &container, err);

	if (r < 0)
		return r;
	if (call->signal >= (uint32_t)_NSIG)
		return err_say(err, EINVAL,
			"kill_container.signal: there is no signal %u", call->signal);
	return container_kill(agent->engine, container,
		call->signal ? (int)call->signal : SIGKILL, err);
}

static int remove_container(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	int r = agent_find(agent, call, call->container, &container, err);

	if (r < 0)
		return r;
	return container_remove(agent->engine, container, call->is_forced, err);
}

static int metrics(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container_list struct container_list list = { 0 };
	struct metrics metrics = { .out = &answer->body };
	int r = container_list(agent->engine, &list, err);

	return r < 0 ? r : agent_put_metrics(agent, &list, &metrics, err);
}

static const struct agent_op ops[] = {
	{ "health", health, .is_quick = true, .is_for_all = true },
	{ "version", version, .is_quick = true, .is_for_all = true },
	{ "agent", get_agent, .is_quick = true },
	{ "containers", containers, .is_for_all = true },
	{ "launch", agent_launch, .is_slow = true, .is_for_all = true },
	{ "run", agent_launch, .is_slow = true, .is_for_all = true },
	{ "exec", agent_exec, .is_for_all = true },
	{ "logs", agent_logs, .stays = true, .is_for_all = true },
	{ "events", agent_events, .stays = true },
	{ "measure", agent_measure_container, .is_for_all = true },
	{ "profile", agent_profile_container, .is_slow = true },
	{ "wait", .begin = agent_wait, .is_for_all = true },
	{ "kill", kill_container, .is_for_all = true },
	{ "remove", remove_container, .is_slow = true, .is_for_all = true },
	{ "list", agent_list_containers, .is_for_all = true },
	{ "find", agent_find_container, .is_for_all = true },
	{ "inspect", agent_inspect_container, .is_for_all = true },
	{ "stop", agent_stop_container, .is_for_all = true },
	{ "top", agent_list_processes, .is_for_all = true },
	{ "images", agent_list_images, .is_for_all = true },
	{ "image", agent_inspect_image, .is_for_all = true },
	{ "pull", agent_pull_image, .is_slow = true, .is_for_all = true },
	{ "prune-images", agent_prune_images },
	{ "load-image", agent_load_image, .is_slow = true },
	{ "list-files", agent_list_files },
	{ "read-file", agent_read_file },
	{ "download", agent_download },
	{ "attach", agent_attach, .is_for_all = true },
	{ "attach-input", agent_attach_input, .is_for_all = true },
	{ "volumes", agent_get_volumes },
	{ "create-volumes", agent_create_volumes },
	{ "grow-volumes", agent_grow_volumes },
	{ "destroy-volumes", agent_destroy_volumes },
	{ "metrics", metrics, .type = AGENT_METRICS },
	{ "launch-tasks", .begin = task_call_launch },
	{ "kill-task", .begin = task_call_kill },
	{ "acknowledge", .begin = task_call_acknowledge },
	{ "tasks", task_call_list },
	{ "reconcile", task_call_reconcile },
	{ 0 },
};

const struct agent_op *agent_op_find(const char *name)
{
	const struct agent_op *op = ops;

	while (op->name && !str_eq(op->name, name))
		op++;
	return op->name ? op : agent_docker_op_find(name);
}

void agent_op_run(const struct agent_op *op, struct agent *agent,
	const struct agent_call *call, struct agent_answer *answer)
{
	struct err err = { 0 };
	int r;

	answer->status = 200;
	r = op->fn(agent, call, answer, &err);
	if (r < 0)
		agent_answer_error(answer, r, &err);
}
