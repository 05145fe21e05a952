/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/task-run.h"

#include "common/cleanup.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#define CREATING_MS 50 /* how often one is looked at that another agent began to launch */
#define KILL_AGAIN_MS 1000 /* what is left after a kill is killed again */

void task_tell(struct task *task, const struct task_status *status)
{
	if (task_become(task, status) == 0)
		task_group_wake(task->group);
}

/* One who is in a greater hurry is heard; none gives more time than there was. */
static void hurry(struct task *task, uint64_t grace_ms)
{
	uint64_t kill_ms = task_now_ms() + grace_ms;

	if (task->end.kill_ms ? kill_ms >= task->end.kill_ms
			      : grace_ms >= task->end.grace_ms)
		return;
	if (task->end.kill_ms)
		task->end.kill_ms = kill_ms;
	if (grace_ms < task->end.grace_ms)
		task->end.grace_ms = grace_ms;
	task->group->version++;
	task_group_wake(task->group);
}

int task_ask_end(struct task *task, enum task_state state, const char *reason,
	const char *message, uint64_t grace_ms)
{
	if (task_state_is_terminal((enum task_state)task->state))
		return 0;
	if (task->end.is_asked) {
		hurry(task, grace_ms);
		return 0;
	}
	if (str_set(&task->end.reason, reason) < 0 ||
		str_set(&task->end.message, message) < 0)
		return -ENOMEM;
	task->end.is_asked = true;
	task->end.state = state;
	task->end.grace_ms = grace_ms;
	task->group->version++;
	task_group_wake(task->group);
	return 0;
}

/* ---- its container ---- */

static void on_end(
	void *arg, const struct container *container, int r, const struct err *err)
{
	struct task *task = arg;
	struct agent_watch *watch = take_ptr(task->run->watch);

	if (r < 0 && r != -ENOENT) {
		task->run->is_adopted = false;
		task_wake_at(task, task_now_ms() + TASK_AGAIN_MS);
	} else {
		task_take_end(task, r < 0 ? NULL : container);
		task_group_wake(task->group);
	}
	agent_watch_free(watch);
}

static void take_container(struct task *task, struct container *container)
{
	struct task_status status = { .state = TASK_RUNNING };

	if (!task->container || !str_eq(task->container, container->id)) {
		if (str_set(&task->container, container->id) < 0)
			return;
		task->group->version++;
	}
	if (!task->started_ms)
		task->started_ms = task_now_ms();
	if (task->state < TASK_RUNNING)
		task_tell(task, &status);
}

/* One that its launcher never started is launched again; see the job. */
static bool is_leftover(const struct container *c)
{
	return c->status == CONTAINER_LOST && !c->started;
}

static int watch(struct task *task, struct container *container)
{
	int r = agent_watch_new(
		task->run->agent, container, on_end, task, &task->run->watch);

	if (r < 0)
		task_wake_at(task, task_now_ms() + TASK_AGAIN_MS);
	return r;
}

/* What is there already: of this launch, of one before a kill -9, or of none. */
static void adopt(struct task *task)
{
	cleanup_container struct container *container = NULL;
	struct task_run *run = task->run;
	cleanup_free struct err *failure = NULL;
	struct err ignored;
	int r = task_find_container(
		run->agent, task, task->attempt, &container, &ignored);

	if (r < 0 && r != -ENOENT) {
		task_wake_at(task, task_now_ms() + TASK_AGAIN_MS);
		return;
	}
	if (r == 0 && container->status == CONTAINER_CREATING) {
		task_wake_at(task, task_now_ms() + CREATING_MS);
		return;
	}
	run->is_adopted = true;
	failure = take_ptr(run->failure);
	if (r == 0 && !is_leftover(container)) {
		take_container(task, container);
		if (watch(task, container) < 0)
			run->is_adopted = false;
		else
			(void)take_ptr(container);
		return;
	}
	if (failure)
		task_take_failure(task, -failure->code, failure);
	else if (task->container || task->state >= TASK_RUNNING)
		task_take_end(task, NULL);
}

/* ---- what runs ---- */

static void ask(struct task *task, uint64_t now)
{
	struct task_status status = { .state = TASK_KILLING,
		.reason = task->end.reason,
		.message = task->end.message };
	struct container *container = agent_watch_container(task->run->watch);
	int64_t deadline;
	struct err ignored;

	if (task->state < TASK_KILLING)
		task_tell(task, &status);
	task->run->is_asked = true;
	if (container_refresh(container, &ignored) < 0 ||
		container_ask_to_stop(task->run->agent->engine, container,
			(int64_t)task->end.grace_ms, &deadline, &ignored) < 0)
		deadline = (int64_t)(now + task->end.grace_ms);
	/* What an agent before this one set is not put off. */
	if (task->end.kill_ms && task->end.kill_ms <= (uint64_t)deadline)
		return;
	task->end.kill_ms = (uint64_t)deadline;
	task->group->version++;
}

static void end(struct task *task, uint64_t now)
{
	struct task_run *run = task->run;
	uint64_t due;

	if (!run->is_asked)
		ask(task, now);
	due = run->kill_again_ms ? run->kill_again_ms : task->end.kill_ms;
	if (run->is_killing)
		return;
	if (due > now) {
		task_wake_at(task, due);
		return;
	}
	run->is_killing = true;
	run->kill_again_ms = now + KILL_AGAIN_MS;
	agent_work_job(run->agent, &task_kill_job, task);
}

static void check_time(struct task *task, uint64_t now)
{
	uint64_t due = task->launched_ms + task->spec.max_completion_ms;
	char message[80];

	if (!task->spec.max_completion_ms || !task->launched_ms || task->end.is_asked)
		return;
	if (due > now) {
		task_wake_at(task, due);
		return;
	}
	(void)snprintf(message, sizeof(message), "it ran longer than its %.3f seconds",
		(double)task->spec.max_completion_ms / 1000);
	if (task_ask_end(task, TASK_FAILED, "REASON_MAX_COMPLETION_TIME_REACHED", message,
		    task->spec.grace_ms) < 0)
		task_wake_at(task, now + TASK_AGAIN_MS);
}

/* ---- what does not run ---- */

static void launch(struct task *task, uint64_t now)
{
	struct task_status status = { .state = TASK_STARTING };

	if (!task->launched_ms)
		task->launched_ms = now;
	if (task->state < TASK_STARTING)
		task_tell(task, &status);
	task->run->is_launching = true;
	agent_work_job(task->run->agent, &task_launch_job, task);
}

static void tell_end_before_start(struct task *task)
{
	struct task_status status = { .state = task->end.state,
		.reason = task->end.reason,
		.message = task->end.message };

	if (!status.reason && status.state == TASK_KILLED)
		status.reason = task_words("REASON_TASK_KILLED_DURING_LAUNCH");
	task_tell(task, &status);
}

static void go_on(struct task *task, bool is_ready, uint64_t now)
{
	if (task->end.is_asked)
		tell_end_before_start(task);
	else if (task->restart_ms > now)
		task_wake_at(task, task->restart_ms);
	else if (is_ready && task_may_start(task))
		launch(task, now);
}

/* ---- the group ---- */

static void look(struct task *task, bool is_ready)
{
	struct task_run *run = task->run;
	uint64_t now = task_now_ms();

	if (task_state_is_terminal((enum task_state)task->state))
		return;
	check_time(task, now);
	if (run->is_launching) {
		if (task->end.is_asked)
			agent_work_job_kill(run->agent, task);
		return;
	}
	if (!run->watch && !run->is_adopted)
		adopt(task);
	if (task_state_is_terminal((enum task_state)task->state))
		return;
	if (run->watch && task->end.is_asked)
		end(task, now);
	else if (!run->watch && run->is_adopted && !run->is_killing)
		go_on(task, is_ready, now);
}

void task_group_look(struct task_group *group)
{
	struct task_table *table = group->tasks.items[0].run->agent->tasks;
	bool is_ready;

	/* What is not on the disk yet was not accepted yet. */
	if (!group->saved_version || group->loop->is_removing)
		return;
	task_group_bind(group);
	is_ready = task_sandbox_look(group);
	for (size_t i = 0; i < group->tasks.count; i++)
		look(&group->tasks.items[i], is_ready);
	task_table_save(table, group);
	task_table_note_done(table, group);
}
