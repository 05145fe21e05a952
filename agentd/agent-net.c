/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ucr-net that the agent keeps: a launch or a clean-up then costs no start of a program, no
 * confinement and no making of a filter. Its users are the workers and, when a container has ended,
 * ucr-cleanup; each inherits the descriptor by which it gets a connection of its own.
 */
#include "agentd/agent-network.h"
#include "agentd/network-client.h"

static int begin(struct agent_role *role, struct err *err)
{
	engine_set_net_fd(role->agent->engine, role->helper.socket_fd);
	return 0;
}

static void end(struct agent_role *role)
{
	engine_set_net_fd(role->agent->engine, -1);
}

void agent_net_start(struct agent *agent)
{
	struct agent_role *role = &agent->net;
	struct err err = { 0 };

	if (engine_is_rootless(agent->engine))
		return;
	*role = (struct agent_role){ .agent = agent,
		.program = &network_program,
		.begin = begin,
		.end = end,
		.helper = HELPER_NONE };
	/* Each launch then says by itself what is missing. */
	if (agent_role_start(role, &err) < 0)
		agent_complain(NULL, &err);
}
