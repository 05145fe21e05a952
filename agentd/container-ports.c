/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-ports.h"

#include "agentd/container-network.h"
#include "common/cleanup.h"

#include <stdio.h>

#define PORT_TEXT_MAX 16

static const struct network_address every4 = { .family = AF_INET },
				    every6 = { .family = AF_INET6 };

/* Calls `fn` for each address that a port is published at: both families for every address. */
static void each_host(const struct network_port *port,
	void (*fn)(
		const struct network_port *, const struct network_address *, void *arg),
	void *arg)
{
	if (port->host.family != AF_UNSPEC) {
		fn(port, &port->host, arg);
		return;
	}
	fn(port, &every4, arg);
	fn(port, &every6, arg);
}

static void put_port(
	const struct network_port *port, const struct network_address *host, void *arg)
{
	char text[INET6_ADDRSTRLEN];
	struct buf *out = arg;
	bool is_ipv6 = host->family == AF_INET6;

	buf_printf(out, "%s%s%s%s:%u->%u/%s", out->len ? ", " : "", is_ipv6 ? "[" : "",
		network_address_text(host, text), is_ipv6 ? "]" : "", port->host_port,
		port->port, network_protocol_name(port->protocol));
}

void put_ports(const struct container *container, struct buf *out)
{
	cleanup_network struct network network = { 0 };
	cleanup_buf struct buf text = BUF_INIT;
	struct err ignored;

	if (container_network(container, &network, &ignored) < 0)
		return;
	for (size_t i = 0; i < network.ports.count; i++)
		each_host(&network.ports.items[i], put_port, &text);
	if (buf_finish(&text) == 0)
		buf_puts(out, text.data);
}

static void write_port(
	const struct network_port *port, const struct network_address *host, void *arg)
{
	char text[INET6_ADDRSTRLEN];
	struct json_writer *w = arg;

	jw_object(w, NULL);
	jw_string(w, "IP", network_address_text(host, text));
	jw_u64(w, "PrivatePort", port->port);
	jw_u64(w, "PublicPort", port->host_port);
	jw_string(w, "Type", network_protocol_name(port->protocol));
	jw_object_end(w);
}

void container_write_port_list(struct json_writer *w, const struct container *container)
{
	cleanup_network struct network network = { 0 };
	struct err ignored;

	jw_array(w, "Ports");
	if (container_network(container, &network, &ignored) == 0) {
		for (size_t i = 0; i < network.ports.count; i++)
			each_host(&network.ports.items[i], write_port, w);
	}
	jw_array_end(w);
}

/* ---- inspect -------------------------------------------------------------------------- */

static void write_host(
	const struct network_port *port, const struct network_address *host, void *arg)
{
	char text[INET6_ADDRSTRLEN], number[PORT_TEXT_MAX];
	struct json_writer *w = arg;

	(void)snprintf(number, sizeof(number), "%u", port->host_port);
	jw_object(w, NULL);
	jw_string(w, "HostIp", network_address_text(host, text));
	jw_string(w, "HostPort", number);
	jw_object_end(w);
}

static bool is_same(const struct network_port *a, const struct network_port *b)
{
	return a->port == b->port && a->protocol == b->protocol;
}

static bool was_written(const struct network_ports *ports, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (is_same(&ports->items[i], &ports->items[at]))
			return true;
	}
	return false;
}

static void write_ports(struct json_writer *w, const struct network_ports *ports)
{
	char key[PORT_TEXT_MAX];

	jw_object(w, "Ports");
	for (size_t i = 0; i < ports->count; i++) {
		const struct network_port *port = &ports->items[i];

		if (was_written(ports, i))
			continue;
		(void)snprintf(key, sizeof(key), "%u/%s", port->port,
			network_protocol_name(port->protocol));
		jw_array(w, key);
		for (size_t k = i; k < ports->count; k++) {
			if (is_same(&ports->items[k], port))
				each_host(&ports->items[k], write_host, w);
		}
		jw_array_end(w);
	}
	jw_object_end(w);
}

static void write_address(
	struct json_writer *w, const char *key, const struct network_address *address)
{
	char text[INET6_ADDRSTRLEN];

	jw_string(w, key, network_address_text(address, text));
}

void container_write_network(struct json_writer *w, const struct container *container)
{
	cleanup_network struct network n = { 0 };
	char mac[NETWORK_MAC_TEXT_MAX];
	struct err ignored;
	bool has_one = container_network(container, &n, &ignored) == 0;

	jw_object(w, "NetworkSettings");
	jw_string(w, "Bridge", has_one ? NETWORK_BRIDGE_NAME : "");
	write_address(w, "Gateway", &n.gateway);
	write_address(w, "IPAddress", &n.address);
	jw_u64(w, "IPPrefixLen", n.prefix);
	write_address(w, "IPv6Gateway", &n.gateway6);
	write_address(w, "GlobalIPv6Address", &n.address6);
	jw_u64(w, "GlobalIPv6PrefixLen", n.prefix6);
	jw_string(w, "MacAddress", has_one ? network_mac_text(&n.address, mac) : "");
	write_ports(w, &n.ports);
	jw_object_end(w);
}
