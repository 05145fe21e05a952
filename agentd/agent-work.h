/* SPDX-License-Identifier: Apache-2.0 */
/* What the loop has done for its own sake, when no call is there to be answered: work for a child,
 * and waiting for a container. */
#ifndef UCR_AGENTD_AGENT_WORK_H
#define UCR_AGENTD_AGENT_WORK_H

#include "agentd/agent-private.h"

/* ---- agent-job.c ---- */

/* What the loop itself wants to have done by a worker, which ends with the agent. */
struct agent_job {
	/* In the worker. A failure becomes the answer, as of an operation. */
	int (*run)(struct agent *agent, void *arg, struct agent_answer *answer,
		struct err *err);
	/* In the loop: r < 0 and why, or what was answered. */
	void (*done)(struct agent *agent, void *arg, int r, const struct err *err,
		const struct agent_answer *answer);
	bool is_slow;
};
/* `arg` stays until `done` was called, which may be from inside. */
void agent_work_job(struct agent *agent, const struct agent_job *job, void *arg);
/* Ends the job that has this argument, if it is still being done: `done` hears of it. */
void agent_work_job_kill(struct agent *agent, const void *arg);
/* Their ends are not waited for. */
void agent_work_job_forget(struct agent *agent);

/* ---- agent-watch.c: waiting for a container's end, in the loop ---- */

struct agent_watch;

/* It has ended and that is written down, or (r < 0) it cannot be watched: -ENOENT, it was removed.
 * Called once. */
typedef void (*agent_watch_fn)(
	void *arg, const struct container *container, int r, const struct err *err);

/* Takes the container over. `fn` is never called from inside. */
int agent_watch_new(struct agent *agent, struct container *container, agent_watch_fn fn,
	void *arg, struct agent_watch **ret) __attribute__((warn_unused_result));
void agent_watch_free(struct agent_watch *watch);
/* Borrowed, and as old as the last look. */
struct container *agent_watch_container(const struct agent_watch *watch);

/* ---- agent-wait.c: calls that wait for it ---- */

void agent_wait(struct agent *agent, struct agent_call *call);
/* -EAGAIN: so many wait that the agent could open no more files. */
int agent_wait_room(const struct agent *agent, struct err *err)
	__attribute__((warn_unused_result));
void agent_wait_cancel(struct agent *agent, uint64_t id);
/* Of all calls of the scope. */
void agent_wait_orphan(struct agent_scope *scope);
size_t agent_wait_count(const struct agent_scope *scope);

#endif
