/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the engine's role share. */
#ifndef UCR_AGENTD_AGENT_PRIVATE_H
#define UCR_AGENTD_AGENT_PRIVATE_H

#include "agentd/agent-proto.h"
#include "agentd/agent-role.h"
#include "agentd/agent-find.h"
#include "agentd/agent-scope.h"
#include "agentd/agent.h"
#include "agentd/policy.h"
#include "images/helper.h"
#include <sys/resource.h>

struct agent {
	const struct agent_options *options;
	struct engine *engine;
	struct resources resources, attributes;
	char *hostname, *socket_path;
	strv registries, certs, auth_files;
	struct pull_options pull;
	uint64_t fetch_cache_bytes;
	struct policy policy;
	struct id_pool id_pool; /* of tasks' user namespaces; last 0: they have none */

	struct loop *loop;
	struct agent_role net, names;
	struct agent_scope *scopes; /* the first is its own socket's */
	uint32_t last_scope;
	int lock_fd;
	struct rlimit files; /* as it was started with */
	struct agent_nested nested;
	struct agent_worker *workers;
	size_t worker_count, slow_count,
		stay_count;			 /* who stays is of stay_count alone */
	struct agent_queued *queue, **queue_end; /* calls that no worker does yet */
	struct agent_wait *waits;
	struct agent_report *reports; /* agent-report.c */
	struct agent_client *clients; /* of containers that are not started yet */
	struct agent_docker_wait *docker_waits;
	struct job_run *jobs;	  /* agentd/agent-work.h */
	struct task_table *tasks; /* agentd/task-run.h */
	struct ipc_msg msg;
};

/* What is sent back. */
struct agent_answer {
	uint32_t status;      /* of HTTP */
	struct buf body;      /* empty: none. JSON, or of a success what the table says */
	enum agent_flow flow; /* not NONE: after the body, if any, what `fd` gives, */
	int fd;		      /* which is the answer's then */
	const char *type;     /* its media type; NULL: the usual one. At most 63 bytes */
	int worker_fd;	      /* in a worker: where it is sent */
	/* Of an operation whose worker stays: what it does once that is sent, with `follow_fd`. */
	void (*follow)(struct agent *agent, const struct agent_call *call, int fd);
	int follow_fd;
};
void agent_answer_done(struct agent_answer *answer);
#define cleanup_answer cleanup_with(agent_answer_done)
/* The status of a failure, and its JSON. */
void agent_answer_error(struct agent_answer *answer, int r, const struct err *err);

/* ---- agent-api.c: the other role, on the agent's own socket ---- */

int agent_api_listen(struct agent *agent, struct err *err)
	__attribute__((warn_unused_result));
int agent_api_start(struct agent_scope *scope, struct err *err)
	__attribute__((warn_unused_result));
void agent_api_stop(struct agent_scope *scope);
/* `id` as it is in the engine, here and below. `fds` as agentd/agent-proto.h has them. One that
 * cannot be sent is dropped with the role. */
void agent_api_answer(struct agent *agent, uint64_t id, uint32_t status, const char *type,
	enum agent_flow flow, const int *fds, size_t fd_count);
void agent_api_send(struct agent *agent, uint64_t id, struct agent_answer *answer);
void agent_api_fail(struct agent *agent, uint64_t id, int r, const struct err *err);

/* ---- agent-ops.c: what is done ---- */

struct agent_op {
	const char *name;
	int (*fn)(struct agent *agent, const struct agent_call *call,
		struct agent_answer *answer, struct err *err);
	const char *type; /* of its body; NULL: JSON */
	void (*begin)(struct agent *agent,
		struct agent_call *call); /* in the loop, which answers later */
	bool is_quick; /* it blocks on nothing: the loop does it itself */
	bool is_slow;  /* it may wait for others: not all workers do such at once */
	bool stays; /* its worker goes on after the answer, as long as somebody reads */
	bool is_for_all; /* also for who is in a container, about what he may see */
};
/* NULL: there is no such operation. */
const struct agent_op *agent_op_find(const char *name);
/* 200 unless it says otherwise; a failure becomes the answer. */
void agent_op_run(const struct agent_op *op, struct agent *agent,
	const struct agent_call *call, struct agent_answer *answer);

/* ---- agent-worker.c ---- */

/* Takes the call over: does it now, or when another worker has ended. A failure is the answer. */
void agent_work(struct agent *agent, const struct agent_op *op, struct agent_call *call);
/* Drops the call if it is still queued; a worker is not interrupted. */
void agent_work_cancel(struct agent *agent, uint64_t id);
/* Nobody of the scope waits for an answer any more: what has begun is done to its end, so that no
 * launch is left half done; what is queued is dropped. */
void agent_work_orphan(struct agent_scope *scope);
/* The same of all, and their ends are not waited for. */
void agent_work_forget(struct agent *agent);
size_t agent_work_queued(const struct agent_scope *scope);

/* agent-notify.c: tells systemd, where that started us: "READY=1". */
void agent_notify(const char *text);

#endif
