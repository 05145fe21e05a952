/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which network a container gets, and what of the host it takes for that: an address of the pool
 * and ports. Both are taken before anything is started, and given back by clean-up
 * (container-network.c), or by whoever finds that their holder is gone.
 */
#ifndef UCR_AGENTD_NETWORK_H
#define UCR_AGENTD_NETWORK_H

#include "agentd/engine.h"
#include "common/str.h"
#include "isolators/network.h"

/* The pools: what the bridge has, and containers are numbered in. */
#define NETWORK_POOL "10.99.0.0/16" /* unless --network-pool says otherwise */
#define NETWORK_POOL6 "fd75:6372:99::"
#define NETWORK_POOL6_PREFIX 64

enum network_mode { NETWORK_NONE, NETWORK_HOST, NETWORK_BRIDGE };

struct network_choice {
	enum network_mode mode;
	bool is_shared;
};

struct network_pool {
	struct network_address address; /* AF_INET, the lowest */
	uint32_t prefix;
};

/* "ADDRESS/PREFIX" of IPv4, of 8 to 28 bits; NULL: NETWORK_POOL. */
int network_pool_parse(const char *text, struct network_pool *ret, struct err *err)
	__attribute__((warn_unused_result));

/* The words of --network; NULL: none. */
int network_choice_parse(const char *text, struct network_choice *ret, struct err *err)
	__attribute__((warn_unused_result));

/* Appends what "[ADDRESS:][HOSTPORT:]PORT[/tcp|udp]" publishes, ranges one by one; and of an
 * image "PORT[-PORT][/tcp|udp]", at ports of the host that are free. */
int network_publish_parse(const char *text, struct network_ports *ports, struct err *err)
	__attribute__((warn_unused_result));
int network_expose_parse(const char *text, struct network_ports *ports, struct err *err)
	__attribute__((warn_unused_result));

/* "10m": bytes a second, 1k or more; NULL: no limit. `option` names it in the error. */
int network_rate_parse(const char *option, const char *text, uint64_t *ret,
	struct err *err) __attribute__((warn_unused_result));

/*
 * Takes ports of the host by binding sockets to them, as long as those are open: nobody else,
 * container or not, can have them meanwhile. Fills in those that were left to choice. `ret_fds`:
 * a heap array, close-on-exec.
 */
int network_ports_reserve(struct network_ports *ports, int **ret_fds, size_t *ret_count,
	struct err *err) __attribute__((warn_unused_result));

/*
 * Takes a free address, the next after the one taken last, and writes it into <root>/networks/
 * as a link to the container. -ENOSPC: there is none.
 */
int network_lease_take(struct engine *engine, const char *id,
	const struct network_pool *pool, struct network *ret, struct err *err)
	__attribute__((warn_unused_result));
/* Gives it back, if it is still the container's. */
void network_lease_release(
	struct engine *engine, const struct network *network, const char *id);

/* Who has an address of either family: his id, of CONTAINER_ID_MAX. -ENOENT: nobody. */
int network_lease_holder(const struct engine *engine, const struct network_pool *pool,
	const struct network_address *address, char *ret)
	__attribute__((warn_unused_result));

/* The address with this number in the pools. */
void network_number(
	const struct network_pool *pool, uint32_t number, struct network *ret);

/* The name servers that a container with a network of its own can ask: of resolv.conf(5), without
 * those at the host's loopback; `servers` replace them. 0, or 1 when there is none. */
/* All that resolv.conf(5) names, the host's loopback too. 0 or -ENOMEM. */
int network_name_servers(const char *text, strv *ret) __attribute__((warn_unused_result));
int network_resolv_conf(const char *text, char *const *servers, struct buf *out)
	__attribute__((warn_unused_result));

#endif
