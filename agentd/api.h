/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ucr-api: HTTP on the agent's socket, and what comes by it handed on to the engine by
 * agentd/agent-proto.h. It opens no path and starts nothing; the peers of the socket are asked
 * for by the kernel's word (SO_PEERCRED), and only root and the user of the engine are served.
 */
#ifndef UCR_AGENTD_API_H
#define UCR_AGENTD_API_H

#include "agentd/agent-proto.h"
#include "common/ipc.h"
#include "common/loop.h"

#include <sys/types.h>

struct api_server;

/* Takes `listen_fd` over; -1: connections are given by api_server_take(). At most `calls_max` calls wait for the engine at `engine_fd`. */
int api_server_new(struct loop *loop, int engine_fd, int listen_fd, uint32_t calls_max,
	struct api_server **ret, struct err *err) __attribute__((warn_unused_result));
void api_server_free(struct api_server *server);
/* CONNECTION. */
int api_server_take(struct api_server *server, struct ipc_msg *msg)
	__attribute__((warn_unused_result));
/* ANSWER. */
int api_server_answer(struct api_server *server, struct ipc_msg *msg, struct err *err)
	__attribute__((warn_unused_result));

/* Gives up everything but the descriptors held and the calls that a server makes. */
int api_confine(struct err *err) __attribute__((warn_unused_result));

#endif
