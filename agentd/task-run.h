/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks in the agent's loop. Whatever happens (a call, an end, a timer, a worker's word, a record on
 * the disk) is noted, and wakes the group; the group then looks at its tasks and does what is due
 * next. Looking is idempotent, so that a group read back after kill -9 goes on by being woken.
 *
 * What is done outside is done after its reason is on the disk: nothing is launched before the
 * record of its group, no call answered before what it changed. A container's name is its task's and
 * the attempt's, so that a launch that is repeated meets what the first one made.
 */
#ifndef UCR_AGENTD_TASK_RUN_H
#define UCR_AGENTD_TASK_RUN_H

#include "agentd/task-table.h"

#define TASK_LABEL "org.ucr.task"	 /* of a container: the task that it is of */
#define TASK_GROUP_LABEL "org.ucr.group" /* the same: the group, by its first task's id */
#define TASK_AGAIN_MS 1000 /* where there was no descriptor or memory to go on with */

struct task_run {
	struct agent *agent;
	struct task *task;
	struct agent_watch *watch; /* of the attempt's container, while it runs */
	uint64_t due_ms;	   /* when to look again, whatever happens; 0: never */
	uint64_t kill_again_ms;	   /* the last kill did not help yet */
	struct err
		*failure; /* of the launch, until it is known that it left no container */
	bool is_adopted;  /* it was looked whether a container is there already */
	bool is_launching; /* a job is under way */
	bool is_killing;   /* the same */
	bool is_asked;	   /* the container got its stop signal */
};

uint64_t task_now_ms(void); /* CLOCK_BOOTTIME */

/* Lends words of ours to a status that is only copied from. */
static inline char *task_words(const char *text)
{
	return (char *)(uintptr_t)text;
}

/* ---- task-run.c: what is due ---- */

void task_group_look(struct task_group *group);

/* NULL: no reason. Where an end was decided before, only a shorter grace is taken. -ENOMEM. */
int task_ask_end(struct task *task, enum task_state state, const char *reason,
	const char *message, uint64_t grace_ms) __attribute__((warn_unused_result));
/* A status; what cannot be told for want of memory is told by the next one. */
void task_tell(struct task *task, const struct task_status *status);

/* ---- task-order.c: the tasks of a group among each other ---- */

bool task_may_start(const struct task *task);
/* When one of them has failed or was killed, all end. */
void task_group_bind(struct task_group *group);
/* Ends all that were not asked to end yet. */
void task_group_end(struct task_group *group, enum task_state state, const char *message);

/* ---- task-sandbox.c: what they share ---- */

/* Makes it, ends it, as is due. Whether tasks can be started. */
bool task_sandbox_look(struct task_group *group);
/* The container that holds it: its name, and itself. -ENOENT. */
char *task_holder_name(const char *group_id) __attribute__((warn_unused_result));
int task_find_holder(struct agent *agent, const struct task_group *group,
	struct container **ret, struct err *err) __attribute__((warn_unused_result));

/* ---- task-end.c: what became of an attempt ---- */

/* Says so, or decides for another attempt. `container` NULL: it is gone, or there was none. */
void task_take_end(struct task *task, const struct container *container);
/* The launch failed. */
void task_take_failure(struct task *task, int r, const struct err *err);

/* ---- task-jobs.c: what workers do ---- */

extern const struct agent_job task_launch_job, task_kill_job, task_erase_job;
/* The container of that name, if it has the label with that value. -ENOENT. */
int task_find_labelled(struct agent *agent, const char *name, const char *label,
	const char *value, struct container **ret, struct err *err)
	__attribute__((warn_unused_result));
/* Launches it, or meets what an earlier launch of it made. `steps`: fail points before and after. */
int task_launch_container(struct agent *agent, const struct agent_call *call,
	const char *const steps[2], struct agent_answer *answer, struct err *err)
	__attribute__((warn_unused_result));
/* Of a launch, until it is known that it left no container. NULL without memory: then it is tried again,
 * which meets what this one made. */
struct err *task_keep_failure(int r, const struct err *err)
	__attribute__((warn_unused_result));
int task_say_taken(const char *name, struct err *err) __attribute__((warn_unused_result));
/* The container of the task's attempt, if it is that. -ENOENT. */
int task_find_container(struct agent *agent, const struct task *task, uint32_t attempt,
	struct container **ret, struct err *err) __attribute__((warn_unused_result));

/* ---- task-calls.c, task-write.c: what is asked ---- */

void task_call_launch(struct agent *agent, struct agent_call *call);
void task_call_kill(struct agent *agent, struct agent_call *call);
void task_call_acknowledge(struct agent *agent, struct agent_call *call);
/* Nobody waits for the answer any more. */
void task_call_cancel(struct agent *agent, uint64_t id);
int task_call_list(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));
int task_call_reconcile(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));

#endif
