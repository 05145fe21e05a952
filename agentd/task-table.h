/* SPDX-License-Identifier: Apache-2.0 */
/* All tasks of the agent, in memory as on the disk. */
#ifndef UCR_AGENTD_TASK_TABLE_H
#define UCR_AGENTD_TASK_TABLE_H

#include "agentd/agent-work.h"
#include "agentd/task-ledger.h"

/* A call that is answered when a version is on the disk. */
struct task_waiting {
	struct task_waiting *next;
	uint64_t id, version;
};

struct group_run {
	struct task_group *next_woken;
	bool is_woken;
	struct task_waiting *waiting;
	bool is_saving; /* the ledger has a version that it did not answer for */
	bool is_done;	/* counted as history */
	struct agent_watch *watch;     /* of the holder, while it runs */
	bool is_launching, is_killing; /* the holder: a job is under way */
	struct err *failure;	       /* of its launch, as that of a task */
	bool is_adopted;	       /* it was looked whether there is one already */
	bool is_lost;		       /* it has ended, and its tasks are to */
	uint64_t erase_ms;	       /* it is not removed before; 0: at once */
	bool is_removing;	       /* it is history, and its containers go */
};

struct task_table {
	struct agent *agent;
	struct task_ledger *ledger;
	struct loop_source *retry; /* what could not be written is tried again */
	bool is_retrying;	   /* `retry` is set */
	struct loop_source *wake, *timer;
	struct task_group *woken;
	uint64_t timer_ms; /* when `timer` fires; 0: it is not set */
	int wake_fd;	   /* eventfd(2) */
	struct task_group *groups, **groups_end;
	void *by_id; /* tsearch(3), of struct task, by the task's id */
	char boot_id[40];
	size_t done_count; /* groups that are over and acknowledged */
};

/* ---- task-table.c: all of them, and their records ---- */

int task_table_new(struct agent *agent, struct err *err)
	__attribute__((warn_unused_result));
/* Reads the records and goes on with them. */
int task_table_recover(struct agent *agent, struct err *err)
	__attribute__((warn_unused_result));
void task_table_free(struct task_table *table);
/* In a child of the agent, which has no part in the records. NULL is fine. */
void task_table_leave(struct task_table *table);
/* NULL: there is none. */
struct task *task_table_find(const struct task_table *table, const char *id);
/* Takes the group over. -EEXIST: one of its tasks is there already. */
int task_table_add(struct task_table *table, struct task_group *group)
	__attribute__((warn_unused_result));
void task_table_drop(struct task_table *table, struct task_group *group);
/* What has changed goes to the disk, soon. */
void task_table_save(struct task_table *table, struct task_group *group);
/* The call gets this answer when the group, as it is now, is on the disk. */
void task_table_answer(struct task_table *table, struct task_group *group, uint64_t id);
/* Looks whether it is history now, and removes what is too much of that. */
void task_table_note_done(struct task_table *table, struct task_group *group);
/* Its containers are gone, and so shall be its record. */
void task_table_erased(struct task_table *table, struct task_group *group);

/* ---- task-wake.c: when to look ---- */

int task_wake_init(struct task_table *table, struct err *err)
	__attribute__((warn_unused_result));
void task_wake_done(struct task_table *table);
/* Looks at the group soon, after whatever is being done now. */
void task_group_wake(struct task_group *group);
/* Looks at it again at this moment, unless an earlier one was named. */
void task_wake_at(struct task *task, uint64_t ms);
/* Not while it is being freed. */
void task_wake_forget(struct task_table *table, struct task_group *group);

#endif
