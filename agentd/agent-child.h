/* SPDX-License-Identifier: Apache-2.0 */
/* What every child of the agent that is not another program begins with. */
#ifndef UCR_AGENTD_AGENT_CHILD_H
#define UCR_AGENTD_AGENT_CHILD_H

#include <stdint.h>

struct agent;

/* Gives up what is the agent's own and must not be a container's; nor a worker's, which may outlive
 * the agent: the next one wants the place and the socket. `call_id` 0: it is no call's. */
void agent_worker_reset(struct agent *agent, uint64_t call_id);

#endif
