/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked about tasks. What changes something is answered when the change is on the disk. */
#include "agentd/task-run.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdio.h>

static void fail(struct agent *agent, uint64_t id, int r, struct err *err)
{
	if (!err->code)
		(void)err_set(err, -r, "take the call");
	agent_api_fail(agent, id, r, err);
}

/* Once accepted, an id stays accepted: 202 for a repetition, as for a container. */
static void answer_known(struct agent *agent, struct task *task, uint64_t id)
{
	cleanup_answer struct agent_answer answer = { .status = 202 };

	/* Not before the first one is told so. */
	if (task->group->saved_version)
		agent_api_send(agent, id, &answer);
	else
		task_table_answer(agent->tasks, task->group, id);
}

static bool is_same_group(const struct agent_call *call, const struct task_group *group)
{
	if (group->is_group != call->is_group || group->tasks.count != call->tasks.count)
		return false;
	for (size_t i = 0; i < call->tasks.count; i++) {
		if (!task_group_find(group, call->tasks.items[i].id))
			return false;
	}
	return true;
}

static int say_other(
	const struct task *known, const struct agent_call *call, struct err *err)
{
	const char *words = known->group->is_group == call->is_group
				    ? "not with the same tasks in its group"
			    : call->is_group ? "not in a group"
					     : "in a group";

	return err_say(
		err, EEXIST, "task %s is there already, and %s", known->spec.id, words);
}

/* All of a group, or none: a part of it cannot be known and the rest be new, or of another. */
static int find_known(struct agent *agent, const struct agent_call *call,
	struct task **ret, struct err *err)
{
	for (size_t i = 0; !*ret && i < call->tasks.count; i++)
		*ret = task_table_find(agent->tasks, call->tasks.items[i].id);
	return !*ret || is_same_group(call, (*ret)->group) ? 0
							   : say_other(*ret, call, err);
}

static int add_group(
	struct agent *agent, struct agent_call *call, struct task_group **ret)
{
	int r = task_group_new(&call->tasks, call->is_group ? &call->run : NULL,
		agent->tasks->boot_id, ret);

	if (r < 0)
		return r;
	for (size_t i = 0; i < (*ret)->tasks.count; i++) {
		struct task_status status = { .state = TASK_STAGING };

		if (task_stage(&(*ret)->tasks.items[i], &status) < 0) {
			task_group_free(*ret);
			return -ENOMEM;
		}
		/* The answer to the call says it. */
		(*ret)->tasks.items[i].statuses.items[0].is_acknowledged = true;
	}
	return task_table_add(agent->tasks, *ret);
}

void task_call_launch(struct agent *agent, struct agent_call *call)
{
	struct task_group *group = NULL;
	struct task *known = NULL;
	struct err err = { 0 };
	int r = find_known(agent, call, &known, &err);

	if (r == 0 && known) {
		answer_known(agent, known, call->id);
		return;
	}
	for (size_t i = 0; r == 0 && i < call->tasks.count; i++)
		r = policy_check_labels(&call->tasks.items[i].run, &err);
	if (r == 0)
		r = add_group(agent, call, &group);
	if (r < 0)
		fail(agent, call->id, r, &err);
	else
		task_table_answer(agent->tasks, group, call->id);
}

static struct task *find(
	struct agent *agent, const struct agent_call *call, struct err *err)
{
	struct task *task = task_table_find(agent->tasks, call->task);

	if (!task)
		(void)err_say(
			err, ENOENT, "task_id.value: there is no task %s", call->task);
	return task;
}

/* The tasks of a group live and die together. */
static int kill_group(struct task *task, const struct agent_call *call)
{
	struct task_group *group = task->group;
	char message[TASK_ID_MAX + 40];
	int r = 0;

	(void)snprintf(message, sizeof(message), "task %s of its group was killed",
		task->spec.id);
	for (size_t i = 0; r == 0 && i < group->tasks.count; i++) {
		struct task *each = &group->tasks.items[i];

		r = task_ask_end(each, TASK_KILLED, NULL, each == task ? NULL : message,
			call->has_grace ? call->grace_ms : each->spec.grace_ms);
	}
	return r;
}

void task_call_kill(struct agent *agent, struct agent_call *call)
{
	struct err err = { 0 };
	struct task *task = find(agent, call, &err);
	int r = task ? kill_group(task, call) : -ENOENT;

	if (r < 0) {
		fail(agent, call->id, r, &err);
		return;
	}
	task_table_answer(agent->tasks, task->group, call->id);
}

void task_call_acknowledge(struct agent *agent, struct agent_call *call)
{
	struct err err = { 0 };
	struct task *task = find(agent, call, &err);
	int r = task ? task_acknowledge(task, call->uuid) : -ENOENT;

	if (task && r == -ENOENT)
		(void)err_say(
			&err, ENOENT, "uuid: task %s has no such status", call->task);
	if (r < 0) {
		agent_api_fail(agent, call->id, r, &err);
		return;
	}
	task_table_answer(agent->tasks, task->group, call->id);
	task_group_wake(task->group);
}
