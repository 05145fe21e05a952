/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ucr-dns: the name server of the containers on a bridge. It answers names below ".ucr", and the
 * addresses of containers, by what the engine says of them, and hands everything else on to the
 * name servers of the host. It listens at the bridge's own addresses, to containers alone.
 *
 *   a datagram   -> ours: a question to the engine; else a datagram of its own to a server
 *   a connection -> its first message is looked at; ours is answered, else both ends are joined
 *
 * All that anybody can make it hold is bounded, for each container and in all.
 */
#ifndef UCR_AGENTD_DNS_H
#define UCR_AGENTD_DNS_H

#include "agentd/dns-message.h"
#include "agentd/dns-proto.h"
#include "common/ipc.h"
#include "common/loop.h"

#include <sys/socket.h>

union dns_address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* A question to the engine; part of whatever waits for its answer. */
struct dns_ask {
	struct dns_ask *next;
	uint64_t id; /* 0: it is not asked */
	/* Once, unless the ask is dropped before. */
	void (*done)(struct dns_ask *ask, const struct dns_words *words);
};

/* How often a container may have the engine asked: so many at once, and so many a second. */
#define DNS_ASKS_BURST 100
#define DNS_ASKS_A_SECOND 50
#define DNS_BUCKETS 256 /* those of one number share it */

struct dns_bucket {
	int64_t ms;   /* when `used` was right */
	int64_t used; /* thousandths of a question */
};

struct dns_server {
	struct loop *loop;
	int engine_fd;
	struct network_address networks[2]; /* the bridge's own address of each family */
	uint32_t prefixes[2];
	struct network_address servers[DNS_SERVERS_MAX];
	size_t server_count;
	int64_t refreshed_ms;

	struct dns_bucket buckets[DNS_BUCKETS];
	struct dns_ask *asks;
	uint64_t last_id;
	struct dns_query *queries;  /* dns-udp.c */
	struct dns_caller *callers; /* dns-tcp.c */
	struct buf answer;
	unsigned char data[65536];
	struct ipc_msg msg;
};

/* dns-server.c. Begins to serve the sockets of START; `server` is cleared but for its first two
 * members. */
int dns_server_start(struct dns_server *server, struct err *err)
	__attribute__((warn_unused_result));
/* A message of the engine. */
int dns_server_take(struct dns_server *server, const struct ipc_msg *msg)
	__attribute__((warn_unused_result));

/* Whose the other end of a socket is; false: no container's. */
bool dns_container_of(const struct dns_server *server, const union dns_address *from,
	struct network_address *ret);
/* A socket that is connected, or is being, to the n-th of the host's servers. -ENOENT: there are
 * not so many. */
int dns_connect(const struct dns_server *server, size_t n, int type)
	__attribute__((warn_unused_result));
/* Has the engine say again which those are, now and then. */
void dns_refresh(struct dns_server *server);

/* -ENOENT: the question is not for the engine. -EAGAIN: the container asks too often. */
int dns_ask(struct dns_server *server, struct dns_ask *ask,
	const struct network_address *from, const struct dns_question *question)
	__attribute__((warn_unused_result));
void dns_ask_drop(struct dns_server *server, struct dns_ask *ask);
/* Makes server->answer of what the engine said. */
void dns_answer(struct dns_server *server, const unsigned char *query,
	const struct dns_question *question, const struct dns_words *words);

/* dns-udp.c, dns-tcp.c: what the loop calls for a bound, and for a listening socket. */
int dns_listen_udp(struct dns_server *server, int fd) __attribute__((warn_unused_result));
int dns_listen_tcp(struct dns_server *server, int fd) __attribute__((warn_unused_result));

/* dns-confine.c */
int dns_confine(struct err *err) __attribute__((warn_unused_result));

#endif
