/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/agent-private.h"

#include "common/cleanup.h"

#include <unistd.h>

#define NUMBER_MAX ((UINT32_C(1) << (64 - SCOPE_ID_BITS)) - 1)

int agent_scope_new(struct agent *agent, const char *container, struct agent_scope **ret,
	struct err *err)
{
	struct agent_scope *scope = calloc(1, sizeof(*scope)), **at = &agent->scopes;

	if (!scope)
		return err_oom(err);
	*scope = (struct agent_scope){ .agent = agent,
		.listen_fd = -1,
		.pidfd = -1,
		.pid_dirfd = -1,
		.api = HELPER_NONE };
	if (container && str_set(&scope->container, container) < 0) {
		free(scope);
		return err_oom(err);
	}
	while (*at)
		at = &(*at)->next;
	*at = scope;
	*ret = scope;
	return 0;
}

void agent_scope_free(struct agent_scope *scope)
{
	struct agent_scope **at = &scope->agent->scopes;

	while (*at != scope)
		at = &(*at)->next;
	*at = scope->next;
	agent_api_stop(scope);
	agent_nested_close(scope);
	loop_remove(scope->restart);
	free(scope->container);
	free(scope);
}

struct agent_scope *agent_scope_of(struct agent *agent, uint64_t id)
{
	struct agent_scope *scope = agent->scopes;

	while (scope && !agent_scope_has_call(scope, id))
		scope = scope->next;
	return scope;
}

size_t agent_scope_count(const struct agent *agent)
{
	size_t count = 0;

	for (const struct agent_scope *s = agent->scopes; s; s = s->next)
		count += s->container != NULL;
	return count;
}

/* Numbers begin again after millions; what still has one keeps it. */
void agent_scope_renumber(struct agent_scope *scope)
{
	struct agent *agent = scope->agent;

	do {
		agent->last_scope = agent->last_scope % NUMBER_MAX + 1;
	} while (agent_scope_of(agent, (uint64_t)agent->last_scope << SCOPE_ID_BITS));
	scope->number = agent->last_scope;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(take_fd(fd));
}

void agent_scopes_leave(struct agent *agent)
{
	for (struct agent_scope *scope = agent->scopes; scope; scope = scope->next) {
		close_fd(&scope->listen_fd);
		close_fd(&scope->api.socket_fd);
	}
	close_fd(&agent->nested
			  .news_fds[0]); /* a worker that is left alone shall notice */
}
