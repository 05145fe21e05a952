/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoders for agentd/docker-body.c's tables, as common/json.h has them: members of Docker's that
 * have another form than the options of a run, and what is refused.
 */
#ifndef UCR_AGENTD_DOCKER_DECODE_H
#define UCR_AGENTD_DOCKER_DECODE_H

#include "common/json.h"

#define DOCKER_DECODER(fn)                                                               \
	int fn(const struct json *v, void *out, const void *arg, struct err *err)        \
		__attribute__((warn_unused_result))

/* What is refused but for what asks for nothing. */
struct docker_refusal {
	const char *why;
	const char *const *words; /* that ask for nothing, besides "" */
	bool is_signed;		  /* -1 is a number as any other */
};
DOCKER_DECODER(docker_refuse); /* arg: a struct docker_refusal */
/* Also what is empty; arg: why. */
DOCKER_DECODER(docker_refuse_all);

#define DOCKER_REFUSED(key, ...)                                                         \
	{                                                                                \
		key, docker_refuse, 0, false, &(const struct docker_refusal)             \
		{                                                                        \
			__VA_ARGS__                                                      \
		}                                                                        \
	}

/* Of a number that must not be negative: its digits. 0 asks for nothing. */
DOCKER_DECODER(docker_decode_amount);
/* The same, where -1 is no limit. */
DOCKER_DECODER(docker_decode_limit);
/* How much is swapped out is nothing that is set here: only -1, the host's, is taken. */
DOCKER_DECODER(docker_decode_swappiness);
/* [{"Path": "/dev/sda", "Rate": 1024}] as "/dev/sda:1024" */
DOCKER_DECODER(docker_decode_rates);
/* The name of a network; "default" is none of them. */
DOCKER_DECODER(docker_decode_network);
/* {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]} as "127.0.0.1:8080:80/tcp" */
DOCKER_DECODER(docker_decode_ports);
/* The names in "EndpointsConfig": of a network nothing may be asked for but to join it. */
DOCKER_DECODER(docker_decode_endpoints);

#endif
