/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of nf_tables: `ucr` of the family inet (addresses: forwarding, translation, what the
 * host may be asked for) and `ucr` of the family bridge (frames: who may send what, and to whom).
 * Chains, sets and rules are the same on every host; a container is nothing but elements of the
 * sets, so that the cost of one does not depend on how many there are.
 */
#ifndef UCR_ISOLATORS_NETWORK_RULES_H
#define UCR_ISOLATORS_NETWORK_RULES_H

#include "isolators/netlink.h"
#include "isolators/network.h"

#define NETWORK_TABLE "ucr"

/* For which families the host forwarded before we had it do so. Where it did not, nothing is
 * forwarded but what comes from or goes to a container. */
struct network_forwarding {
	bool was_on4, was_on6;
};

/* Puts tables, sets, chains and rules into a batch. With `is_first` the batch is refused (-EEXIST)
 * when there are any: who comes second at the same time changes nothing. Without, what is there
 * stays, but for rules, which are replaced. */
void network_rules_put(
	struct netlink *nft, const struct network_forwarding *forwarding, bool is_first);

/* One member of a set. Keys and data are as the kernel compares them: fields of several parts
 * are padded to four bytes each. */
struct network_element {
	uint8_t family;
	const char *set;
	unsigned char key[64], data[32];
	uint32_t key_len, data_len;
	const struct network_port *port; /* that it publishes; NULL: none */
};

struct network_elements {
	struct network_element *items;
	size_t count;
};

/* All of a container. The first is its address, which nobody else may have. */
int network_elements(const struct network *network, struct network_elements *ret,
	struct err *err) __attribute__((warn_unused_result));
void network_elements_done(struct network_elements *elements);

enum network_change {
	NETWORK_ADD_NEW, /* -EEXIST when it is there */
	NETWORK_ADD,	 /* -EEXIST when its key leads elsewhere */
	NETWORK_DELETE,
};

/* Puts a change of one into a batch. To add and then delete it takes away what is there, is no
 * error where nothing is, and leaves alone what belongs to another container. */
void network_element_put(struct netlink *nft, const struct network_element *element,
	enum network_change change);

#endif
