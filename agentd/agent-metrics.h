/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent tells of itself and its containers as metrics (common/metrics.h). */
#ifndef UCR_AGENTD_AGENT_METRICS_H
#define UCR_AGENTD_AGENT_METRICS_H

#include "agentd/agent.h"
#include "common/metrics.h"

/* A worker's: it reads some files of each container. */
int agent_put_metrics(struct agent *agent, struct metrics *metrics, struct err *err)
	__attribute__((warn_unused_result));

#endif
