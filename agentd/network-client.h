/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's end of agentd/net-proto.h. Where the agent keeps a ucr-net (engine_set_net()), a
 * client has a connection of its own to that one; if it has ended meanwhile, or there is none, the
 * client starts one for itself and begins again, so that nothing depends on the one that is kept.
 */
#ifndef UCR_AGENTD_NETWORK_CLIENT_H
#define UCR_AGENTD_NETWORK_CLIENT_H

#include "agentd/engine.h"
#include "agentd/net-proto.h"
#include "images/helper.h"
#include "isolators/isolator.h"
#include "isolators/network.h"

struct network_client {
	const struct engine *engine; /* NULL: there is no client */
	struct helper helper;
	bool is_kept; /* the helper is the agent's */
	bool is_lost; /* it ended without an answer: half of what was asked may be there */
};

#define NETWORK_CLIENT_NONE                                                              \
	{                                                                                \
		.helper = HELPER_NONE                                                    \
	}
#define cleanup_network_client cleanup_with(network_client_stop)

extern const struct helper_program network_program;

int network_client_start(const struct engine *engine, struct network_client *ret,
	struct err *err) __attribute__((warn_unused_result));
void network_client_stop(struct network_client *client);

/* Sends NET_ATTACH (with a namespace) or NET_DETACH (-1) and waits for the answer. */
int network_client_ask(struct network_client *client, enum net_msg type,
	const struct network *network, int netns_fd, struct notes *notes, struct err *err)
	__attribute__((warn_unused_result));

#endif
