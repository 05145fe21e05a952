/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent adds to what a call asks of a container, whoever's API it came by. */
#ifndef UCR_AGENTD_AGENT_LAUNCH_H
#define UCR_AGENTD_AGENT_LAUNCH_H

#include "agentd/agent-private.h"

/* What a call asks for, and what the agent says of every container. -EACCES: the agent's settings do
 * not allow it, by whichever way it was asked. */
struct agent_launch_options {
	struct run_options run;
	char cache[32];
};
int agent_launch_options(struct agent *agent, const struct agent_call *call,
	bool is_nested, struct agent_launch_options *ret, struct err *err)
	__attribute__((warn_unused_result));
int agent_launch(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));

#endif
