/* SPDX-License-Identifier: Apache-2.0 */
/* What tasks have done by workers. Each may be done again: an agent that was killed in the middle
 * begins it anew. */
#include "agentd/agent-launch.h"
#include "agentd/container-nested.h"
#include "agentd/task-run.h"

#include "common/cleanup.h"
#include "common/fail.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

/* How long a name is waited for that is neither free nor a container's: 30 s. */
#define TAKEN_AGAIN_MS 20
#define TAKEN_LOOKS 1500

/* ---- the containers of a task ---- */

static char *container_name(const struct task *task, uint32_t attempt)
{
	const struct task of = { .spec.id = task->spec.id, .attempt = attempt };

	return task_container_name(&of);
}

int task_find_labelled(struct agent *agent, const char *name, const char *label,
	const char *value, struct container **ret, struct err *err)
{
	static const struct agent_call ours = { 0 };
	cleanup_container struct container *container = NULL;
	int r = agent_find(agent, &ours, name, &container, err);
	const char *has = r < 0 ? NULL : strv_env_get(container->labels, label);

	if (r < 0)
		return r;
	/* Its name is another's, who may have no part in this. */
	if (!has || !str_eq(has, value))
		return err_say(err, ENOENT, "the container %s is of no task", name);
	*ret = take_ptr(container);
	return 0;
}

int task_find_container(struct agent *agent, const struct task *task, uint32_t attempt,
	struct container **ret, struct err *err)
{
	cleanup_free char *name = container_name(task, attempt);

	return name ? task_find_labelled(agent, name, TASK_LABEL, task->spec.id, ret, err)
		    : err_oom(err);
}

static int remove_attempt(
	struct agent *agent, const struct task *task, uint32_t attempt, struct err *err)
{
	cleanup_container struct container *container = NULL;
	int r = task_find_container(agent, task, attempt, &container, err);

	if (r == 0)
		r = container_remove(agent->engine, container, true, err);
	return r == -ENOENT ? 0 : r;
}

/* ---- launch ---- */

/* What a launcher that was killed left of this attempt; and of the attempts before all but the
 * last one, whose output may still tell something. */
static int make_room(struct agent *agent, const struct task *task, struct err *err)
{
	cleanup_container struct container *container = NULL;
	int r = task_find_container(agent, task, task->attempt, &container, err);

	if (r == 0 && container->status == CONTAINER_LOST && !container->started)
		r = container_remove(agent->engine, container, true, err);
	if (r < 0 && r != -ENOENT)
		return r;
	return task->attempt < 2 ? 0
				 : remove_attempt(agent, task, task->attempt - 2, err);
}

int task_say_taken(const char *name, struct err *err)
{
	(void)err_say(err, EEXIST,
		"the name %s belongs to a container that is not this task's", name);
	return err_hint(err, "remove it with `ucrctl rm %s`", name);
}

/* The program itself is at fault, which is told as an answer. */
static int take_refusal(struct agent_answer *answer, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	const char *text = NULL;

	if (buf_finish(&answer->body) == 0 &&
		json_parse(answer->body.data, answer->body.len, &doc, NULL) == 0)
		text = json_get_string(json_root(doc), "error");
	return err_say(err, EINVAL, "%s", text ? text : "the program cannot be executed");
}

/* Whoever has the name has no container.json yet: a launch of an agent before this one that is being
 * killed. What it leaves is met, or its name is free. */
static bool is_being_made(struct agent *agent, const char *name)
{
	cleanup_container struct container *container = NULL;
	const struct timespec wait = { .tv_nsec = TAKEN_AGAIN_MS * 1000000L };
	struct err ignored;

	if (container_find_in(agent->engine, NULL, name, &container, &ignored) != -ENOENT)
		return false;
	(void)nanosleep(&wait, NULL);
	return true;
}

static int launch_named(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	int looks = 0, r;

	do
		r = agent_launch(agent, call, answer, err);
	while (r == -EEXIST && looks++ < TAKEN_LOOKS &&
		is_being_made(agent, call->container));
	return r;
}

static int fail_at(const char *step, struct err *err)
{
	int r = fail_point(step);

	return r < 0 ? err_set(err, -r, "%s", step) : 0;
}

int task_launch_container(struct agent *agent, const struct agent_call *call,
	const char *const steps[2], struct agent_answer *answer, struct err *err)
{
	int r = fail_at(steps[0], err);

	if (r == 0)
		r = launch_named(agent, call, answer, err);
	if (r == 0)
		r = fail_at(steps[1], err);
	return r == 0 && answer->status >= 400 ? take_refusal(answer, err) : r;
}

static int add_labels(const struct task *task, strv *ret)
{
	int r = strv_copy(task->spec.run.labels, ret);

	if (r == 0)
		r = strv_take(ret, str_printf(TASK_LABEL "=%s", task->spec.id));
	if (r == 0 && task->group->is_group)
		r = strv_take(ret, str_printf(TASK_GROUP_LABEL "=%s", task->group->id));
	return r;
}

/* What was allowed when the group began may not be so any more: then it is said. */
static int join_group(struct agent *agent, const struct task *task,
	struct agent_call *call, struct container **ret_holder, struct err *err)
{
	int r;

	if (!task->group->is_group)
		return 0;
	r = task_find_holder(agent, task->group, ret_holder, err);
	if (r < 0)
		return err_wrap(err, "find what the group shares");
	call->holder = *ret_holder;
	if (call->holder->ids.count)
		call->shared_ids = &call->holder->ids;
	else if (!engine_is_rootless(agent->engine))
		call->run.userns = "host";
	return 0;
}

static int launch(
	struct agent *agent, void *arg, struct agent_answer *answer, struct err *err)
{
	static const char *const steps[] = { "task-launch", "task-launched" };
	const struct task *task = arg;
	cleanup_container struct container *container = NULL, *holder = NULL;
	cleanup_free char *name = task_container_name(task);
	cleanup_strv strv labels = NULL;
	struct agent_call call = { .op = task_words("launch"),
		.container = name,
		.image = task->spec.image,
		.run = task->spec.run,
		.is_labelled = true };
	int r = name ? make_room(agent, task, err) : err_oom(err);

	if (r == 0 && add_labels(task, &labels) < 0)
		r = err_oom(err);
	if (r == 0)
		r = join_group(agent, task, &call, &holder, err);
	if (r < 0)
		return r;
	call.run.labels = labels;
	call.run.is_auto_removed = false;
	r = task_launch_container(agent, &call, steps, answer, err);
	if (r < 0)
		return r;
	r = task_find_container(agent, task, task->attempt, &container, err);
	if (r == -ENOENT)
		return task_say_taken(name, err);
	buf_reset(&answer->body);
	if (r == 0)
		buf_puts(&answer->body, container->id);
	return r;
}

struct err *task_keep_failure(int r, const struct err *err)
{
	struct err *kept = malloc(sizeof(*kept));

	if (kept) {
		*kept = *err;
		kept->code = -r;
	}
	return kept;
}

static void launched(struct agent *agent, void *arg, int r, const struct err *err,
	const struct agent_answer *answer)
{
	struct task *task = arg;

	task->run->is_launching = false;
	task->run->is_adopted = false;
	task_group_wake(task->group);
	if (r == 0 && answer->body.len) {
		if (str_set(&task->container, answer->body.data) == 0)
			task->group->version++;
		return;
	}
	/* Whether there is a container, whoever failed after it was there, is looked at before
	 * anything is said. */
	if (!task->end.is_asked && r < 0)
		task->run->failure = task_keep_failure(r, err);
}

const struct agent_job task_launch_job = { launch, launched, .is_slow = true };

/* ---- kill ---- */

static int kill_container(
	struct agent *agent, void *arg, struct agent_answer *answer, struct err *err)
{
	const struct task *task = arg;
	cleanup_container struct container *container = NULL;
	int r = task_find_container(agent, task, task->attempt, &container, err);

	if (r == 0)
		r = container_kill(agent->engine, container, SIGKILL, err);
	return r == -ESRCH || r == -ENOENT ? 0 : r;
}

static void killed(struct agent *agent, void *arg, int r, const struct err *err,
	const struct agent_answer *answer)
{
	struct task *task = arg;

	task->run->is_killing = false;
	if (r < 0)
		agent_complain(task->spec.id, err);
	task_group_wake(task->group);
}

const struct agent_job task_kill_job = { kill_container, killed, false };

/* ---- history ---- */

static int erase(
	struct agent *agent, void *arg, struct agent_answer *answer, struct err *err)
{
	const struct task_group *group = arg;
	int r = 0;

	for (size_t i = 0; r == 0 && i < group->tasks.count; i++) {
		const struct task *task = &group->tasks.items[i];

		r = remove_attempt(agent, task, task->attempt, err);
		if (r == 0 && task->attempt)
			r = remove_attempt(agent, task, task->attempt - 1, err);
	}
	return r;
}

static void erased(struct agent *agent, void *arg, int r, const struct err *err,
	const struct agent_answer *answer)
{
	struct task_group *group = arg;

	/* It stays in the list, and on the disk, until the next agent tries again. */
	if (r < 0)
		agent_complain(group->id, err);
	else
		task_table_erased(agent->tasks, group);
}

const struct agent_job task_erase_job = { erase, erased, false };
