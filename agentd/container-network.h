/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container holds of the host's network: written down before it is attached, there as long
 * as it holds something.
 */
#ifndef UCR_AGENTD_CONTAINER_NETWORK_H
#define UCR_AGENTD_CONTAINER_NETWORK_H

#include "agentd/container.h"
#include "isolators/network.h"

/* Its place on a bridge. -ENOENT when it has none, or none any more (no error text is set). */
int container_network(const struct container *container, struct network *ret,
	struct err *err) __attribute__((warn_unused_result));
bool container_has_network(const struct container *container);

int container_save_network(
	const struct container *container, const struct network *network, struct err *err)
	__attribute__((warn_unused_result));

/* Where nothing was attached: gives the address back. */
void container_forget_network(struct engine *engine, const struct container *container,
	const struct network *network);

/* What came and went since it was started, by all its interfaces but lo. UINT64_MAX: it has the
 * host's network, or has ended. */
struct network_usage {
	uint64_t received, received_packets, received_errors,
		received_dropped; /* bytes first */
	uint64_t sent, sent_packets, sent_errors, sent_dropped;
};
struct network_usage container_network_usage(const struct container *container);

/* Takes the container off the network and gives all back; idempotent. */
int container_release_network(struct engine *engine, const struct container *container,
	struct err *err) __attribute__((warn_unused_result));

#endif
