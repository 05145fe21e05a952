/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/network-links.h"

#include "common/str.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>

#define LOOPBACK_INDEX 1 /* of every network namespace */
#define CREATE (NLM_F_CREATE | NLM_F_EXCL)

/* ---- messages ------------------------------------------------------------------------- */

static struct nlmsghdr *put_link(
	struct netlink *route, uint16_t flags, int index, unsigned int up)
{
	const struct ifinfomsg header = {
		.ifi_family = AF_UNSPEC,
		.ifi_index = index,
		.ifi_flags = up,
		.ifi_change = up,
	};

	return netlink_message(route, RTM_NEWLINK, flags, &header, sizeof(header));
}

static void put_address(struct netlink *route, int index,
	const struct network_address *address, uint32_t prefix)
{
	const struct ifaddrmsg header = {
		.ifa_family = (uint8_t)address->family,
		.ifa_prefixlen = (uint8_t)prefix,
		/* Nobody else can have it: no time is spent on asking. */
		.ifa_flags = address->family == AF_INET6 ? IFA_F_NODAD : 0,
		.ifa_index = (uint32_t)index,
	};
	struct nlmsghdr *m = netlink_message(route, RTM_NEWADDR,
		NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof(header));

	mnl_attr_put(m, IFA_LOCAL, network_address_len(address), address->bytes);
	mnl_attr_put(m, IFA_ADDRESS, network_address_len(address), address->bytes);
}

static void put_default_route(
	struct netlink *route, int index, const struct network_address *gateway)
{
	const struct rtmsg header = {
		.rtm_family = (uint8_t)gateway->family,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	struct nlmsghdr *m = netlink_message(
		route, RTM_NEWROUTE, NLM_F_CREATE, &header, sizeof(header));

	mnl_attr_put(m, RTA_GATEWAY, network_address_len(gateway), gateway->bytes);
	mnl_attr_put_u32(m, RTA_OIF, (uint32_t)index);
}

/* No address of IPv6 of the interface's own. */
static void put_no_address6(struct nlmsghdr *m)
{
	struct nlattr *families = mnl_attr_nest_start(m, IFLA_AF_SPEC);
	struct nlattr *inet6 = mnl_attr_nest_start(m, AF_INET6);

	mnl_attr_put_u8(m, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(m, inet6);
	mnl_attr_nest_end(m, families);
}

/* ---- the pool -------------------------------------------------------------------------- */

/* Of an answer to RTM_GETROUTE: the interface that the route leads to. */
static int interface_of(const struct nlmsghdr *m)
{
	struct nlattr *attr;

	mnl_attr_for_each(attr, m, sizeof(struct rtmsg))
	{
		if (mnl_attr_get_type(attr) == RTA_OIF &&
			mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			return (int)mnl_attr_get_u32(attr);
	}
	return 0;
}

/* A route that is wider than the pool (a default route, a company's network) gives way to it. */
int network_pool_check(
	struct netlink *route, const struct network *network, struct err *err)
{
	const struct rtmsg header = {
		.rtm_family = AF_INET,
		.rtm_dst_len = 32,
		.rtm_flags = RTM_F_FIB_MATCH,
	};
	int bridge = netlink_index(route, NETWORK_BRIDGE_NAME);
	char text[INET6_ADDRSTRLEN];
	const struct nlmsghdr *answer;
	const struct rtmsg *found;
	struct nlmsghdr *m;
	int r;

	netlink_begin(route);
	m = netlink_message(route, RTM_GETROUTE, 0, &header, sizeof(header));
	mnl_attr_put(m, RTA_DST, sizeof(struct in_addr), network->gateway.bytes);
	r = netlink_get(route, RTM_NEWROUTE, sizeof(*found), &answer);
	if (r < 0) /* no way there */
		return 0;
	found = mnl_nlmsg_get_payload(answer);
	if (found->rtm_dst_len < network->prefix || interface_of(answer) == bridge)
		return 0;
	(void)err_say(err, EBUSY,
		"the network of the bridge " NETWORK_BRIDGE_NAME
		" (%s/%u) is one that this host has already",
		network_address_text(&network->gateway, text), network->prefix);
	return err_hint(err, "choose another with --network-pool");
}

/* ---- the bridge ----------------------------------------------------------------------- */

/* What the host forwarded before is kept where it lasts as long as the bridge, whatever becomes of
 * the tables. */
#define ALIAS "ucr: forwarded before:"
#define ALIAS4 " IPv4"
#define ALIAS6 " IPv6"

bool network_bridge_forwarding(
	const struct netlink_link *bridge, struct network_forwarding *ret)
{
	const char *families = str_skip_prefix(bridge->alias, ALIAS);

	if (!families)
		return false;
	ret->was_on4 = strstr(families, ALIAS4) != NULL;
	ret->was_on6 = strstr(families, ALIAS6) != NULL;
	return true;
}

/* Not taken when a link is made, only when it is changed. */
static void put_alias(
	struct netlink *route, int index, const struct network_forwarding *before)
{
	struct nlmsghdr *m = put_link(route, 0, index, 0);
	char alias[sizeof(ALIAS ALIAS4 ALIAS6)];

	(void)snprintf(alias, sizeof(alias), ALIAS "%s%s", before->was_on4 ? ALIAS4 : "",
		before->was_on6 ? ALIAS6 : "");
	mnl_attr_put_strz(m, IFLA_IFALIAS, alias);
}

static int make_bridge(struct netlink *route, const struct network *network)
{
	unsigned char mac[NETWORK_MAC_LEN];
	struct nlattr *info;
	struct nlmsghdr *m;

	netlink_begin(route);
	m = put_link(route, CREATE, 0, 0);
	mnl_attr_put_strz(m, IFLA_IFNAME, NETWORK_BRIDGE_NAME);
	/* Otherwise it would change with each interface that comes and goes. */
	network_mac(&network->gateway, mac);
	mnl_attr_put(m, IFLA_ADDRESS, sizeof(mac), mac);
	info = mnl_attr_nest_start(m, IFLA_LINKINFO);
	mnl_attr_put_strz(m, IFLA_INFO_KIND, "bridge");
	mnl_attr_nest_end(m, info);
	return netlink_send(route);
}

int network_bridge_make(struct netlink *route, const struct network *network,
	const struct network_forwarding *forwarding, bool has_ipv6, struct err *err)
{
	int r, index;
	bool is_ours;

	r = make_bridge(route, network);
	is_ours = r == 0;
	if (r == -EEXIST)
		r = 0;
	if (r == -EOPNOTSUPP) {
		(void)netlink_err(route, -r, err, "make the bridge " NETWORK_BRIDGE_NAME);
		return err_hint(err, "load the kernel module bridge (modprobe bridge)");
	}
	if (r < 0)
		return netlink_err(
			route, -r, err, "make the bridge " NETWORK_BRIDGE_NAME);
	index = netlink_index(route, NETWORK_BRIDGE_NAME);
	if (index < 0)
		return err_set(err, -index, "look at the bridge " NETWORK_BRIDGE_NAME);
	netlink_begin(route);
	if (is_ours)
		put_alias(route, index, forwarding);
	put_address(route, index, &network->gateway, network->prefix);
	if (has_ipv6)
		put_address(route, index, &network->gateway6, network->prefix6);
	r = netlink_send(route);
	return r < 0 ? netlink_err(route, -r, err,
			       "give " NETWORK_BRIDGE_NAME " its addresses")
		     : 0;
}

int network_bridge_up(struct netlink *route, struct err *err)
{
	int index = netlink_index(route, NETWORK_BRIDGE_NAME), r;

	if (index < 0)
		return err_set(err, -index, "look at the bridge " NETWORK_BRIDGE_NAME);
	netlink_begin(route);
	(void)put_link(route, 0, index, IFF_UP);
	r = netlink_send(route);
	return r < 0 ? netlink_err(route, -r, err, "set " NETWORK_BRIDGE_NAME " up") : 0;
}

/* ---- a container's pair --------------------------------------------------------------- */

static void put_queues(struct nlmsghdr *m)
{
	mnl_attr_put_u32(m, IFLA_NUM_TX_QUEUES, 1);
	mnl_attr_put_u32(m, IFLA_NUM_RX_QUEUES, 1);
}

static void put_peer(struct nlmsghdr *m, const struct network *network, int netns_fd)
{
	struct nlattr *peer = mnl_attr_nest_start(m, VETH_INFO_PEER);
	unsigned char mac[NETWORK_MAC_LEN];

	(void)mnl_nlmsg_put_extra_header(m, sizeof(struct ifinfomsg));
	network_mac(&network->address, mac);
	mnl_attr_put_strz(m, IFLA_IFNAME, NETWORK_INTERFACE);
	mnl_attr_put(m, IFLA_ADDRESS, sizeof(mac), mac);
	mnl_attr_put_u32(m, IFLA_NET_NS_FD, (uint32_t)netns_fd);
	put_queues(m);
	mnl_attr_nest_end(m, peer);
}

static int make_pair(struct netlink *route, const struct network *network, int bridge,
	int netns_fd, const char *name)
{
	struct nlattr *info, *data;
	struct nlmsghdr *m;

	netlink_begin(route);
	m = put_link(route, CREATE, 0, 0);
	mnl_attr_put_strz(m, IFLA_IFNAME, name);
	mnl_attr_put_u32(m, IFLA_MASTER, (uint32_t)bridge);
	put_queues(m);
	info = mnl_attr_nest_start(m, IFLA_LINKINFO);
	mnl_attr_put_strz(m, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(m, IFLA_INFO_DATA);
	put_peer(m, network, netns_fd);
	mnl_attr_nest_end(m, data);
	mnl_attr_nest_end(m, info);
	return netlink_send(route);
}

/* The bridge knows whose hardware address is where, and learns nothing from what is sent: no
 * container can draw another's frames to itself. */
static void put_station(
	struct netlink *route, int index, const struct network_address *address)
{
	const struct ndmsg header = {
		.ndm_family = AF_BRIDGE,
		.ndm_ifindex = index,
		.ndm_state = NUD_NOARP,
		.ndm_flags = NTF_MASTER,
	};
	struct nlmsghdr *m = netlink_message(route, RTM_NEWNEIGH,
		NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof(header));
	unsigned char mac[NETWORK_MAC_LEN];

	network_mac(address, mac);
	mnl_attr_put(m, NDA_LLADDR, sizeof(mac), mac);
}

static int set_up_port(struct netlink *route, const struct network *network, int index)
{
	struct nlattr *info, *data;
	struct nlmsghdr *m;

	netlink_begin(route);
	m = put_link(route, 0, index, IFF_UP);
	put_no_address6(m);
	info = mnl_attr_nest_start(m, IFLA_LINKINFO);
	mnl_attr_put_strz(m, IFLA_INFO_SLAVE_KIND, "bridge");
	data = mnl_attr_nest_start(m, IFLA_INFO_SLAVE_DATA);
	mnl_attr_put_u8(m, IFLA_BRPORT_ISOLATED, !network->is_shared);
	mnl_attr_put_u8(m, IFLA_BRPORT_LEARNING, 0);
	mnl_attr_put_u8(m, IFLA_BRPORT_UNICAST_FLOOD, 0);
	mnl_attr_nest_end(m, data);
	mnl_attr_nest_end(m, info);
	put_station(route, index, &network->address);
	return netlink_send(route);
}

static int say_pair_failed(struct netlink *route, int code, struct err *err)
{
	(void)netlink_err(route, code, err, "make the container's network interface");
	if (code == EOPNOTSUPP)
		return err_hint(err, "load the kernel module veth (modprobe veth)");
	if (code == EXFULL)
		return err_hint(err,
			"a bridge takes 1023 containers: end some, or run others with "
			"--network host");
	return err ? -err->code : -EIO;
}

/* Its hardware address says for which network the bridge was made. */
static int find_bridge(
	struct netlink *route, const struct network *network, struct err *err)
{
	unsigned char mac[NETWORK_MAC_LEN];
	struct netlink_link link;
	int r = netlink_link(route, NETWORK_BRIDGE_NAME, &link);

	/* Up is the last that is done to it: one that is not was left half made. */
	if (r == 0 && !link.is_up)
		r = -ENODEV;
	if (r < 0)
		return err_set(err, -r, "find the bridge " NETWORK_BRIDGE_NAME);
	network_mac(&network->gateway, mac);
	if (memcmp(mac, link.mac, sizeof(mac)) == 0)
		return link.index;
	(void)err_say(err, EINVAL,
		"the bridge " NETWORK_BRIDGE_NAME " was made for another network");
	return err_hint(err,
		"give the --network-pool that its containers have, or end them and remove it "
		"with `ip link del " NETWORK_BRIDGE_NAME "`");
}

int network_pair_make(struct netlink *route, const struct network *network, int netns_fd,
	struct err *err)
{
	int bridge = find_bridge(route, network, err), index, r;
	char name[IF_NAMESIZE];

	if (bridge < 0)
		return bridge;
	network_interface(&network->address, name);
	r = make_pair(route, network, bridge, netns_fd, name);
	if (r < 0)
		return say_pair_failed(route, -r, err);
	index = netlink_index(route, name);
	r = index < 0 ? index : set_up_port(route, network, index);
	if (r < 0)
		return netlink_err(
			route, -r, err, "join the bridge " NETWORK_BRIDGE_NAME);
	/* What the host's end sends is what the container receives. */
	return network_rate_limit(route, name, network->rate_in, err);
}

int network_pair_remove(struct netlink *route, const struct network *network)
{
	const struct ifinfomsg header = { .ifi_family = AF_UNSPEC };
	char name[IF_NAMESIZE];

	network_interface(&network->address, name);
	netlink_begin(route);
	mnl_attr_put_strz(netlink_message(route, RTM_DELLINK, 0, &header, sizeof(header)),
		IFLA_IFNAME, name);
	return netlink_send(route);
}

int network_inside_up(struct netlink *route, const struct network *network, bool has_ipv6,
	struct err *err)
{
	int index = netlink_index(route, NETWORK_INTERFACE), r;

	if (index < 0)
		return err_set(
			err, -index, "find " NETWORK_INTERFACE " in the container");
	netlink_begin(route);
	(void)put_link(route, 0, LOOPBACK_INDEX, IFF_UP);
	(void)put_link(route, 0, index, IFF_UP);
	put_address(route, index, &network->address, network->prefix);
	put_default_route(route, index, &network->gateway);
	if (has_ipv6) {
		put_address(route, index, &network->address6, network->prefix6);
		put_default_route(route, index, &network->gateway6);
	}
	r = netlink_send(route);
	if (r < 0)
		return netlink_err(route, -r, err,
			"give the container's " NETWORK_INTERFACE " its addresses");
	return network_rate_limit(route, NETWORK_INTERFACE, network->rate_out, err);
}
