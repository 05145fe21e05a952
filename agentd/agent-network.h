/* SPDX-License-Identifier: Apache-2.0 */
/* The networks of the agent's tasks. */
#ifndef UCR_AGENTD_AGENT_NETWORK_H
#define UCR_AGENTD_AGENT_NETWORK_H

#include "agentd/agent-private.h"

/* -EACCES: the agent's settings do not allow it. */
int agent_network_check(const struct agent *agent, const struct run_options *run,
	struct err *err) __attribute__((warn_unused_result));

/* The agent's rates for one that asks for none. -EACCES: it asks for more. */
int agent_network_limit(const struct agent *agent, struct run_options *run,
	struct err *err) __attribute__((warn_unused_result));

/* Settings that mean nothing are told at once. */
int agent_network_settings(const struct agent_options *options, struct err *err)
	__attribute__((warn_unused_result));

/* "network_infos" of Mesos' ContainerStatus. */
void agent_network_write(
	struct agent *agent, struct json_writer *w, const struct container *container);

/* agent-names.c. Keeps a ucr-dns, at the bridge's own addresses. */
void agent_names_start(struct agent *agent);
void agent_names_close(struct agent *agent);

/* Keeps a ucr-net, where containers can have a network of their own. */
void agent_net_start(struct agent *agent);

#endif
