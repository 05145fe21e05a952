/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sending end of Graphite's plaintext protocol: lines go out over one TCP connection, which is
 * made again, after a pause that grows, when it breaks. Nothing that is sent is ever acknowledged:
 * lines that a dead connection swallowed are lost. Lines that cannot be sent yet are kept up to a
 * bound, and then the oldest go first, always whole.
 *
 * It owns no loop and blocks on nothing but what `resolve` does: the caller polls `fd` for
 * graphite_events() for at most graphite_wait_ms(), then calls graphite_work().
 */
#ifndef UCR_COMMON_GRAPHITE_H
#define UCR_COMMON_GRAPHITE_H

#include "common/buf.h"
#include "common/err.h"

#include <stdint.h>
#include <sys/socket.h>

#define GRAPHITE_PENDING_MAX (16U << 20)
#define GRAPHITE_ADDRESSES_MAX 8

struct graphite_address {
	struct sockaddr_storage address;
	socklen_t len;
};

/* Writes at most GRAPHITE_ADDRESSES_MAX addresses and returns how many, or -errno. */
typedef int (*graphite_resolve_fn)(
	void *arg, struct graphite_address *ret, struct err *err);

enum graphite_state { GRAPHITE_IDLE, GRAPHITE_CONNECTING, GRAPHITE_CONNECTED };

struct graphite {
	graphite_resolve_fn resolve;
	void *arg;
	enum graphite_state state;
	int fd; /* -1: none now */
	struct graphite_address addresses[GRAPHITE_ADDRESSES_MAX];
	int address_count, next_address;
	struct buf pending;
	size_t pending_max;
	bool is_midline;  /* the first line of `pending` has begun to go out */
	uint64_t dropped; /* lines, since the connection stood last */
	unsigned int failures;
	int64_t deadline_ms; /* CLOCK_MONOTONIC: when to connect, or to give up on the peer */
};

void graphite_init(struct graphite *g, graphite_resolve_fn resolve, void *arg);
void graphite_done(struct graphite *g);

/* Whole lines, as common/metrics.h writes them. */
void graphite_push(struct graphite *g, const char *lines, size_t len);

short graphite_events(const struct graphite *g);
/* Until graphite_work() has something to do by itself; -1: only events count. */
int graphite_wait_ms(const struct graphite *g);

/* What happened, for whoever logs it: each outage once and its end once. */
enum graphite_news { GRAPHITE_NO_NEWS, GRAPHITE_LOST, GRAPHITE_RESTORED };
enum graphite_news graphite_work(struct graphite *g, struct err *why);

#endif
