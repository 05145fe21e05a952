/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of the Mesos v1 agent API that ucr-api understands: from the JSON of a request to a
 * struct agent_call. What a call asks for that cannot be given is refused by its name; what the API
 * does not define is ignored, as Mesos does.
 */
#ifndef UCR_AGENTD_API_CALLS_H
#define UCR_AGENTD_API_CALLS_H

#include "agentd/agent-call.h"

/* `ret` is without its id. -ENOSYS: a call that there is, but not here; -EINVAL, which the error
 * explains by the field. */
int api_call_parse(const char *text, size_t len, struct agent_call *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
