/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of the engine whose answer, or whose call's body, flows. */
#ifndef UCR_AGENTD_AGENT_STREAMS_H
#define UCR_AGENTD_AGENT_STREAMS_H

#include "agentd/agent-private.h"

/* In a worker: the call's own body goes to `fd` from now on, which stays the caller's. */
int agent_answer_input(struct agent_answer *answer, enum agent_flow flow, int fd,
	struct err *err) __attribute__((warn_unused_result));
/* INPUT: the engine's side of that. */
void agent_api_input(struct agent *agent, uint64_t id, enum agent_flow flow, int fd);

/* agent-attach.c: a connection to the container's shim. */
int agent_attach(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));
int agent_attach_input(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));

/* agent-events.c: lines of JSON, as they come. What a caller may hear of: from a container's own
 * socket only what concerns it. */
struct event;
struct agent_sight {
	struct agent *agent;
	const struct agent_call *call;
	strv seen; /* containers that it may hear of, also once they are removed */
};
bool agent_sight_has(struct agent_sight *sight, const struct event *event);
int agent_events(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));

/* agent-files.c: sandboxes, and what their tasks wrote as "stdout" and "stderr". */
int agent_list_files(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));
int agent_read_file(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));
int agent_download(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err) __attribute__((warn_unused_result));

#endif
