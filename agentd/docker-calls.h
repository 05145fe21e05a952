/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests of Docker's Engine API that ucr-api understands: from a method, a path with or
 * without a version, a query and a body to a struct agent_call whose operation begins with
 * "docker-" (agentd/agent-docker.h). The docker command and the plugins of build servers speak it;
 * images are not built.
 */
#ifndef UCR_AGENTD_DOCKER_CALLS_H
#define UCR_AGENTD_DOCKER_CALLS_H

#include "agentd/agent-call.h"

#define DOCKER_API_VERSION "1.41"
#define DOCKER_API_VERSION_MIN "1.24"

struct docker_request {
	const char *method, *path; /* decoded */
	char *const *query;	   /* "key=value", decoded */
	const char *login;	   /* the header X-Registry-Auth, or NULL */
	const char *body;
	size_t body_len;
};

struct docker_route;

/* Whether a path is one of Docker's, whatever is to be said to it. */
bool docker_is_path(const char *path);

/* The route of a request. -ENOENT: there is none; -EOPNOTSUPP: not for this method; -ENOSYS: Docker
 * has it, and this agent has not; -EINVAL: a version that is not spoken. */
int docker_route_find(const char *method, const char *path,
	const struct docker_route **ret, struct err *err)
	__attribute__((warn_unused_result));

/* What is answered are streams of a container, of which a client may want one or both. */
bool docker_route_gives_streams(const struct docker_route *route);
/* What is sent is no JSON, and of any size. */
bool docker_route_takes_stream(const struct docker_route *route);

/* The call of a request whose route was found; without its id. */
int docker_call_parse(const struct docker_route *route,
	const struct docker_request *request, struct agent_call *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
