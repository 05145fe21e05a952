/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/agent-streams.h"

#include "agentd/attach.h"
#include "common/cleanup.h"

static int connect_shim(
	struct agent *agent, const struct agent_call *call, int *ret_fd, struct err *err)
{
	cleanup_container struct container *container = NULL;
	int r = agent_find(agent, call, call->container, &container, err);

	if (r < 0)
		return r;
	r = attach_connect(container->dirfd, err);
	if (r < 0)
		return r;
	*ret_fd = r;
	return 0;
}

int agent_attach(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	int r = connect_shim(agent, call, &answer->fd, err);

	if (r == 0)
		answer->flow = AGENT_FLOW_FRAMES;
	return r;
}

int agent_attach_input(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_close int fd = -1;
	int r = connect_shim(agent, call, &fd, err);

	return r < 0 ? r : agent_answer_input(answer, AGENT_FLOW_FRAMES, fd, err);
}
