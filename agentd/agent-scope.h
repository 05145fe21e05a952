/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where calls come from: the agent's own socket, and one in each container that asked for nested
 * containers. Each has a ucr-api of its own, so that what one sends reaches only what it may see,
 * whatever becomes of the program that reads it. The engine knows a call's scope by the socket pair
 * it came over; ucr-api has no word for it.
 *
 * The engine itself accepts what comes to a container's socket, asks the kernel whether the peer is
 * a process of that container, and only then hands the connection on. A ucr-api is there while there
 * are connections.
 */
#ifndef UCR_AGENTD_AGENT_SCOPE_H
#define UCR_AGENTD_AGENT_SCOPE_H

#include "common/err.h"
#include "common/loop.h"
#include "agentd/agent-call.h"
#include "agentd/container-private.h"
#include "images/helper.h"

#include <stdint.h>

struct agent;

/* A call's id in the engine: the number of its ucr-api, and its id there. */
#define SCOPE_ID_BITS 40
#define SCOPE_ID_MAX ((UINT64_C(1) << SCOPE_ID_BITS) - 1)

struct agent_scope {
	struct agent *agent;
	struct agent_scope *next;
	char *container; /* its full id; NULL: the agent's own socket */
	int listen_fd;

	struct helper api;
	struct loop_source *api_source, *restart;
	uint32_t number;	   /* of this ucr-api: none before had it */
	unsigned int api_failures; /* one after the other */
	uint32_t calls_max;	   /* that an honest role lets wait at once */

	/* Of one in a container, whose `restart` ends a pause, or what is left of it. */
	struct loop_source *listen_source, *process;
	char outermost[CONTAINER_ID_MAX]; /* that it is in, or is */
	struct cgroup *cgroup;		  /* who is in it may connect */
	bool is_paused;			  /* nobody is let in until `restart` */
	int pidfd, pid_dirfd;		  /* the first process there, its /proc/PID */
	uid_t root;	      /* it, and the first process's user may connect */
	uint64_t sent, taken; /* connections, by this ucr-api */
};

/* Of the agent. */
struct agent_nested {
	int news_fds[2]; /* ours, and what workers tell of launches by */
	struct loop_source *news;
};

/* The list's first one is the agent's own. */
int agent_scope_new(struct agent *agent, const char *container, struct agent_scope **ret,
	struct err *err) __attribute__((warn_unused_result));
/* With its ucr-api; nobody waits any more for what came from there. */
void agent_scope_free(struct agent_scope *scope);

/* By the id of a call; NULL: that ucr-api is gone. */
struct agent_scope *agent_scope_of(struct agent *agent, uint64_t id);
static inline uint64_t agent_scope_call(const struct agent_scope *scope, uint64_t id)
{
	return (uint64_t)scope->number << SCOPE_ID_BITS | id;
}
static inline bool agent_scope_has_call(const struct agent_scope *scope, uint64_t id)
{
	/* Number 0 is of what has no ucr-api yet; such ids are of the agent's own calls. */
	return scope->number && id >> SCOPE_ID_BITS == scope->number;
}
/* Those in containers. */
size_t agent_scope_count(const struct agent *agent);
/* For the next ucr-api. */
void agent_scope_renumber(struct agent_scope *scope);

/* In a worker: what is the agent's own is closed. */
void agent_scopes_leave(struct agent *agent);

/* agent-launch.c, in a worker: with the logins that the scope has. */
const struct pull_options *agent_pull_options(
	struct agent *agent, const struct agent_call *call);

/* ---- agent-nested.c: sockets in containers ---- */

int agent_nested_start(struct agent *agent, struct err *err)
	__attribute__((warn_unused_result));
/* Serves those of running containers again, and ends what should not have gone on. */
void agent_nested_recover(struct agent *agent, const struct container_list *list);
/* Nobody is let in for so long. */
int agent_nested_pause(struct agent_scope *scope, uint64_t ms)
	__attribute__((warn_unused_result));
/* Stops listening. */
void agent_nested_close(struct agent_scope *scope);

#define AGENT_IS_IDLE 1
struct agent_taken {
	uint64_t connections;
	bool is_idle;
};
/* AGENT_IS_IDLE: nothing is left for that ucr-api to do. */
int agent_nested_taken(struct agent_scope *scope, const struct ipc_msg *msg)
	__attribute__((warn_unused_result));

#endif
