/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/agent-private.h"

#include "agentd/container-nested.h"
#include "agentd/container-private.h"
#include "common/cleanup.h"

#include <errno.h>

int agent_list(struct agent *agent, const struct agent_call *call,
	struct container_list *ret, struct err *err)
{
	return call->scope ? container_list_in(
				     agent->engine, call->scope, call->is_deep, ret, err)
			   : container_list(agent->engine, ret, err);
}

int agent_find(struct agent *agent, const struct agent_call *call, const char *name,
	struct container **ret, struct err *err)
{
	cleanup_container struct container *parent = NULL;
	int r = agent_find_parent(agent, call, &parent, err);

	return r < 0 ? r
		     : container_find_in(
			       agent->engine, parent ? parent->id : NULL, name, ret, err);
}

int agent_find_parent(struct agent *agent, const struct agent_call *call,
	struct container **ret, struct err *err)
{
	cleanup_container struct container *parent = NULL;
	const char *scope = call ? call->scope : NULL;
	int r = 0;

	if (scope)
		r = container_find_in(agent->engine, NULL, scope, &parent, err);
	strv_each (name, call ? call->parents : NULL) {
		cleanup_container struct container *outer = take_ptr(parent);

		if (r == 0)
			r = container_find_in(agent->engine, outer ? outer->id : NULL,
				*name, &parent, err);
	}
	if (r == 0)
		*ret = take_ptr(parent);
	return r;
}

/* Of those that the scope holds alone: not even that a beginning is ambiguous tells of others. */
static int find_beginning(struct agent *agent, const struct agent_call *call,
	const char *name, struct container **ret, struct err *err)
{
	cleanup_container_list struct container_list list = { 0 };
	struct container **found = NULL;
	int r = container_list_in(agent->engine, call->scope, true, &list, err);

	for (size_t i = 0; r == 0 && *name && i < list.count; i++) {
		if (!str_skip_prefix(list.items[i]->id, name))
			continue;
		if (found)
			return err_say(err, ENOTUNIQ,
				"%.64s is the beginning of more than one id", name);
		found = &list.items[i];
	}
	if (r == 0 && !found)
		r = container_say_none(name, err);
	if (r == 0)
		*ret = take_ptr(*found);
	return r;
}

int agent_find_reference(struct agent *agent, const struct agent_call *call,
	const char *name, struct container **ret, struct err *err)
{
	int r = agent_find(agent, call, name, ret, err);

	if (r != -ENOENT || call->parents)
		return r;
	return call->scope ? find_beginning(agent, call, name, ret, err)
			   : container_find(agent->engine, name, ret, err);
}

bool agent_sees(
	struct agent *agent, const struct agent_call *call, const struct container *c)
{
	return !call->scope || container_is_in(c, call->scope);
}
