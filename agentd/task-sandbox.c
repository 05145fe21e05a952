/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tasks of a group share: a container of the group's own, the holder of
 * agentd/launch-group.h, and a range of ids. The range is the record's, so that it stays taken while
 * a task still runs of which the holder was removed.
 */
#include "agentd/task-run.h"

#include "agentd/launch-ids.h"
#include "common/cleanup.h"

#include <errno.h>

#define AGAIN_MS 100 /* how often one that is still being made is looked at */

char *task_holder_name(const char *group_id)
{
	return str_printf("%s+group", group_id);
}

int task_find_holder(struct agent *agent, const struct task_group *group,
	struct container **ret, struct err *err)
{
	cleanup_free char *name = task_holder_name(group->id);

	return name ? task_find_labelled(
			      agent, name, TASK_GROUP_LABEL, group->id, ret, err)
		    : err_oom(err);
}

/* Whose the ids are: a path, which is gone when the record is. */
static char *ids_holder(const struct agent *agent, const struct task_group *group)
{
	return str_printf("%s/tasks/%s.json", engine_root_path(agent->engine), group->id);
}

/* ---- the job that makes it ---- */

/* An agent that was killed may have left one that never ran. */
static int make_room(struct agent *agent, const struct task_group *group, struct err *err)
{
	cleanup_container struct container *left = NULL;
	int r = task_find_holder(agent, group, &left, err);

	if (r == 0 && left->status == CONTAINER_LOST && !left->started)
		r = container_remove(agent->engine, left, true, err);
	return r == -ENOENT ? 0 : r;
}

static int share_ids(struct agent *agent, const struct task_group *group,
	struct id_range *ret, struct err *err)
{
	cleanup_free char *holder = ids_holder(agent, group);
	struct run_options options = { .userns = group->run.userns,
		.id_range = agent->options->id_range };

	if (!options.userns)
		options.userns = agent->options->userns;
	return holder ? launch_ids_share(&options, engine_is_rootless(agent->engine),
				holder, ret, err)
		      : err_oom(err);
}

static int launch(
	struct agent *agent, void *arg, struct agent_answer *answer, struct err *err)
{
	static const char *const steps[] = { "group-launch", "group-launched" };
	const struct task_group *group = arg;
	cleanup_container struct container *container = NULL;
	cleanup_free char *name = task_holder_name(group->id);
	cleanup_free char *label = str_printf(TASK_GROUP_LABEL "=%s", group->id);
	char *labels[] = { label, NULL };
	struct agent_call call = { .op = task_words("launch"),
		.container = name,
		.run = group->run,
		.is_labelled = true };
	struct id_range ids;
	int r = name && label ? make_room(agent, group, err) : err_oom(err);

	if (r == 0)
		r = share_ids(agent, group, &ids, err);
	if (r < 0)
		return r;
	call.shared_ids = ids.count ? &ids : NULL;
	call.run.labels = labels;
	call.run.holds_group = true;
	r = task_launch_container(agent, &call, steps, answer, err);
	if (r == 0) {
		r = task_find_holder(agent, group, &container, err);
		if (r == -ENOENT)
			r = task_say_taken(name, err);
	}
	buf_reset(&answer->body);
	if (r == 0)
		buf_puts(&answer->body, container->id);
	return r < 0 ? err_wrap(err, "make what the tasks of the group share") : 0;
}

static void note_holder(struct task_group *group, const char *id)
{
	if ((!group->sandbox || !str_eq(group->sandbox, id)) &&
		str_set(&group->sandbox, id) == 0)
		group->version++;
}

static void launched(struct agent *agent, void *arg, int r, const struct err *err,
	const struct agent_answer *answer)
{
	struct task_group *group = arg;

	group->loop->is_launching = false;
	group->loop->is_adopted = false;
	task_group_wake(group);
	if (r < 0)
		group->loop->failure = task_keep_failure(r, err);
	else if (answer->body.len)
		note_holder(group, answer->body.data);
}

static const struct agent_job launch_job = { launch, launched, .is_slow = true };

/* ---- the job that ends it ---- */

static int clean_attempt(
	struct agent *agent, const struct task *task, uint32_t attempt, struct err *err)
{
	cleanup_container struct container *container = NULL;
	int r = task_find_container(agent, task, attempt, &container, err);

	if (r == 0)
		r = container_cleanup(agent->engine, container, err);
	return r == -ENOENT ? 0 : r;
}

/* An ended container of which the shim was killed may have left processes, which have the ids. */
static int clean_tasks(
	struct agent *agent, const struct task_group *group, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < group->tasks.count; i++) {
		const struct task *task = &group->tasks.items[i];

		r = clean_attempt(agent, task, task->attempt, err);
		if (r == 0 && task->attempt)
			r = clean_attempt(agent, task, task->attempt - 1, err);
	}
	return r;
}

static int erase(
	struct agent *agent, void *arg, struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	cleanup_free char *holder = ids_holder(agent, arg);
	int r = clean_tasks(agent, arg, err);

	if (r == 0)
		r = task_find_holder(agent, arg, &container, err);
	if (r == 0)
		r = container_remove(agent->engine, container, true, err);
	if (r < 0 && r != -ENOENT)
		return err_wrap(err, "remove what the tasks of the group shared");
	if (engine_is_rootless(agent->engine))
		return 0;
	return holder ? launch_ids_unshare(holder, err) : err_oom(err);
}

static void erased(struct agent *agent, void *arg, int r, const struct err *err,
	const struct agent_answer *answer)
{
	struct task_group *group = arg;

	group->loop->is_killing = false;
	if (r < 0) {
		agent_complain(group->id, err);
		group->loop->erase_ms = task_now_ms() + TASK_AGAIN_MS;
		task_wake_at(&group->tasks.items[0], group->loop->erase_ms);
		return;
	}
	free(take_ptr(group->sandbox));
	group->is_cleared = true;
	group->version++;
	task_group_wake(group);
}

static const struct agent_job erase_job = { erase, erased, false };

/* ---- in the loop ---- */

static void on_end(
	void *arg, const struct container *container, int r, const struct err *err)
{
	struct task_group *group = arg;
	struct agent_watch *watch = take_ptr(group->loop->watch);

	group->loop->is_adopted = false;
	if (r < 0 && r != -ENOENT)
		task_wake_at(&group->tasks.items[0], task_now_ms() + TASK_AGAIN_MS);
	else
		group->loop->is_lost = true;
	agent_watch_free(watch);
	task_group_wake(group);
}

/* Those that may be tried again are, and then it is. */
static void fail_tasks(struct task_group *group, const struct err *err)
{
	for (size_t i = 0; i < group->tasks.count; i++) {
		struct task *task = &group->tasks.items[i];

		if (!task_state_is_terminal((enum task_state)task->state) &&
			!task->end.is_asked)
			task_take_failure(task, -err->code, err);
	}
}

/* Takes the container over, unless nothing could be waited with. */
static bool watch(
	struct agent *agent, struct task_group *group, struct container **container)
{
	note_holder(group, (*container)->id);
	if (agent_watch_new(agent, *container, on_end, group, &group->loop->watch) < 0)
		return false;
	(void)take_ptr(*container);
	return true;
}

/*
 * One that ended is not made anew: what is left of the tasks is still in the namespaces of that one. It
 * is known to have run by when it did, which a full disk may not have taken, or by the record.
 */
static bool has_run(const struct task_group *group, const struct container *container)
{
	return group->sandbox || (container && container->started);
}

/* What is there already: of this launch, of one before a kill -9, or of none. */
static void adopt(struct agent *agent, struct task_group *group)
{
	cleanup_container struct container *container = NULL;
	cleanup_free struct err *failure = NULL;
	struct group_run *run = group->loop;
	struct err ignored;
	int r = task_find_holder(agent, group, &container, &ignored);
	bool is_live = r == 0 && container->pid;

	if ((r < 0 && r != -ENOENT) ||
		(r == 0 && container->status == CONTAINER_CREATING) ||
		(is_live && !watch(agent, group, &container))) {
		task_wake_at(&group->tasks.items[0], task_now_ms() + AGAIN_MS);
		return;
	}
	run->is_adopted = true;
	failure = take_ptr(run->failure);
	if (is_live)
		return;
	run->is_lost = run->is_lost || has_run(group, container);
	if (failure && !run->is_lost)
		fail_tasks(group, failure);
}

/* Whether a task is due that has to wait for it; those that wait for another attempt come later. */
static bool is_wanted(const struct task_group *group)
{
	for (size_t i = 0; i < group->tasks.count; i++) {
		const struct task *task = &group->tasks.items[i];

		if (task->state < TASK_RUNNING && !task->end.is_asked &&
			task->restart_ms <= task_now_ms())
			return true;
	}
	return false;
}

static void end(struct agent *agent, struct task_group *group)
{
	struct group_run *run = group->loop;
	uint64_t now = task_now_ms();

	if (group->is_cleared)
		return;
	if (run->erase_ms > now) {
		task_wake_at(&group->tasks.items[0], run->erase_ms);
		return;
	}
	agent_watch_free(take_ptr(run->watch));
	run->is_killing = true;
	agent_work_job(agent, &erase_job, group);
}

bool task_sandbox_look(struct task_group *group)
{
	struct agent *agent = group->tasks.items[0].run->agent;
	struct group_run *run = group->loop;

	if (!group->is_group)
		return true;
	if (run->is_launching || run->is_killing)
		return false;
	if (task_group_is_terminal(group)) {
		end(agent, group);
		return false;
	}
	if (!run->watch && !run->is_adopted)
		adopt(agent, group);
	if (run->is_lost)
		task_group_end(group, TASK_FAILED,
			"what the tasks of the group share has ended");
	else if (!run->watch && run->is_adopted && is_wanted(group)) {
		run->is_launching = true;
		agent_work_job(agent, &launch_job, group);
	}
	return run->watch;
}
