/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of the agent's API that Mesos does not have, on the same path in the same form: what
 * ucrctl asks for when it speaks to an agent. ucr-agentd(8) lists them.
 */
#ifndef UCR_AGENTD_API_OWN_CALLS_H
#define UCR_AGENTD_API_OWN_CALLS_H

#include "agentd/agent-call.h"

#define API_NO_CALL 1

/* API_NO_CALL: `type` is none of them. */
int api_own_call_parse(const struct json *root, const char *type, struct agent_call *ret,
	struct err *err) __attribute__((warn_unused_result));

#endif
