/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/task-group.h"

#include "common/cleanup.h"
#include "common/timestamp.h"

#include <errno.h>
#include <nettle/base64.h>
#include <sys/random.h>

const char *const task_state_names[] = {
	[TASK_STAGING] = "TASK_STAGING",
	[TASK_STARTING] = "TASK_STARTING",
	[TASK_RUNNING] = "TASK_RUNNING",
	[TASK_KILLING] = "TASK_KILLING",
	[TASK_FINISHED] = "TASK_FINISHED",
	[TASK_FAILED] = "TASK_FAILED",
	[TASK_KILLED] = "TASK_KILLED",
	[TASK_ERROR] = "TASK_ERROR",
	[TASK_LOST] = "TASK_LOST",
	[TASK_STATE_COUNT] = NULL,
};

const char *task_state_name(enum task_state state)
{
	return task_state_names[state];
}

char *task_container_name(const struct task *task)
{
	if (!task->attempt)
		return strdup(task->spec.id);
	return str_printf("%s+%u", task->spec.id, task->attempt);
}

/* ---- statuses ---- */

static int make_uuid(char **ret)
{
	uint8_t bytes[16];

	while (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		;
	*ret = calloc(1, TASK_UUID_MAX);
	if (!*ret)
		return -ENOMEM;
	base64_encode_raw(*ret, sizeof(bytes), bytes);
	return 0;
}

static void status_done(struct task_status *status)
{
	free(status->uuid);
	free(status->reason);
	free(status->message);
	free(status->container);
	*status = (struct task_status){ 0 };
}

static void drop_status(struct task *task, size_t n)
{
	struct task_status *items = task->statuses.items;

	status_done(&items[n]);
	memmove(&items[n], &items[n + 1],
		(--task->statuses.count - n) * sizeof(items[0]));
}

/* Where nobody listens, a task that is restarted for ever must not outgrow what a record can hold.
 */
static void supersede(struct task *task)
{
	size_t n = task->statuses.count;

	for (size_t i = 0; i + TASK_UNHEARD_MAX < n; i++) {
		struct task_status *status = &task->statuses.items[i];

		if (status->attempt < task->attempt &&
			!task_state_is_terminal((enum task_state)status->state))
			status->is_acknowledged = true;
	}
}

/* The oldest that nobody waits for. */
static void drop_old(struct task *task)
{
	size_t i = 0;

	supersede(task);
	while (i < task->statuses.count && task->statuses.count > TASK_STATUSES_MAX) {
		if (task->statuses.items[i].is_acknowledged)
			drop_status(task, i);
		else
			i++;
	}
}

static int fill_status(
	const struct task *task, const struct task_status *status, struct task_status *to)
{
	to->state = status->state;
	to->has_exit = status->has_exit;
	to->exit_status = status->exit_status;
	to->attempt = task->attempt;
	to->time = timestamp_now();
	to->version = task->group->version;
	to->container = task->container ? task_container_name(task) : NULL;
	if ((task->container && !to->container) || make_uuid(&to->uuid) < 0 ||
		str_set(&to->reason, status->reason) < 0 ||
		str_set(&to->message, status->message) < 0)
		return -ENOMEM;
	return 0;
}

/* A running task may say so again: it goes on after a while. */
static bool is_news(const struct task *task, const struct task_status *status)
{
	if (task_state_is_terminal(task->state) || status->state < task->state)
		return false;
	return status->state > task->state || status->message;
}

int task_stage(struct task *task, const struct task_status *status)
{
	struct task_status *grown, *to;

	grown = reallocarray(
		task->statuses.items, task->statuses.count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	task->statuses.items = grown;
	task->group->version++;
	to = &grown[task->statuses.count];
	*to = (struct task_status){ 0 };
	if (fill_status(task, status, to) < 0) {
		status_done(to);
		return -ENOMEM;
	}
	task->statuses.count++;
	task->state = status->state;
	drop_old(task);
	return 0;
}

int task_become(struct task *task, const struct task_status *status)
{
	return is_news(task, status) ? task_stage(task, status) : 1;
}

void task_begin_again(struct task *task)
{
	task->attempt++;
	task->state = TASK_STARTING;
	free(take_ptr(task->container));
	task->started_ms = task->restart_ms = 0;
	task->group->version++;
}

const struct task_status *task_pending(const struct task *task)
{
	for (size_t i = 0; i < task->statuses.count; i++) {
		const struct task_status *status = &task->statuses.items[i];

		if (!status->is_acknowledged)
			return status->version <= task->group->saved_version ? status
									     : NULL;
	}
	return NULL;
}

int task_acknowledge(struct task *task, const char *uuid)
{
	for (size_t i = 0; i < task->statuses.count; i++) {
		struct task_status *status = &task->statuses.items[i];

		if (!str_eq(status->uuid, uuid))
			continue;
		if (status->is_acknowledged)
			return 1;
		status->is_acknowledged = true;
		task->group->version++;
		return 0;
	}
	return -ENOENT;
}
