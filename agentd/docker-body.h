/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bodies of Docker's requests: a container to make, a process to run in one. What can be asked
 * for there and not be given is refused by its name; what the docker command always sends without
 * being asked (zeros, empty lists, "default") asks for nothing.
 */
#ifndef UCR_AGENTD_DOCKER_BODY_H
#define UCR_AGENTD_DOCKER_BODY_H

#include "agentd/agent-call.h"

/* They fill in the call that the path began. */
int docker_body_create(const struct json *root, struct agent_call *call, struct err *err)
	__attribute__((warn_unused_result));
int docker_body_exec(const struct json *root, struct agent_call *call, struct err *err)
	__attribute__((warn_unused_result));
/* Of exec's start: {"Detach", "Tty"}. */
int docker_body_start(const struct json *root, struct agent_call *call, struct err *err)
	__attribute__((warn_unused_result));

/* The header X-Registry-Auth, base64 of {"username", "password"}: "USER:PASSWORD", or NULL where it
 * has no login. */
int docker_login_parse(const char *header, char **ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
