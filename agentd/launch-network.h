/* SPDX-License-Identifier: Apache-2.0 */
/* The network of a container that is being launched. */
#ifndef UCR_AGENTD_LAUNCH_NETWORK_H
#define UCR_AGENTD_LAUNCH_NETWORK_H

#include "agentd/bundle.h"
#include "agentd/container.h"
#include "agentd/network-client.h"
#include "agentd/network.h"

struct launch_network {
	struct network_choice choice;
	struct network_pool pool;
	struct network network;
	const char *hostname; /* borrowed */
	int *port_fds;	      /* for the shim to hold */
	size_t port_fd_count;
	struct network_client client; /* in the child that launches */
};

#define LAUNCH_NETWORK_INIT                                                              \
	{                                                                                \
		.client = NETWORK_CLIENT_NONE                                            \
	}
void launch_network_done(struct launch_network *network);

/* What the options mean; touches nothing. */
int launch_network_plan(const struct bundle_request *request, struct launch_network *ret,
	struct err *err) __attribute__((warn_unused_result));

/* Takes ports and an address and writes both into the container's directory, from where clean-up
 * gives them back. */
int launch_network_take(struct engine *engine, const struct container *container,
	struct launch_network *network, struct err *err)
	__attribute__((warn_unused_result));

/* Gives back the address where nothing can have been attached yet. */
void launch_network_forget(struct engine *engine, const struct container *container,
	const struct launch_network *network);

/* In the child: has ucr-net ready while the container is created, then attaches it. On failure
 * nothing of the network is left, not in the directory either. Whoever becomes another program
 * stops `client` first; its end takes a while, in which the container can run. */
int launch_network_prepare(struct engine *engine, struct launch_network *network,
	struct err *err) __attribute__((warn_unused_result));
int launch_network_attach(struct engine *engine, const struct container *container,
	struct launch_network *network, pid_t pid, struct notes *notes, struct err *err)
	__attribute__((warn_unused_result));

#endif
