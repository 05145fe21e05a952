/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/network-host.h"

#include "common/cleanup.h"
#include "isolators/network-links.h"
#include "isolators/network-rules.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>

void network_host_close(struct network_host *host)
{
	netlink_close(&host->route);
	netlink_close(&host->nft);
	if (host->sysctl_dirfd >= 0)
		(void)close(host->sysctl_dirfd);
	if (host->netns_fd >= 0)
		(void)close(host->netns_fd);
	*host = (struct network_host)NETWORK_HOST_INIT;
}

int network_host_open(struct network_host *ret, struct err *err)
{
	cleanup_network_host struct network_host host = NETWORK_HOST_INIT;
	int r;

	host.sysctl_dirfd = open("/proc/sys/net", O_PATH | O_DIRECTORY | O_CLOEXEC);
	host.netns_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (host.sysctl_dirfd < 0 || host.netns_fd < 0)
		return err_set(err, errno, "open the network parameters of /proc");
	r = netlink_open(NETLINK_ROUTE, &host.route, err);
	if (r == 0)
		r = netlink_open(NETLINK_NETFILTER, &host.nft, err);
	if (r < 0)
		return r;
	*ret = host;
	host = (struct network_host)NETWORK_HOST_INIT;
	return 0;
}

/* ---- first use ------------------------------------------------------------------------ */

static int say_nft_failed(const struct netlink *nft, int code, struct err *err)
{
	(void)netlink_err(nft, code, err, "make the tables of nf_tables");
	if (code == EPERM)
		return err_hint(err, "run as root, with CAP_NET_ADMIN");
	if (code == EOPNOTSUPP || code == ENOENT || code == EPROTONOSUPPORT)
		return err_hint(err,
			"the kernel needs nf_tables with the families inet and bridge, "
			"nat, masq and fib: load them, or use --network host");
	return err ? -err->code : -EIO;
}

#define RULES_EXIST 1

static int make_rules(struct network_host *host,
	const struct network_forwarding *forwarding, bool is_first, struct err *err)
{
	int r;

	netlink_begin(&host->nft);
	network_rules_put(&host->nft, forwarding, is_first);
	r = netlink_send(&host->nft);
	if (is_first && r == -EEXIST)
		return RULES_EXIST;
	return r < 0 ? say_nft_failed(&host->nft, -r, err) : 0;
}

static int forward(struct network_host *host, sa_family_t family, struct notes *notes,
	struct err *err)
{
	int r = network_forward(host->sysctl_dirfd, family, err);

	if (r == 0)
		notes_add(notes,
			"forwarding of %s was turned on, for what comes from or goes to "
			"containers and nothing else",
			family == AF_INET ? "IPv4" : "IPv6");
	return r;
}

/* What we turned on ourselves was not on before. */
static struct network_forwarding find_forwarding(
	struct network_host *host, const struct netlink_link *bridge)
{
	struct network_forwarding found;

	if (!network_bridge_forwarding(bridge, &found))
		found = (struct network_forwarding){
			.was_on4 = network_is_forwarding(host->sysctl_dirfd, AF_INET),
			.was_on6 = network_is_forwarding(host->sysctl_dirfd, AF_INET6),
		};
	return found;
}

static int forward_all(
	struct network_host *host, bool has_ipv6, struct notes *notes, struct err *err)
{
	int r = 0;

	if (!network_is_forwarding(host->sysctl_dirfd, AF_INET))
		r = forward(host, AF_INET, notes, err);
	if (r == 0 && has_ipv6 && !network_is_forwarding(host->sysctl_dirfd, AF_INET6))
		r = forward(host, AF_INET6, notes, err);
	return r;
}

/* The rules are there before anything is forwarded, and the bridge is up when all is done. */
static int set_up(struct network_host *host, const struct network *network, bool is_first,
	struct notes *notes, struct err *err)
{
	bool has_ipv6 = network_has_ipv6(host->sysctl_dirfd);
	struct netlink_link bridge = { 0 };
	struct network_forwarding forwarding;
	int r;

	(void)!netlink_link(&host->route, NETWORK_BRIDGE_NAME, &bridge);
	forwarding = find_forwarding(host, &bridge);
	r = network_pool_check(&host->route, network, err);
	if (r == 0)
		r = make_rules(host, &forwarding, is_first, err);
	if (r == 0 && bridge.is_up)
		notes_add(notes,
			"the tables of nf_tables had been removed: containers that ran before "
			"are cut off until they are started again");
	if (r >= 0)
		r = network_bridge_make(
			&host->route, network, &forwarding, has_ipv6, err);
	if (r == 0)
		r = network_bridge_sysctls(host->sysctl_dirfd, has_ipv6, err);
	if (r == 0)
		r = forward_all(host, has_ipv6, notes, err);
	return r == 0 ? network_bridge_up(&host->route, err) : r;
}

/* ---- elements ------------------------------------------------------------------------- */

static int say_element_taken(const struct network_element *e, struct err *err)
{
	if (e->port)
		return err_say(err, EADDRINUSE,
			"port %u/%s of the host is published for another container",
			e->port->host_port, network_protocol_name(e->port->protocol));
	return err_say(err, EEXIST, "the address belongs to another container");
}

static int add_elements(
	struct network_host *host, const struct network *network, struct err *err)
{
	struct network_elements elements;
	int r = network_elements(network, &elements, err);

	if (r < 0)
		return r;
	netlink_begin(&host->nft);
	for (size_t i = 0; i < elements.count; i++)
		network_element_put(&host->nft, &elements.items[i], NETWORK_ADD_NEW);
	r = netlink_send(&host->nft);
	if (r == -EEXIST && host->nft.refused < elements.count)
		r = say_element_taken(&elements.items[host->nft.refused], err);
	else if (r < 0)
		r = say_nft_failed(&host->nft, -r, err);
	network_elements_done(&elements);
	return r;
}

static int remove_some(
	struct network_host *host, const struct network_element *items, size_t count)
{
	netlink_begin(&host->nft);
	for (size_t i = 0; i < count; i++) {
		network_element_put(&host->nft, &items[i], NETWORK_ADD);
		network_element_put(&host->nft, &items[i], NETWORK_DELETE);
	}
	return netlink_send(&host->nft);
}

/* Where one belongs to another container now, which undoes the whole. */
static int remove_own(struct network_host *host, const struct network_elements *elements)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < elements->count; i++) {
		r = remove_some(host, &elements->items[i], 1);
		if (r == -EEXIST)
			r = 0;
	}
	return r;
}

/* Without a table there is nothing. */
static int remove_elements(
	struct network_host *host, const struct network *network, struct err *err)
{
	struct network_elements elements;
	int r = network_elements(network, &elements, err);

	if (r < 0)
		return r;
	r = remove_some(host, elements.items, elements.count);
	if (r == -EEXIST)
		r = remove_own(host, &elements);
	network_elements_done(&elements);
	return r == 0 || r == -ENOENT ? 0 : say_nft_failed(&host->nft, -r, err);
}

/* ---- one container -------------------------------------------------------------------- */

static int configure_inside(
	struct network_host *host, const struct network *network, struct err *err)
{
	cleanup_netlink struct netlink route = { 0 };
	int r = netlink_open(NETLINK_ROUTE, &route, err);

	if (r == 0)
		r = network_inside_sysctls(host->sysctl_dirfd, err);
	if (r == 0)
		r = network_inside_up(
			&route, network, network_has_ipv6(host->sysctl_dirfd), err);
	return r;
}

/* Who cannot come back is of no further use to anybody. */
static void return_to_host(const struct network_host *host)
{
	if (setns(host->netns_fd, CLONE_NEWNET) < 0)
		_exit(EXIT_FAILURE);
}

static int attach_inside(struct network_host *host, const struct network *network,
	int netns_fd, struct err *err)
{
	int r;

	if (setns(netns_fd, CLONE_NEWNET) < 0)
		return err_set(err, errno, "enter the container's network namespace");
	r = configure_inside(host, network, err);
	return_to_host(host);
	return r;
}

static int attach_once(struct network_host *host, const struct network *network,
	int netns_fd, struct err *err)
{
	struct err ignored;
	int r;

	r = add_elements(host, network, err);
	if (r < 0)
		return r;
	r = network_pair_make(&host->route, network, netns_fd, err);
	/* Somebody else's pair is not ours to remove. */
	if (r == -EEXIST) {
		(void)!remove_elements(host, network, &ignored);
		return r;
	}
	if (r == 0)
		r = attach_inside(host, network, netns_fd, err);
	if (r < 0)
		(void)!network_detach(host, network, &ignored);
	return r;
}

int network_attach(struct network_host *host, const struct network *network, int netns_fd,
	struct notes *notes, struct err *err)
{
	int r = attach_once(host, network, netns_fd, err);

	/* No table, or no bridge: nothing was attached since the host was started. If that is not
	 * it, somebody removed a part of the tables. */
	for (int i = 0; (r == -ENOENT || r == -ENODEV) && i < 2; i++) {
		r = set_up(host, network, i == 0, notes, err);
		if (r == 0)
			r = attach_once(host, network, netns_fd, err);
	}
	return r;
}

int network_detach(
	struct network_host *host, const struct network *network, struct err *err)
{
	int r;

	r = network_pair_remove(&host->route, network);
	if (r < 0 && r != -ENODEV)
		return netlink_err(&host->route, -r, err,
			"remove the container's network interface");
	return remove_elements(host, network, err);
}
