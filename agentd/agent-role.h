/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that the agent keeps while it lives (images/helper.h): watched by the loop, started
 * again when it died, the later the more often in a row. One that says why it cannot serve is not:
 * what it lacks will be lacking the next time.
 */
#ifndef UCR_AGENTD_AGENT_ROLE_H
#define UCR_AGENTD_AGENT_ROLE_H

#include "common/loop.h"
#include "images/helper.h"

struct agent;

struct agent_role {
	struct agent *agent;
	const struct helper_program *program;
	/* Right after its start, and after its end. NULL: nothing is to be done. */
	int (*begin)(struct agent_role *role, struct err *err);
	void (*end)(struct agent_role *role);
	/* What it says. A failure ends it. NULL: it has nothing to say. */
	int (*take)(struct agent_role *role, struct ipc_msg *msg);

	int fds[4]; /* for begin() to hand over: the agent keeps them through its ends */
	size_t fd_count;

	struct helper helper;
	bool has_given_up; /* it said that it cannot serve */
	struct loop_source *source, *restart;
	unsigned int failures; /* one after the other */
};

/* After the members above the blank line are set. */
int agent_role_start(struct agent_role *role, struct err *err)
	__attribute__((warn_unused_result));
void agent_role_stop(struct agent_role *role);

#endif
