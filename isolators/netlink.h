/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches of netlink messages: what belongs together is sent by one system call and answered by
 * one acknowledgement. To nf_tables a batch is a transaction; to rtnetlink it is a queue, of which
 * what follows a refused message is done nevertheless.
 */
#ifndef UCR_ISOLATORS_NETLINK_H
#define UCR_ISOLATORS_NETLINK_H

#include "common/err.h"

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETLINK_DETAIL_MAX 128

struct netlink {
	struct mnl_socket *socket; /* of the network namespace that the opener was in */
	bool is_transaction;	   /* nf_tables */
	char *data;
	size_t len;
	struct nlmsghdr *last; /* not counted in `len` yet */
	char *answer;
	uint32_t seq, first_seq;
	bool is_full;
	/* After a refusal: which message (from 0), and the kernel's words, if any. */
	size_t refused;
	char detail[NETLINK_DETAIL_MAX];
};

#define cleanup_netlink cleanup_with(netlink_close)

/* `bus`: NETLINK_ROUTE or NETLINK_NETFILTER. */
int netlink_open(int bus, struct netlink *ret, struct err *err)
	__attribute__((warn_unused_result));
void netlink_close(struct netlink *nl);

/* Begins a batch, then a message in it; attributes are put by libmnl until the next call. A
 * message must stay below 4 KiB. NULL when the batch is full, which netlink_send() tells, too. */
void netlink_begin(struct netlink *nl);
struct nlmsghdr *netlink_message(struct netlink *nl, uint16_t type, uint16_t flags,
	const void *header, size_t len);

/* 0 or the -errno of the first message that was refused. */
int netlink_send(struct netlink *nl) __attribute__((warn_unused_result));

/* err_set() with what was refused last. */
int netlink_err(const struct netlink *nl, int code, struct err *err, const char *what);

/* Sends the one message of a batch that asks for something, and receives the answer: of `type`, with
 * a header of `len` bytes; valid until the next call. */
int netlink_get(struct netlink *nl, uint16_t type, size_t len,
	const struct nlmsghdr **ret) __attribute__((warn_unused_result));

/* What is asked for about an interface. */
struct netlink_link {
	int index;
	bool is_up;
	unsigned char mac[6]; /* zeroes when it has no such one */
	char alias[64];	      /* "" when it has none, or a longer one */
};
int netlink_link(struct netlink *route, const char *name, struct netlink_link *ret)
	__attribute__((warn_unused_result));
/* The number of an interface, or -errno. */
int netlink_index(struct netlink *route, const char *name)
	__attribute__((warn_unused_result));

#endif
