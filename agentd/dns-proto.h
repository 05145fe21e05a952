/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the engine and ucr-dns, over common/ipc.h. Payloads are JSON objects but for ERROR, whose
 * payload is a struct err. The socket is HELPER_SOCKET_FD of ucr-dns.
 *
 * Engine to ucr-dns:
 *   START {"prefix", "prefix6"}  fds: sockets bound to the bridge's addresses, "udp" before
 *                      listening "tcp" of each family: udp4, tcp4 and, where there is IPv6, udp6,
 *                      tcp6. The prefixes are those of the bridge's networks.
 *   SERVERS {"servers"}  the addresses that the host asks, in its order
 *   ANSWER {"id", "found", "name", "addresses"}  to ASK: what is known of it
 * ucr-dns to engine:
 *   ASK {"id", "from", "name"} or {"id", "from", "address"}  what the container with the address
 *                      `from` may know of the one with this name, or this address
 *   REFRESH            send SERVERS again
 *   ERROR              it cannot serve
 */
#ifndef UCR_AGENTD_DNS_PROTO_H
#define UCR_AGENTD_DNS_PROTO_H

#include "common/json.h"
#include "common/str.h"

#define DNS_PROGRAM "ucr-dns"
#define DNS_SERVERS_MAX 3 /* as resolv.conf(5) */

enum dns_msg {
	DNS_START = 1,
	DNS_SERVERS,
	DNS_ANSWER,
	DNS_ASK,
	DNS_REFRESH,
	DNS_ERROR,
};

/* Of all that are objects: each uses its part. */
struct dns_words {
	uint64_t id;
	uint32_t prefix, prefix6;
	bool is_found;
	char *from, *name, *address;
	strv addresses, servers;
};

/* One table for both ends. */
extern const struct json_field dns_word_fields[];

/* -EPROTO and the like; `ret` is given back by json_release(). */
int dns_words_parse(const char *text, size_t len, struct dns_words *ret)
	__attribute__((warn_unused_result));
void dns_words_write(struct buf *out, const struct dns_words *words);
void dns_words_done(struct dns_words *words);

#endif
