/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces, addresses and routes, by rtnetlink. */
#ifndef UCR_ISOLATORS_NETWORK_LINKS_H
#define UCR_ISOLATORS_NETWORK_LINKS_H

#include "isolators/netlink.h"
#include "isolators/network-rules.h"

/* -EBUSY: the pool is a network that the host has at another interface. */
int network_pool_check(struct netlink *route, const struct network *network,
	struct err *err) __attribute__((warn_unused_result));

/* Makes the bridge, down, with the gateway's addresses; what exists is left as it is. */
int network_bridge_make(struct netlink *route, const struct network *network,
	const struct network_forwarding *forwarding, bool has_ipv6, struct err *err)
	__attribute__((warn_unused_result));

/* The last step: as long as it is down, network_pair_make() finds no bridge. */
int network_bridge_up(struct netlink *route, struct err *err)
	__attribute__((warn_unused_result));
/* What the bridge was made with. False: it is no bridge of ours. */
bool network_bridge_forwarding(
	const struct netlink_link *bridge, struct network_forwarding *ret);

/* The host's end at the bridge, and the other in the network namespace, still down. -EEXIST when
 * somebody has the address; -ENODEV when there is no bridge. */
int network_pair_make(struct netlink *route, const struct network *network, int netns_fd,
	struct err *err) __attribute__((warn_unused_result));

/* -ENODEV: there is none. */
int network_pair_remove(struct netlink *route, const struct network *network)
	__attribute__((warn_unused_result));

/* network-rate.c. So many bytes a second may an interface send; 0: no limit. -EOPNOTSUPP: the kernel
 * has no token bucket. */
int network_rate_limit(struct netlink *route, const char *interface, uint64_t rate,
	struct err *err) __attribute__((warn_unused_result));

/* Inside: `route` is of the container's network namespace. */
int network_inside_up(struct netlink *route, const struct network *network, bool has_ipv6,
	struct err *err) __attribute__((warn_unused_result));

#endif
