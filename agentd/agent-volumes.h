/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes of the agent: opened for a task, and the operations about persistent ones. */
#ifndef UCR_AGENTD_AGENT_VOLUMES_H
#define UCR_AGENTD_AGENT_VOLUMES_H

#include "agentd/agent-private.h"

/* agent-volumes.c: of run_options.volumes, one by one; -EACCES, -ENOENT. */
struct agent_volumes {
	int *fds;
	size_t count;
};
int agent_volumes_open(struct agent *agent, const struct run_options *run,
	struct agent_volumes *ret, struct err *err) __attribute__((warn_unused_result));
void agent_volumes_done(struct agent_volumes *volumes);
#define cleanup_agent_volumes cleanup_with(agent_volumes_done)

/* agent-volume-ops.c */
int agent_create_volumes(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));
int agent_grow_volumes(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));
int agent_destroy_volumes(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));
int agent_get_volumes(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));

#endif
