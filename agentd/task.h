/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task: what was asked for, and a durable record of what became of it. Containers are what it is
 * made of, one after the other where it is restarted; they come and go, the record stays.
 *
 * Tasks come in groups, which are recorded, started and ended together; a task by itself is a group
 * of one. The record of a group is one file, <root>/tasks/ID.json, ID being its first task's.
 *
 * States are those of Mesos. Within one attempt they only go forward; a terminal state is never
 * left. Each change is a status with an identifier of its own, kept until it is acknowledged.
 *
 * Times: `_ms` counts on CLOCK_BOOTTIME of the boot that the record names, which a change of the
 * clock does not touch; `time` is for people, in nanoseconds since the epoch.
 */
#ifndef UCR_AGENTD_TASK_H
#define UCR_AGENTD_TASK_H

#include "agentd/task-spec.h"

/* In order: a later one never goes back to an earlier one. From TASK_FINISHED on: terminal. */
enum task_state {
	TASK_STAGING,
	TASK_STARTING,
	TASK_RUNNING,
	TASK_KILLING,
	TASK_FINISHED,
	TASK_FAILED,
	TASK_KILLED,
	TASK_ERROR,
	TASK_LOST,
	TASK_STATE_COUNT
};
extern const char *const task_state_names[]; /* "TASK_STAGING"; NULL at the end */
const char *task_state_name(enum task_state state);
static inline bool task_state_is_terminal(enum task_state state)
{
	return state >= TASK_FINISHED;
}

#define TASK_UUID_MAX 25     /* base64 of 16 bytes, and a NUL */
#define TASK_STATUSES_MAX 24 /* that are acknowledged and still shown */
#define TASK_UNHEARD_MAX 100 /* of all, before those of earlier attempts are superseded */

struct task_status {
	char *uuid; /* base64 of 16 bytes */
	uint32_t state, attempt;
	int64_t time;
	char *reason, *message; /* NULL: none. A reason is a name of Mesos: "REASON_…" */
	char *container;	/* its name; NULL: there was none */
	bool has_exit;
	int32_t exit_status;  /* as a shell counts */
	bool is_acknowledged; /* or superseded: nobody needs to hear of it again */
	uint64_t version;     /* of the record that has it first */
};

/* How it is to end, decided before it does: what the status says then. */
struct task_end {
	bool is_asked;
	uint32_t state; /* TASK_KILLED, or TASK_FAILED */
	char *reason, *message;
	uint64_t grace_ms;
	uint64_t kill_ms; /* it was asked to go, and has until then; 0: not yet */
};

struct task_group;
struct task_run;

struct task {
	struct task_spec spec;
	uint32_t state, attempt; /* attempt 0 is the first */
	char *container;	 /* the id of the attempt's; NULL: not known (yet) */
	struct {
		struct task_status *items;
		size_t count;
	} statuses;
	struct task_end end;
	uint64_t launched_ms; /* the first attempt; 0: not yet */
	uint64_t started_ms;  /* this attempt ran from here on */
	uint64_t restart_ms;  /* when this attempt is due; 0: at once */
	uint32_t backoffs;    /* attempts, one after the other, that ended soon */
	struct task_group *group;
	struct task_run *run; /* what the loop has to do with it (agentd/task-run.h) */
};

/* The name of an attempt's container: the task's own, "+N" behind it for the later ones. */
char *task_container_name(const struct task *task) __attribute__((warn_unused_result));

/*
 * Appends a status and makes the task what it says. `status`: state, reason, message, exit;
 * strings are copied, the rest is filled in. 1: it is no news, or would go backwards, and nothing
 * was changed.
 */
int task_become(struct task *task, const struct task_status *status)
	__attribute__((warn_unused_result));
/* The first status of a task that nobody has seen yet. */
int task_stage(struct task *task, const struct task_status *status)
	__attribute__((warn_unused_result));
/* The next attempt, from the beginning. */
void task_begin_again(struct task *task);

/* The first status that nobody has acknowledged, of those that are on the disk; NULL: none. */
const struct task_status *task_pending(const struct task *task);
/* -ENOENT: no such status. 1: it was acknowledged before. */
int task_acknowledge(struct task *task, const char *uuid)
	__attribute__((warn_unused_result));

#endif
