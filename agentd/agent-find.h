/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call may see, by its scope (agentd/agent-scope.h): all, or what is below the container that
 * it came from. Every operation finds and lists containers by these alone, so that what may not be
 * seen is not there, in the same words.
 */
#ifndef UCR_AGENTD_AGENT_FIND_H
#define UCR_AGENTD_AGENT_FIND_H

#include "agentd/agent-call.h"
#include "agentd/container.h"

struct agent;

/* The container that has this name, or this id from its first digit to its last: what repeats a
 * call must not mean another one. */
int agent_find(struct agent *agent, const struct agent_call *call, const char *name,
	struct container **ret, struct err *err) __attribute__((warn_unused_result));

/* The same by what a person calls it: also the beginning of an id. */
int agent_find_reference(struct agent *agent, const struct agent_call *call,
	const char *name, struct container **ret, struct err *err)
	__attribute__((warn_unused_result));

/* The container that the call is about those in; NULL: the host. */
int agent_find_parent(struct agent *agent, const struct agent_call *call,
	struct container **ret, struct err *err) __attribute__((warn_unused_result));

/* All that may be seen; of a scope those directly in it, or with call->is_deep also what is in
 * others. */
int agent_list(struct agent *agent, const struct agent_call *call,
	struct container_list *ret, struct err *err) __attribute__((warn_unused_result));

/* Of one that is known already. */
bool agent_sees(
	struct agent *agent, const struct agent_call *call, const struct container *c);

#endif
