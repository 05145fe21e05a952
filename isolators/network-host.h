/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's side of bridge networks: what ucr-net does. A container is attached while it exists
 * but does not run, and detached when it has ended; both cost the same however many there are.
 */
#ifndef UCR_ISOLATORS_NETWORK_HOST_H
#define UCR_ISOLATORS_NETWORK_HOST_H

#include "isolators/isolator.h"
#include "isolators/netlink.h"
#include "isolators/network.h"

struct network_host {
	struct netlink route, nft; /* of the host's network namespace */
	int sysctl_dirfd; /* /proc/sys/net: of whatever namespace the caller is in */
	int netns_fd;	  /* the host's */
};

#define NETWORK_HOST_INIT                                                                \
	{                                                                                \
		.sysctl_dirfd = -1, .netns_fd = -1                                       \
	}
#define cleanup_network_host cleanup_with(network_host_close)

/* In the network namespace of the caller, which must have one thread only. */
int network_host_open(struct network_host *ret, struct err *err)
	__attribute__((warn_unused_result));
void network_host_close(struct network_host *host);

/*
 * Makes what the container has on the host and inside `netns_fd`, and on first use the bridge and
 * the tables. Whole or not at all. -EEXIST: somebody has the address. -EADDRINUSE: a published
 * port belongs to another container.
 */
int network_attach(struct network_host *host, const struct network *network, int netns_fd,
	struct notes *notes, struct err *err) __attribute__((warn_unused_result));

/* Takes it away, as far as it is there. */
int network_detach(struct network_host *host, const struct network *network,
	struct err *err) __attribute__((warn_unused_result));

/* network-sysctl.c. The bridge's own parameters, those of an interface inside, and forwarding. */
int network_bridge_sysctls(int sysctl_dirfd, bool has_ipv6, struct err *err)
	__attribute__((warn_unused_result));
int network_inside_sysctls(int sysctl_dirfd, struct err *err)
	__attribute__((warn_unused_result));
bool network_has_ipv6(int sysctl_dirfd);
bool network_is_forwarding(int sysctl_dirfd, sa_family_t family);
int network_forward(int sysctl_dirfd, sa_family_t family, struct err *err)
	__attribute__((warn_unused_result));

#endif
