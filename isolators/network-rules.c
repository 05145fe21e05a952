/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/network-rules.h"

#include "isolators/nft-expr.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_bridge.h>
#include <linux/rtnetlink.h>

/* ---- sets ----------------------------------------------------------------------------- */

/* How nft(8) numbers the types of keys: it shows sets by them, the kernel only keeps them. */
#define TYPE_IP4 7U
#define TYPE_IP6 8U
#define TYPE_MAC 9U
#define TYPE_PROTOCOL 12U
#define TYPE_PORT 13U
#define TYPE_IFNAME 41U
/* That bytes of the key stand in the machine's order: type, length and a number of 32 bits. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define KEY_IS_TEXT "\0\4\1\0\0"
#else
#define KEY_IS_TEXT "\0\4\0\0\0\1"
#endif
#define KEY_NOTE_LEN 6
#define TYPE_2(a, b) ((a) << 6 | (b))
#define TYPE_3(a, b, c) (TYPE_2(a, b) << 6 | (c))

struct set {
	uint8_t family;
	const char *name;
	uint32_t key_type, key_len, data_type, data_len; /* no data: not a map */
	const char *note; /* for nft(8), which shows names by it: NULL: none */
};

static const struct set sets[] = {
	/* The containers' addresses, and those of them that may reach each other. */
	{ NFPROTO_INET, "tasks4", TYPE_IP4, 4 },
	{ NFPROTO_INET, "tasks6", TYPE_IP6, 16 },
	{ NFPROTO_INET, "shared4", TYPE_IP4, 4 },
	{ NFPROTO_INET, "shared6", TYPE_IP6, 16 },
	/* Ports published at every address of the host, and at one. */
	{ NFPROTO_INET, "ports4", TYPE_2(TYPE_PROTOCOL, TYPE_PORT), 8,
		TYPE_2(TYPE_IP4, TYPE_PORT), 8 },
	{ NFPROTO_INET, "ports6", TYPE_2(TYPE_PROTOCOL, TYPE_PORT), 8,
		TYPE_2(TYPE_IP6, TYPE_PORT), 20 },
	{ NFPROTO_INET, "bound4", TYPE_3(TYPE_IP4, TYPE_PROTOCOL, TYPE_PORT), 12,
		TYPE_2(TYPE_IP4, TYPE_PORT), 8 },
	{ NFPROTO_INET, "bound6", TYPE_3(TYPE_IP6, TYPE_PROTOCOL, TYPE_PORT), 24,
		TYPE_2(TYPE_IP6, TYPE_PORT), 20 },
	/* What may be a sender on which interface. */
	{ NFPROTO_BRIDGE, "senders4", TYPE_3(TYPE_IFNAME, TYPE_MAC, TYPE_IP4), 28 },
	{ NFPROTO_BRIDGE, "senders6", TYPE_3(TYPE_IFNAME, TYPE_MAC, TYPE_IP6), 40 },
	{ NFPROTO_BRIDGE, "shared", TYPE_IFNAME, 16, .note = KEY_IS_TEXT },
};

/* ---- rules ---------------------------------------------------------------------------- */

static const char bridge_name[IFNAMSIZ] = NETWORK_BRIDGE_NAME;

#define FROM_BRIDGE                                                                      \
	NFT_META(NFT_META_IIFNAME, 0), NFT_IS(0, bridge_name, sizeof(bridge_name))
#define TO_BRIDGE                                                                        \
	NFT_META(NFT_META_OIFNAME, 0), NFT_IS(0, bridge_name, sizeof(bridge_name))
#define NOT_TO_BRIDGE                                                                    \
	NFT_META(NFT_META_OIFNAME, 0), NFT_IS_NOT(0, bridge_name, sizeof(bridge_name))
#define NOT_A_TASKS(meta)                                                                \
	NFT_META(meta, 0), NFT_IS_NOT(0, NETWORK_INTERFACE_PREFIX,                       \
				   sizeof(NETWORK_INTERFACE_PREFIX) - 1)

#define IPV4 NFT_META(NFT_META_NFPROTO, 0), NFT_IS(0, "\x02", 1)
#define IPV6 NFT_META(NFT_META_NFPROTO, 0), NFT_IS(0, "\x0a", 1)
#define ETHERTYPE(bytes) NFT_META(NFT_META_PROTOCOL, 0), NFT_IS(0, bytes, 2)
#define PROTOCOL(byte) NFT_META(NFT_META_L4PROTO, 0), NFT_IS(0, byte, 1)
#define TCP "\x06"
#define UDP "\x11"
#define ICMP "\x01"
#define ICMPV6 "\x3a"
#define ICMPV6_TYPE(byte)                                                                \
	PROTOCOL(ICMPV6), NFT_LOAD(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, 0),               \
		NFT_IS(0, byte, 1)
#define ROUTER_ADVERTISEMENT "\x86"
#define NEIGHBOUR_ADVERTISEMENT "\x88"
#define REDIRECT "\x89"
#define PORT_53 NFT_LOAD(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 0), NFT_IS(0, "\x00\x35", 2)

#define SOURCE4(n) NFT_LOAD(NFT_PAYLOAD_NETWORK_HEADER, 12, 4, n)
#define TARGET4(n) NFT_LOAD(NFT_PAYLOAD_NETWORK_HEADER, 16, 4, n)
#define SOURCE6(n) NFT_LOAD(NFT_PAYLOAD_NETWORK_HEADER, 8, 16, n)
#define TARGET6(n) NFT_LOAD(NFT_PAYLOAD_NETWORK_HEADER, 24, 16, n)
#define FROM_LOOPBACK4                                                                   \
	NFT_LOAD(NFT_PAYLOAD_NETWORK_HEADER, 12, 1, 0), NFT_IS(0, "\x7f", 1)
#define TO_LOOPBACK4 NFT_LOAD(NFT_PAYLOAD_NETWORK_HEADER, 16, 1, 0), NFT_IS(0, "\x7f", 1)
#define LOOPBACK6 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"

#define OF_A_CONNECTION                                                                  \
	NFT_CT(NFT_CT_STATE, 0), NFT_HAS_BITS(0, NF_CT_STATE_BIT(IP_CT_ESTABLISHED) |    \
							 NF_CT_STATE_BIT(IP_CT_RELATED))
#define PUBLISHED NFT_CT(NFT_CT_STATUS, 0), NFT_HAS_BITS(0, IPS_DST_NAT)
#define TO_THE_HOST NFT_DESTINATION_TYPE(0), NFT_IS(0, local_type, sizeof(local_type))
#define LOAD_PROTOCOL(n) NFT_META(NFT_META_L4PROTO, n)
#define LOAD_PORT(n) NFT_LOAD(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, n)

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
static const char local_type[4] = { RTN_LOCAL, 0, 0, 0 };
#else
static const char local_type[4] = { 0, 0, 0, RTN_LOCAL };
#endif

/* Interface, hardware and protocol address of a sender, as the sets have them. */
#define SENDER(mac, address) NFT_META(NFT_META_IIFNAME, 0), mac, address
#define FRAME_MAC NFT_LOAD(NFT_PAYLOAD_LL_HEADER, 6, 6, 4)
#define ARP_MAC NFT_LOAD(NFT_PAYLOAD_NETWORK_HEADER, 8, 6, 4)
#define ARP_SENDER NFT_LOAD(NFT_PAYLOAD_NETWORK_HEADER, 14, 4, 6)
#define NEIGHBOUR_TARGET NFT_LOAD(NFT_PAYLOAD_TRANSPORT_HEADER, 8, 16, 6)

#define RULE(...)                                                                        \
	(const struct nft_expr[])                                                        \
	{                                                                                \
		__VA_ARGS__, NFT_END                                                     \
	}

struct rule {
	uint8_t family;
	const char *chain;
	const struct nft_expr *exprs;
};

static const struct rule rules[] = {
	/* Connections from the host's 127.0.0.1 to published ports need route_localnet on the
	 * bridge; nothing that a container sends may go to 127.0.0.0/8 by it. Before connections
	 * are looked up: the answers are for another address then. */
	{ NFPROTO_INET, "early", RULE(FROM_BRIDGE, IPV4, TO_LOOPBACK4, NFT_DROP) },

	{ NFPROTO_INET, "prerouting", RULE(TO_THE_HOST, NFT_GO("published")) },
	{ NFPROTO_INET, "output", RULE(TO_THE_HOST, NFT_GO("published")) },
	{ NFPROTO_INET, "published",
		RULE(IPV4, TARGET4(0), LOAD_PROTOCOL(1), LOAD_PORT(2),
			NFT_MAP("bound4", 0, 8), NFT_DNAT(NFPROTO_IPV4, 8, 9)) },
	{ NFPROTO_INET, "published",
		RULE(IPV4, LOAD_PROTOCOL(0), LOAD_PORT(1), NFT_MAP("ports4", 0, 8),
			NFT_DNAT(NFPROTO_IPV4, 8, 9)) },
	/* Nothing is routed from ::1. */
	{ NFPROTO_INET, "published",
		RULE(IPV6, TARGET6(0), NFT_IS(0, LOOPBACK6, 16), NFT_DO_RETURN) },
	{ NFPROTO_INET, "published",
		RULE(IPV6, TARGET6(0), LOAD_PROTOCOL(4), LOAD_PORT(5),
			NFT_MAP("bound6", 0, 8), NFT_DNAT(NFPROTO_IPV6, 8, 12)) },
	{ NFPROTO_INET, "published",
		RULE(IPV6, LOAD_PROTOCOL(0), LOAD_PORT(1), NFT_MAP("ports6", 0, 8),
			NFT_DNAT(NFPROTO_IPV6, 8, 12)) },

	{ NFPROTO_INET, "postrouting",
		RULE(NOT_TO_BRIDGE, IPV4, SOURCE4(0), NFT_IN("tasks4", 0),
			NFT_MASQUERADE) },
	{ NFPROTO_INET, "postrouting",
		RULE(NOT_TO_BRIDGE, IPV6, SOURCE6(0), NFT_IN("tasks6", 0),
			NFT_MASQUERADE) },
	/* From one container to what the host publishes of another: answers must come back by
	 * the host. */
	{ NFPROTO_INET, "postrouting",
		RULE(TO_BRIDGE, PUBLISHED, IPV4, SOURCE4(0), NFT_IN("tasks4", 0),
			NFT_MASQUERADE) },
	{ NFPROTO_INET, "postrouting",
		RULE(TO_BRIDGE, PUBLISHED, IPV6, SOURCE6(0), NFT_IN("tasks6", 0),
			NFT_MASQUERADE) },
	{ NFPROTO_INET, "postrouting",
		RULE(TO_BRIDGE, PUBLISHED, IPV4, FROM_LOOPBACK4, NFT_MASQUERADE) },

	{ NFPROTO_INET, "forward", RULE(TO_BRIDGE, OF_A_CONNECTION, NFT_ACCEPT) },
	{ NFPROTO_INET, "forward", RULE(TO_BRIDGE, PUBLISHED, NFT_ACCEPT) },
	/* From container to container: by the host only if both are shared. Whatever else is seen
	 * here are bridged frames, where those are shown to address filters (br_netfilter); the
	 * bridge's own table decides on them. */
	{ NFPROTO_INET, "forward",
		RULE(TO_BRIDGE, FROM_BRIDGE, IPV4, SOURCE4(0), NFT_IN("shared4", 0),
			TARGET4(0), NFT_IN("shared4", 0), NFT_ACCEPT) },
	{ NFPROTO_INET, "forward",
		RULE(TO_BRIDGE, FROM_BRIDGE, IPV6, SOURCE6(0), NFT_IN("shared6", 0),
			TARGET6(0), NFT_IN("shared6", 0), NFT_ACCEPT) },
	{ NFPROTO_INET, "forward",
		RULE(TO_BRIDGE, IPV4, TARGET4(0), NFT_IN("tasks4", 0), NFT_DROP) },
	{ NFPROTO_INET, "forward",
		RULE(TO_BRIDGE, IPV6, TARGET6(0), NFT_IN("tasks6", 0), NFT_DROP) },
	{ NFPROTO_INET, "forward", RULE(TO_BRIDGE, FROM_BRIDGE, NFT_ACCEPT) },
	{ NFPROTO_INET, "forward", RULE(TO_BRIDGE, NFT_DROP) },
	{ NFPROTO_INET, "forward", RULE(FROM_BRIDGE, NFT_ACCEPT) },

	/* Of the host itself a container gets answers, ICMP and name service. */
	{ NFPROTO_INET, "input", RULE(FROM_BRIDGE, OF_A_CONNECTION, NFT_ACCEPT) },
	{ NFPROTO_INET, "input", RULE(FROM_BRIDGE, PROTOCOL(ICMP), NFT_ACCEPT) },
	{ NFPROTO_INET, "input", RULE(FROM_BRIDGE, PROTOCOL(ICMPV6), NFT_ACCEPT) },
	{ NFPROTO_INET, "input", RULE(FROM_BRIDGE, PROTOCOL(UDP), PORT_53, NFT_ACCEPT) },
	{ NFPROTO_INET, "input", RULE(FROM_BRIDGE, PROTOCOL(TCP), PORT_53, NFT_ACCEPT) },
	{ NFPROTO_INET, "input", RULE(FROM_BRIDGE, NFT_DROP) },

	/* No frame with anybody else's address, and none that would take it over. */
	{ NFPROTO_BRIDGE, "prerouting", RULE(NOT_A_TASKS(NFT_META_IIFNAME), NFT_ACCEPT) },
	{ NFPROTO_BRIDGE, "prerouting",
		RULE(ETHERTYPE("\x08\x00"), SENDER(FRAME_MAC, SOURCE4(6)),
			NFT_IN("senders4", 0), NFT_ACCEPT) },
	{ NFPROTO_BRIDGE, "prerouting",
		RULE(ETHERTYPE("\x08\x06"), SENDER(FRAME_MAC, ARP_SENDER),
			NFT_IN("senders4", 0), ARP_MAC, NFT_IN("senders4", 0),
			NFT_ACCEPT) },
	{ NFPROTO_BRIDGE, "prerouting",
		RULE(ETHERTYPE("\x86\xdd"), ICMPV6_TYPE(ROUTER_ADVERTISEMENT),
			NFT_DROP) },
	{ NFPROTO_BRIDGE, "prerouting",
		RULE(ETHERTYPE("\x86\xdd"), ICMPV6_TYPE(REDIRECT), NFT_DROP) },
	{ NFPROTO_BRIDGE, "prerouting",
		RULE(ETHERTYPE("\x86\xdd"), ICMPV6_TYPE(NEIGHBOUR_ADVERTISEMENT),
			SENDER(FRAME_MAC, NEIGHBOUR_TARGET), NFT_NOT_IN("senders6", 0),
			NFT_DROP) },
	{ NFPROTO_BRIDGE, "prerouting",
		RULE(ETHERTYPE("\x86\xdd"), SENDER(FRAME_MAC, SOURCE6(6)),
			NFT_IN("senders6", 0), NFT_ACCEPT) },
	{ NFPROTO_BRIDGE, "prerouting", RULE(NFT_DROP) },

	{ NFPROTO_BRIDGE, "forward", RULE(NOT_A_TASKS(NFT_META_IIFNAME), NFT_ACCEPT) },
	{ NFPROTO_BRIDGE, "forward",
		RULE(NFT_META(NFT_META_IIFNAME, 0), NFT_IN("shared", 0),
			NFT_META(NFT_META_OIFNAME, 0), NFT_IN("shared", 0), NFT_ACCEPT) },
	{ NFPROTO_BRIDGE, "forward", RULE(NFT_DROP) },
};

/* Last in "forward", where the host forwarded nothing by itself. */
static const struct nft_expr drop4[] = { IPV4, NFT_DROP, NFT_END };
static const struct nft_expr drop6[] = { IPV6, NFT_DROP, NFT_END };

/* ---- chains --------------------------------------------------------------------------- */

static const struct chain {
	uint8_t family;
	const char *name, *type; /* NULL: only jumped to */
	uint32_t hook;
	int priority;
} chains[] = {
	{ NFPROTO_INET, "early", "filter", NF_INET_PRE_ROUTING, -300 },
	{ NFPROTO_INET, "prerouting", "nat", NF_INET_PRE_ROUTING, -100 },
	{ NFPROTO_INET, "output", "nat", NF_INET_LOCAL_OUT, -100 },
	{ NFPROTO_INET, "postrouting", "nat", NF_INET_POST_ROUTING, 100 },
	{ NFPROTO_INET, "published" },
	{ NFPROTO_INET, "forward", "filter", NF_INET_FORWARD, 0 },
	{ NFPROTO_INET, "input", "filter", NF_INET_LOCAL_IN, 0 },
	{ NFPROTO_BRIDGE, "prerouting", "filter", NF_BR_PRE_ROUTING, -300 },
	{ NFPROTO_BRIDGE, "forward", "filter", NF_BR_FORWARD, 0 },
};

/* ---- messages ------------------------------------------------------------------------- */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct nlmsghdr *message(
	struct netlink *nft, uint8_t family, uint16_t type, uint16_t flags)
{
	const struct nfgenmsg header = { .nfgen_family = family,
		.version = NFNETLINK_V0 };

	return netlink_message(nft, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags,
		&header, sizeof(header));
}

static void put_u32(struct nlmsghdr *m, uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(m, type, htonl(value));
}

static void put_set(struct netlink *nft, const struct set *set, uint32_t id)
{
	struct nlmsghdr *m = message(nft, set->family, NFT_MSG_NEWSET, NLM_F_CREATE);

	if (!m)
		return;
	mnl_attr_put_strz(m, NFTA_SET_TABLE, NETWORK_TABLE);
	mnl_attr_put_strz(m, NFTA_SET_NAME, set->name);
	put_u32(m, NFTA_SET_ID, id);
	put_u32(m, NFTA_SET_FLAGS, set->data_len ? NFT_SET_MAP : 0);
	put_u32(m, NFTA_SET_KEY_TYPE, set->key_type);
	put_u32(m, NFTA_SET_KEY_LEN, set->key_len);
	if (set->note)
		mnl_attr_put(m, NFTA_SET_USERDATA, KEY_NOTE_LEN, set->note);
	if (!set->data_len)
		return;
	put_u32(m, NFTA_SET_DATA_TYPE, set->data_type);
	put_u32(m, NFTA_SET_DATA_LEN, set->data_len);
}

static void put_chain(struct netlink *nft, const struct chain *chain)
{
	struct nlmsghdr *m = message(nft, chain->family, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	struct nlattr *hook;

	if (!m)
		return;
	mnl_attr_put_strz(m, NFTA_CHAIN_TABLE, NETWORK_TABLE);
	mnl_attr_put_strz(m, NFTA_CHAIN_NAME, chain->name);
	if (!chain->type)
		return;
	mnl_attr_put_strz(m, NFTA_CHAIN_TYPE, chain->type);
	hook = mnl_attr_nest_start(m, NFTA_CHAIN_HOOK);
	put_u32(m, NFTA_HOOK_HOOKNUM, chain->hook);
	put_u32(m, NFTA_HOOK_PRIORITY, (uint32_t)chain->priority);
	mnl_attr_nest_end(m, hook);
	put_u32(m, NFTA_CHAIN_POLICY, NF_ACCEPT);
}

static void put_rule(struct netlink *nft, uint8_t family, const char *chain,
	const struct nft_expr *exprs)
{
	struct nlmsghdr *m =
		message(nft, family, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);

	if (!m)
		return;
	mnl_attr_put_strz(m, NFTA_RULE_TABLE, NETWORK_TABLE);
	mnl_attr_put_strz(m, NFTA_RULE_CHAIN, chain);
	nft_expr_put(m, exprs);
}

static void put_table(struct netlink *nft, uint8_t family, uint16_t flags)
{
	struct nlmsghdr *m = message(nft, family, NFT_MSG_NEWTABLE, NLM_F_CREATE | flags);

	if (m)
		mnl_attr_put_strz(m, NFTA_TABLE_NAME, NETWORK_TABLE);
}

static void flush_rules(struct netlink *nft, uint8_t family)
{
	struct nlmsghdr *m = message(nft, family, NFT_MSG_DELRULE, 0);

	if (m)
		mnl_attr_put_strz(m, NFTA_RULE_TABLE, NETWORK_TABLE);
}

void network_rules_put(
	struct netlink *nft, const struct network_forwarding *forwarding, bool is_first)
{
	put_table(nft, NFPROTO_INET, is_first ? NLM_F_EXCL : 0);
	put_table(nft, NFPROTO_BRIDGE, 0);
	for (size_t i = 0; i < COUNT(sets); i++)
		put_set(nft, &sets[i], (uint32_t)i + 1);
	for (size_t i = 0; i < COUNT(chains); i++)
		put_chain(nft, &chains[i]);
	flush_rules(nft, NFPROTO_INET);
	flush_rules(nft, NFPROTO_BRIDGE);
	for (size_t i = 0; i < COUNT(rules); i++)
		put_rule(nft, rules[i].family, rules[i].chain, rules[i].exprs);
	if (!forwarding->was_on4)
		put_rule(nft, NFPROTO_INET, "forward", drop4);
	if (!forwarding->was_on6)
		put_rule(nft, NFPROTO_INET, "forward", drop6);
}

static const struct {
	uint16_t type, flags;
} changes[] = {
	[NETWORK_ADD_NEW] = { NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL },
	[NETWORK_ADD] = { NFT_MSG_NEWSETELEM, NLM_F_CREATE },
	[NETWORK_DELETE] = { NFT_MSG_DELSETELEM, 0 },
};

static void put_value(
	struct nlmsghdr *m, uint16_t type, const unsigned char *bytes, uint32_t len)
{
	struct nlattr *value = mnl_attr_nest_start(m, type);

	mnl_attr_put(m, NFTA_DATA_VALUE, len, bytes);
	mnl_attr_nest_end(m, value);
}

void network_element_put(struct netlink *nft, const struct network_element *element,
	enum network_change change)
{
	struct nlmsghdr *m = message(
		nft, element->family, changes[change].type, changes[change].flags);
	struct nlattr *list, *item;

	if (!m)
		return;
	mnl_attr_put_strz(m, NFTA_SET_ELEM_LIST_TABLE, NETWORK_TABLE);
	mnl_attr_put_strz(m, NFTA_SET_ELEM_LIST_SET, element->set);
	list = mnl_attr_nest_start(m, NFTA_SET_ELEM_LIST_ELEMENTS);
	item = mnl_attr_nest_start(m, NFTA_LIST_ELEM);
	put_value(m, NFTA_SET_ELEM_KEY, element->key, element->key_len);
	if (change != NETWORK_DELETE && element->data_len)
		put_value(m, NFTA_SET_ELEM_DATA, element->data, element->data_len);
	mnl_attr_nest_end(m, item);
	mnl_attr_nest_end(m, list);
}
