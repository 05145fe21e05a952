/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's end of agentd/net-proto.h. */
#ifndef UCR_AGENTD_NETWORK_CLIENT_H
#define UCR_AGENTD_NETWORK_CLIENT_H

#include "agentd/net-proto.h"
#include "images/helper.h"
#include "isolators/isolator.h"
#include "isolators/network.h"

int network_client_start(const char *libexec_path, struct helper *ret, struct err *err)
	__attribute__((warn_unused_result));

/* Sends NET_ATTACH (with a namespace) or NET_DETACH (-1) and waits for the answer. */
int network_client_ask(struct helper *client, enum net_msg type,
	const struct network *network, int netns_fd, struct notes *notes, struct err *err)
	__attribute__((warn_unused_result));

#endif
