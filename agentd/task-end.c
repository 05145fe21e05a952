/* SPDX-License-Identifier: Apache-2.0 */
/* From how a container ended to how its task does. */
#include "agentd/container-limit.h"
#include "agentd/task-run.h"

#include "common/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#define MESSAGE_MAX 512

/* A status whose words it holds itself. */
struct verdict {
	struct task_status status;
	char message[MESSAGE_MAX];
};

static void say_exit(const struct container_end *end, struct verdict *v)
{
	if (end->signal)
		(void)snprintf(v->message, sizeof(v->message),
			"the command was ended by signal %d (%s)", end->signal,
			strsignal(end->signal));
	else
		(void)snprintf(v->message, sizeof(v->message),
			"the command exited with status %d", end->exit_status);
}

static void judge_lost(const struct container *container, struct verdict *v)
{
	v->status.state = TASK_LOST;
	v->status.reason = task_words("REASON_EXECUTOR_TERMINATED");
	(void)snprintf(v->message, sizeof(v->message), "%s",
		container
			? "it ended while nobody watched: its shim was killed, or the host "
			  "restarted"
			: "its container was removed before it had ended");
}

static void judge(const struct container *container, struct verdict *v)
{
	const struct container_end *end;
	struct container_limit limit;

	v->status.message = v->message;
	if (!container || container->status == CONTAINER_LOST) {
		judge_lost(container, v);
		return;
	}
	end = &container->end;
	v->status.has_exit = true;
	v->status.exit_status = end->exit_status;
	say_exit(end, v);
	if (!end->exit_status) {
		v->status.state = TASK_FINISHED;
		return;
	}
	v->status.state = TASK_FAILED;
	v->status.reason = task_words("REASON_COMMAND_EXECUTOR_FAILED");
	if (!container_limit_reached(container, &limit))
		return;
	v->status.reason = task_words(limit.reason);
	(void)snprintf(v->message, sizeof(v->message), "%s", limit.message);
}

/* What was decided before goes before what came of it. */
static void judge_asked(const struct task *task, struct verdict *v)
{
	char said[MESSAGE_MAX];

	if (v->status.state == TASK_LOST)
		return;
	v->status.state = task->end.state;
	v->status.reason = task->end.reason;
	if (!task->end.message)
		return;
	memcpy(said, v->message, sizeof(said));
	(void)snprintf(v->message, sizeof(v->message), "%.250s; %.250s",
		task->end.message, said);
}

/* ---- another attempt ---- */

static bool wants_restart(const struct task *task, enum task_state state)
{
	if (task->end.is_asked || state == TASK_ERROR ||
		(task->spec.restart.attempts &&
			task->attempt >= task->spec.restart.attempts))
		return false;
	return task->spec.restart.policy == RESTART_ALWAYS ||
	       (task->spec.restart.policy == RESTART_ON_FAILURE &&
		       state != TASK_FINISHED);
}

/* Twice as long each time, until one runs for longer than the longest of them. */
static uint64_t backoff(struct task *task, uint64_t now)
{
	uint64_t ms = task->spec.restart.backoff_ms,
		 max = task->spec.restart.backoff_max_ms;

	if (task->started_ms && now - task->started_ms >= max)
		task->backoffs = 0;
	for (uint32_t i = 0; i < task->backoffs && ms < max; i++)
		ms *= 2;
	task->backoffs++;
	return ms < max ? ms : max;
}

static void restart(struct task *task, struct verdict *v)
{
	uint64_t now = task_now_ms(), wait = backoff(task, now);
	char said[MESSAGE_MAX];

	memcpy(said, v->message, sizeof(said));
	task_begin_again(task);
	task->restart_ms = now + wait;
	task->run->is_adopted = task->run->is_asked = false;
	(void)snprintf(v->message, sizeof(v->message),
		"%.400s; attempt %u begins in %.3f seconds", said, task->attempt + 1,
		(double)wait / 1000);
	v->status.state = TASK_STARTING;
	task_tell(task, &v->status);
}

static void settle(struct task *task, struct verdict *v)
{
	if (task->end.is_asked)
		judge_asked(task, v);
	if (wants_restart(task, (enum task_state)v->status.state))
		restart(task, v);
	else
		task_tell(task, &v->status);
}

void task_take_end(struct task *task, const struct container *container)
{
	struct verdict v = { 0 };

	judge(container, &v);
	settle(task, &v);
}

/* What is asked wrongly is wrong the next time, too. */
static bool is_error(int r)
{
	return r == -EINVAL || r == -EACCES || r == -EPERM;
}

void task_take_failure(struct task *task, int r, const struct err *err)
{
	struct verdict v = { .status = { .message = v.message } };

	v.status.state = is_error(r) ? TASK_ERROR : TASK_FAILED;
	v.status.reason = task_words(
		is_error(r) ? "REASON_TASK_INVALID" : "REASON_CONTAINER_LAUNCH_FAILED");
	(void)snprintf(v.message, sizeof(v.message), "%.300s%s%.200s", err->text,
		*err->hint ? "; " : "", err->hint);
	settle(task, &v);
}
