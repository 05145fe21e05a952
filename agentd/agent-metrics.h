/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent tells of itself and its containers as metrics (common/metrics.h). */
#ifndef UCR_AGENTD_AGENT_METRICS_H
#define UCR_AGENTD_AGENT_METRICS_H

#include "agentd/agent.h"
#include "common/metrics.h"

/* A worker's: it reads some files of each container of the list, which holds those that whoever
 * asked may know of. */
int agent_put_metrics(struct agent *agent, const struct container_list *list,
	struct metrics *metrics, struct err *err) __attribute__((warn_unused_result));

#endif
