/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks and statuses as Mesos writes them. */
#include "agentd/task-run.h"

#include "common/cleanup.h"
#include "common/timestamp.h"

#include <errno.h>

static void write_id(struct json_writer *w, const char *key, const char *value)
{
	jw_object(w, key);
	jw_string(w, "value", value);
	jw_object_end(w);
}

static void write_container(const struct agent *agent, const struct task_status *status,
	struct json_writer *w)
{
	if (!status->container)
		return;
	jw_object(w, "container_status");
	write_id(w, "container_id", status->container);
	jw_object_end(w);
}

static void write_status(const struct agent *agent, const struct task *task,
	const struct task_status *status, bool has_uuid, struct json_writer *w)
{
	write_id(w, "task_id", task->spec.id);
	jw_string(w, "state", task_state_name((enum task_state)status->state));
	jw_string(w, "source", "SOURCE_EXECUTOR");
	write_id(w, "agent_id", agent->hostname);
	write_id(w, "executor_id", task->group->id);
	jw_milli(w, "timestamp", status->time / (TIMESTAMP_SECOND / 1000));
	if (has_uuid)
		jw_string(w, "uuid", status->uuid);
	if (status->reason)
		jw_string(w, "reason", status->reason);
	if (status->message)
		jw_string(w, "message", status->message);
	write_container(agent, status, w);
}

static void write_statuses(
	const struct agent *agent, const struct task *task, struct json_writer *w)
{
	jw_array(w, "statuses");
	for (size_t i = 0; i < task->statuses.count; i++) {
		jw_object(w, NULL);
		write_status(agent, task, &task->statuses.items[i], true, w);
		jw_object_end(w);
	}
	jw_array_end(w);
}

/* The members of the TaskInfo that are shown as they came. */
static void write_shown(const struct task *task, struct json_writer *w)
{
	cleanup_json struct json_doc *doc = NULL;
	const char *text = task->spec.shown;

	if (!text || json_parse(text, strlen(text), &doc, NULL) < 0)
		return;
	json_each (member, json_root(doc))
		jw_json(w, member->key, member);
}

static void write_task(
	const struct agent *agent, const struct task *task, struct json_writer *w)
{
	const struct task_status *last =
		task->statuses.count ? &task->statuses.items[task->statuses.count - 1]
				     : NULL;

	jw_object(w, NULL);
	jw_string(w, "name", task->spec.name);
	write_id(w, "task_id", task->spec.id);
	write_id(w, "agent_id", agent->hostname);
	write_id(w, "executor_id", task->group->id);
	jw_string(w, "state", task_state_name((enum task_state)task->state));
	if (last) {
		jw_string(w, "status_update_state",
			task_state_name((enum task_state)last->state));
		jw_string(w, "status_update_uuid", last->uuid);
	}
	write_shown(task, w);
	write_statuses(agent, task, w);
	jw_object_end(w);
}

/* ---- GET_TASKS ---- */

static bool is_queued(const struct task *task)
{
	return task->state == TASK_STAGING;
}

static bool is_launched(const struct task *task)
{
	return task->state != TASK_STAGING &&
	       !task_state_is_terminal((enum task_state)task->state);
}

static bool is_terminated(const struct task *task)
{
	return task_state_is_terminal((enum task_state)task->state) && task_pending(task);
}

static bool is_completed(const struct task *task)
{
	return task_state_is_terminal((enum task_state)task->state) &&
	       !task_pending(task);
}

static const struct {
	const char *key;
	bool (*has)(const struct task *task);
} lists[] = {
	{ "queued_tasks", is_queued },
	{ "launched_tasks", is_launched },
	{ "terminated_tasks", is_terminated },
	{ "completed_tasks", is_completed },
};

int task_call_list(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	struct json_writer w = JSON_WRITER(&answer->body);

	jw_object(&w, NULL);
	jw_string(&w, "type", "GET_TASKS");
	jw_object(&w, "get_tasks");
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		jw_array(&w, lists[i].key);
		for (struct task_group *g = agent->tasks->groups; g; g = g->next) {
			for (size_t n = 0; n < g->tasks.count; n++) {
				if (lists[i].has(&g->tasks.items[n]))
					write_task(agent, &g->tasks.items[n], &w);
			}
		}
		jw_array_end(&w);
	}
	jw_object_end(&w);
	jw_object_end(&w);
	return 0;
}

/* ---- RECONCILE and the updates ---- */

static void write_latest(
	const struct agent *agent, const struct task *task, struct json_writer *w)
{
	struct task_status now = { .state = task->state, .time = timestamp_now() };

	for (size_t i = task->statuses.count; i-- > 0;) {
		if (task->statuses.items[i].state != task->state)
			continue;
		now = task->statuses.items[i];
		break;
	}
	now.reason = task_words("REASON_RECONCILIATION");
	jw_object(w, NULL);
	write_status(agent, task, &now, false, w);
	jw_object_end(w);
}

static void write_unknown(
	const struct agent *agent, const char *id, struct json_writer *w)
{
	jw_object(w, NULL);
	write_id(w, "task_id", id);
	jw_string(w, "state", task_state_name(TASK_LOST));
	jw_string(w, "source", "SOURCE_AGENT");
	write_id(w, "agent_id", agent->hostname);
	jw_string(w, "reason", "REASON_RECONCILIATION");
	jw_string(w, "message", "there is no such task");
	jw_milli(w, "timestamp", timestamp_now() / (TIMESTAMP_SECOND / 1000));
	jw_object_end(w);
}

static void write_named(
	const struct agent *agent, char *const *ids, struct json_writer *w)
{
	strv_each (id, ids) {
		const struct task *task = task_table_find(agent->tasks, *id);

		if (task)
			write_latest(agent, task, w);
		else
			write_unknown(agent, *id, w);
	}
}

static void write_all(const struct agent *agent, struct json_writer *w,
	void (*write)(const struct agent *agent, const struct task *task,
		struct json_writer *w))
{
	for (struct task_group *g = agent->tasks->groups; g; g = g->next) {
		for (size_t i = 0; i < g->tasks.count; i++)
			write(agent, &g->tasks.items[i], w);
	}
}

/* As the event of a scheduler has it. */
static void write_update(
	const struct agent *agent, const struct task *task, struct json_writer *w)
{
	const struct task_status *status = task_pending(task);

	if (!status)
		return;
	jw_object(w, NULL);
	jw_object(w, "status");
	write_status(agent, task, status, true, w);
	jw_object_end(w);
	jw_object_end(w);
}

static void write_live(
	const struct agent *agent, const struct task *task, struct json_writer *w)
{
	if (!task_state_is_terminal((enum task_state)task->state))
		write_latest(agent, task, w);
}

int task_call_reconcile(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	struct json_writer w = JSON_WRITER(&answer->body);

	jw_object(&w, NULL);
	jw_string(&w, "type", "RECONCILE");
	jw_object(&w, "reconcile");
	jw_array(&w, "statuses");
	if (call->task_ids)
		write_named(agent, call->task_ids, &w);
	else
		write_all(agent, &w, write_live);
	jw_array_end(&w);
	jw_array(&w, "updates");
	write_all(agent, &w, write_update);
	jw_array_end(&w);
	jw_object_end(&w);
	jw_object_end(&w);
	return 0;
}
