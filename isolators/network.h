/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's place in the bridge network: its addresses and what of it the host publishes.
 * Everything else (the interfaces' names, hardware addresses) follows from the IPv4 address.
 *
 * The same JSON is the record in a container's directory and the request to ucr-net
 * (agentd/net-proto.h): what was asked to be made is what is asked to be taken away.
 */
#ifndef UCR_ISOLATORS_NETWORK_H
#define UCR_ISOLATORS_NETWORK_H

#include "common/err.h"
#include "common/json-writer.h"

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETWORK_BRIDGE_NAME "ucr0"
#define NETWORK_INTERFACE "eth0"	/* inside */
#define NETWORK_INTERFACE_PREFIX "ucr-" /* of the host's ends */

#define NETWORK_MAC_LEN 6
#define NETWORK_MAC_TEXT_MAX 18
#define NETWORK_PORTS_MAX 256 /* of one container: each holds up to two descriptors */

struct network_address {
	sa_family_t family;	 /* AF_UNSPEC: none, or every one */
	unsigned char bytes[16]; /* the first 4 of AF_INET; network order */
};

struct network_port {
	uint32_t protocol;	     /* IPPROTO_TCP or IPPROTO_UDP */
	struct network_address host; /* AF_UNSPEC: every address of the host */
	uint16_t host_port;	     /* 0: any that is free */
	uint16_t port;		     /* of the container */
};

struct network_ports {
	struct network_port *items;
	size_t count;
};

struct network {
	struct network_address address, gateway;   /* AF_INET */
	struct network_address address6, gateway6; /* AF_INET6 */
	uint32_t prefix, prefix6;
	bool is_shared; /* others that are shared may reach it, and it them */
	/* Bytes a second that come to it, and that it sends; 0: no limit. */
	uint64_t rate_in, rate_out;
	struct network_ports ports;
};

#define cleanup_network cleanup_with(network_done)
void network_done(struct network *network);

int network_parse(const char *text, size_t len, struct network *ret, struct err *err)
	__attribute__((warn_unused_result));
/* The members of the object that network_parse() reads. */
void network_write(struct json_writer *w, const struct network *network);

/* -EINVAL when it is no address of either family. */
int network_address_parse(const char *text, struct network_address *ret)
	__attribute__((warn_unused_result));
const char *network_address_text(
	const struct network_address *address, char ret[INET6_ADDRSTRLEN]);
size_t network_address_len(const struct network_address *address);

/* 0.0.0.0 or ::, every address of its family. */
bool network_address_is_any(const struct network_address *address);
/* What the kernel would not take for 127.0.0.0/8 or ::1 of anybody else. */
bool network_address_is_loopback(const struct network_address *address);

const char *network_protocol_name(uint32_t protocol); /* "tcp", "udp" */
int network_protocol_parse(const char *text, uint32_t *ret)
	__attribute__((warn_unused_result));

/* The host's end of the pair that belongs to an IPv4 address. */
void network_interface(const struct network_address *address, char ret[IF_NAMESIZE]);
/* Locally administered, one for each IPv4 address. */
void network_mac(
	const struct network_address *address, unsigned char ret[NETWORK_MAC_LEN]);
const char *network_mac_text(
	const struct network_address *address, char ret[NETWORK_MAC_TEXT_MAX]);

#endif
