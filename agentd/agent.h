/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's role of the agent: one loop that never blocks. What may take time (images,
 * launches, reading many containers) is done by workers, children that answer one call and end;
 * waiting for a container is done by the loop. Nothing is kept in memory that matters: containers
 * are directories (agentd/engine.h), and an agent that was killed goes on where it was.
 */
#ifndef UCR_AGENTD_AGENT_H
#define UCR_AGENTD_AGENT_H

#include "agentd/agent-call.h"
#include "agentd/container.h"
#include "agentd/resources.h"
#include "common/loop.h"
#include "images/import.h"

#include <sys/types.h>

struct agent_options {
	const char *config, *work_dir, *socket, *hostname, *resources, *attributes;
	const char *registries, *authfile, *fetch_cache_size;
	strv reporters;	       /* where metrics are pushed to */
	uint32_t task_history; /* so many are kept that are over and acknowledged */
	const char *network_rate_in, *network_rate_out;
	bool has_no_names; /* of containers */
	bool is_host_network_allowed, is_any_port_allowed;
	const char *policy;	       /* JSON */
	const char *userns, *id_range; /* of tasks, as `ucrctl run` has them */
	uint32_t workers;	       /* at once */
	bool is_check;
};

struct agent;
#define cleanup_agent cleanup_with(agent_free_ptr)

/* Opens the engine and finds the resources; starts nothing. */
int agent_new(const struct agent_options *options, const char *libexec_path,
	struct agent **ret, struct err *err) __attribute__((warn_unused_result));
void agent_free(struct agent *agent);
static inline void agent_free_ptr(struct agent **agent)
{
	agent_free(*agent);
}

/* What --config-check prints. */
void agent_describe(const struct agent *agent, struct buf *out);

/* Tells an error, printable, on standard error; `whose` NULL: our own. */
void agent_complain(const char *whose, const struct err *err);

/* Serves until SIGTERM or SIGINT. Containers go on. */
int agent_run(struct agent *agent, struct err *err) __attribute__((warn_unused_result));

#endif
