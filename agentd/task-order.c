/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks of a group among each other: who waits for whom, and that they end together. */
#include "agentd/task-run.h"

#include <stdio.h>

static bool has_failed(const struct task *task)
{
	return task->state > TASK_FINISHED;
}

static bool is_met(const struct task *other, enum task_condition condition)
{
	return condition == AFTER_FINISHED
		       ? other->state == TASK_FINISHED
		       : other->state >= TASK_RUNNING && !has_failed(other);
}

/* By its id or its name, as task_specs_find(). */
static const struct task *find(const struct task_group *group, const char *name)
{
	for (size_t i = 0; i < group->tasks.count; i++) {
		const struct task *task = &group->tasks.items[i];

		if (str_eq(task->spec.id, name) || str_eq(task->spec.name, name))
			return task;
	}
	return NULL;
}

/* One init task after the other, in their order; then all that are none. */
static bool is_turn(const struct task *task)
{
	const struct task_group *group = task->group;

	for (size_t i = 0; i < group->tasks.count; i++) {
		const struct task *other = &group->tasks.items[i];

		if (other == task && task->spec.is_init)
			return true;
		if (other->spec.is_init && other->state != TASK_FINISHED)
			return false;
	}
	return true;
}

bool task_may_start(const struct task *task)
{
	if (!is_turn(task))
		return false;
	for (size_t i = 0; i < task->spec.depends.count; i++) {
		const struct task_dependency *d = &task->spec.depends.items[i];
		const struct task *other = find(task->group, d->task);

		if (!other || !is_met(other, (enum task_condition)d->condition))
			return false;
	}
	return true;
}

/* One who was asked before keeps the time that he was given. */
void task_group_end(struct task_group *group, enum task_state state, const char *message)
{
	for (size_t i = 0; i < group->tasks.count; i++) {
		struct task *task = &group->tasks.items[i];

		if (!task->end.is_asked &&
			task_ask_end(task, state, "REASON_EXECUTOR_TERMINATED", message,
				task->spec.grace_ms) < 0)
			task_wake_at(task, task_now_ms() + TASK_AGAIN_MS);
	}
}

void task_group_bind(struct task_group *group)
{
	char message[TASK_ID_MAX + 80];

	for (size_t i = 0; i < group->tasks.count; i++) {
		const struct task *task = &group->tasks.items[i];

		if (!has_failed(task))
			continue;
		(void)snprintf(message, sizeof(message), "task %s of its group is %s",
			task->spec.id, task_state_name((enum task_state)task->state));
		task_group_end(group, TASK_KILLED, message);
		return;
	}
}
