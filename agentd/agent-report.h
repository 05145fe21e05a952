/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics pushed to others: one ucr-report for each --reporter, and at each interval a worker that
 * measures and hands it the lines. The loop itself neither measures nor sends; while a worker still
 * waits for a slow ucr-report no other is started.
 */
#ifndef UCR_AGENTD_AGENT_REPORT_H
#define UCR_AGENTD_AGENT_REPORT_H

#include "agentd/agent.h"
#include "common/json-writer.h"

/* Reads what was asked for; starts nothing. */
int agent_report_init(struct agent *agent, struct err *err)
	__attribute__((warn_unused_result));
int agent_report_start(struct agent *agent, struct err *err)
	__attribute__((warn_unused_result));
void agent_report_done(struct agent *agent);
void agent_report_describe(const struct agent *agent, struct json_writer *w);

#endif
