/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's Engine API at the engine's end: what agentd/docker-calls.h made of a request is done
 * here, and answered in Docker's JSON. All operations are named "docker-…"; they see what the
 * agent's other operations see, and may do no more.
 */
#ifndef UCR_AGENTD_AGENT_DOCKER_H
#define UCR_AGENTD_AGENT_DOCKER_H

#include "agentd/agent-private.h"

/* NULL: there is no such operation. */
const struct agent_op *agent_docker_op_find(const char *name);

/* What waits in the loop: a worker has done that call, and a container may have been started, or
 * could not be. */
void agent_docker_done(struct agent *agent, uint64_t id);
void agent_docker_forget(struct agent *agent);

/* How a container's streams come: as the terminal has them, or each piece with its stream. */
#define DOCKER_STREAM_RAW "application/vnd.docker.raw-stream"
#define DOCKER_STREAM_FRAMES "application/vnd.docker.multiplexed-stream"

#define DOCKER_OP(fn)                                                                    \
	int fn(struct agent *agent, const struct agent_call *call,                       \
		struct agent_answer *answer, struct err *err)                            \
		__attribute__((warn_unused_result))

/* agent-docker-info.c */
DOCKER_OP(agent_docker_ping);
DOCKER_OP(agent_docker_version);
DOCKER_OP(agent_docker_info);

/* agent-docker-list.c */
DOCKER_OP(agent_docker_list);
DOCKER_OP(agent_docker_inspect);
DOCKER_OP(agent_docker_top);

/* agent-docker-end.c */
DOCKER_OP(agent_docker_kill);
DOCKER_OP(agent_docker_stop);
DOCKER_OP(agent_docker_remove);
DOCKER_OP(agent_docker_prune);

/* agent-docker-create.c */
DOCKER_OP(agent_docker_create);
DOCKER_OP(agent_docker_start);
DOCKER_OP(agent_docker_restart);

/* agent-docker-attach.c */
DOCKER_OP(agent_docker_attach);
/* In the loop: of what is not started there is only this end. */
void agent_docker_attach_begin(struct agent *agent, struct agent_call *call);
void agent_docker_start_begin(struct agent *agent, struct agent_call *call);
/* In the worker that starts it: the connection that waits for the container; 0: none. */
int agent_docker_client(struct agent *agent, const char *container);
/* That call is done. */
void agent_docker_clients_started(struct agent *agent, uint64_t start_id);
void agent_docker_clients_forget(struct agent *agent);
void agent_docker_clients_leave(struct agent *agent, uint64_t start_id);
size_t agent_docker_client_count(const struct agent *agent);

/* agent-docker-wait.c, in the loop */
void agent_docker_wait(struct agent *agent, struct agent_call *call);
void agent_docker_waits_look(struct agent *agent);
void agent_docker_waits_forget(struct agent *agent);
void agent_docker_waits_leave(struct agent *agent);
size_t agent_docker_wait_count(const struct agent *agent);

/* agent-docker-exec.c */
DOCKER_OP(agent_docker_exec);
DOCKER_OP(agent_docker_exec_start);
DOCKER_OP(agent_docker_exec_inspect);
DOCKER_OP(agent_docker_exec_resize);
DOCKER_OP(agent_docker_resize);

/* agent-docker-logs.c */
DOCKER_OP(agent_docker_logs);

/* agent-docker-events.c */
DOCKER_OP(agent_docker_events);

/* agent-docker-stats.c: the last of `limit` samples; 0: all, on and on */
DOCKER_OP(agent_docker_stats);

/* agent-docker-pull.c */
DOCKER_OP(agent_docker_pull);

/* agent-docker-images.c */
DOCKER_OP(agent_docker_images);
DOCKER_OP(agent_docker_image);
DOCKER_OP(agent_docker_tag);
DOCKER_OP(agent_docker_untag);
DOCKER_OP(agent_docker_load); /* agent-image-load.c */

/* The answer comes through a pipe that `follow` writes once it was begun. */
int agent_docker_pipe(struct agent_answer *answer,
	void (*follow)(struct agent *agent, const struct agent_call *call, int fd),
	struct err *err) __attribute__((warn_unused_result));

/* The container that a request means: a name, an id or the beginning of one. */
int agent_docker_find(struct agent *agent, const struct agent_call *call,
	struct container **ret, struct err *err) __attribute__((warn_unused_result));

#endif
