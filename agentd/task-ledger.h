/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of tasks on the disk, <root>/tasks/ID.json. They are written by a process of its own,
 * which begins with the first of them: the loop never waits for a disk. What waits is written
 * together, and flushed as one; events of what a record says are told once it is safe.
 *
 * The process outlives an agent that is killed, until it has written all it was given; the next one
 * waits for that before it reads.
 */
#ifndef UCR_AGENTD_TASK_LEDGER_H
#define UCR_AGENTD_TASK_LEDGER_H

#include "agentd/task-group.h"
#include "common/loop.h"

struct task_ledger;

struct task_ledger_options {
	struct loop *loop;
	struct engine *engine;
	/* A version is on the disk, or (r < 0) could not be written. */
	void (*saved)(void *arg, const char *id, uint64_t version, int r);
	void *arg;
};

int task_ledger_new(const struct task_ledger_options *options, struct task_ledger **ret,
	struct err *err) __attribute__((warn_unused_result));
/* In a child of the agent: the process that writes ends when nobody but the agent holds its socket. */
void task_ledger_leave(struct task_ledger *ledger);
/* Waits until everything is written. */
void task_ledger_free(struct task_ledger *ledger);

/* 0, -EBUSY when enough is under way already (some `saved` follows, after which there is room), or
 * -errno. `since`: the version whose events were told. */
int task_ledger_save(struct task_ledger *ledger, const struct task_group *group,
	uint64_t since) __attribute__((warn_unused_result));
void task_ledger_remove(struct task_ledger *ledger, const char *id);

/* Reads all records, before anything is written. What cannot be read is told to `complain` and left
 * alone. `fn` takes the group over. */
int task_ledger_load(struct task_ledger *ledger,
	void (*fn)(void *arg, struct task_group *group),
	void (*complain)(const char *name, const struct err *err), void *arg,
	struct err *err) __attribute__((warn_unused_result));

#endif
