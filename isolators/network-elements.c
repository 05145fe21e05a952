/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/network-rules.h"

#include "common/cleanup.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

/* Address, interface, sender of both families, its link-local and its unspecified address. */
#define OWN_MAX 12

struct making {
	struct network_element *items;
	size_t count;
};

static struct network_element *add(struct making *m, uint8_t family, const char *set)
{
	struct network_element *e = &m->items[m->count++];

	e->family = family;
	e->set = set;
	return e;
}

/* Fields of a key stand at multiples of four bytes. */
static void append(unsigned char *bytes, uint32_t *len, const void *field, size_t size)
{
	memcpy(bytes + *len, field, size);
	*len += (uint32_t)((size + 3) & ~(size_t)3);
}

static void append_address(
	struct network_element *e, const struct network_address *address)
{
	append(e->key, &e->key_len, address->bytes, network_address_len(address));
}

static void add_address(
	struct making *m, const char *set, const struct network_address *address)
{
	append_address(add(m, NFPROTO_INET, set), address);
}

static void add_sender(struct making *m, const struct network *n, const char *set,
	const struct network_address *address)
{
	struct network_element *e = add(m, NFPROTO_BRIDGE, set);
	unsigned char mac[NETWORK_MAC_LEN];
	char name[IF_NAMESIZE] = "";

	network_interface(&n->address, name);
	network_mac(&n->address, mac);
	append(e->key, &e->key_len, name, sizeof(name));
	append(e->key, &e->key_len, mac, sizeof(mac));
	append_address(e, address);
}

/* RFC 4291, appendix A. */
static struct network_address link_local(const struct network_address *address)
{
	struct network_address ret = { AF_INET6,
		{ 0xfe, 0x80, [11] = 0xff, [12] = 0xfe } };
	unsigned char mac[NETWORK_MAC_LEN];

	network_mac(address, mac);
	memcpy(ret.bytes + 8, mac, 3);
	memcpy(ret.bytes + 13, mac + 3, 3);
	ret.bytes[8] ^= 0x02;
	return ret;
}

static void add_senders(struct making *m, const struct network *n)
{
	const struct network_address none = { .family = AF_INET6 };
	const struct network_address local = link_local(&n->address);

	add_sender(m, n, "senders4", &n->address);
	add_sender(m, n, "senders6", &n->address6);
	add_sender(m, n, "senders6", &local);
	/* Whoever asks whether an address is free has none yet. */
	add_sender(m, n, "senders6", &none);
}

static void add_shared(struct making *m, const struct network *n)
{
	char name[IF_NAMESIZE] = "";
	struct network_element *e;

	add_address(m, "shared4", &n->address);
	add_address(m, "shared6", &n->address6);
	network_interface(&n->address, name);
	e = add(m, NFPROTO_BRIDGE, "shared");
	append(e->key, &e->key_len, name, sizeof(name));
}

static bool is_of_one_address(const struct network_port *port)
{
	return port->host.family != AF_UNSPEC && !network_address_is_any(&port->host);
}

static void add_port(struct making *m, const struct network_port *port, const char *set,
	const struct network_address *target)
{
	const unsigned char protocol = (unsigned char)port->protocol;
	const uint16_t from = htons(port->host_port), to = htons(port->port);
	struct network_element *e = add(m, NFPROTO_INET, set);

	if (is_of_one_address(port))
		append_address(e, &port->host);
	append(e->key, &e->key_len, &protocol, sizeof(protocol));
	append(e->key, &e->key_len, &from, sizeof(from));
	append(e->data, &e->data_len, target->bytes, network_address_len(target));
	append(e->data, &e->data_len, &to, sizeof(to));
	e->port = port;
}

static void add_published(
	struct making *m, const struct network *n, const struct network_port *port)
{
	bool is_bound = is_of_one_address(port);

	if (port->host.family != AF_INET6)
		add_port(m, port, is_bound ? "bound4" : "ports4", &n->address);
	if (port->host.family != AF_INET)
		add_port(m, port, is_bound ? "bound6" : "ports6", &n->address6);
}

int network_elements(
	const struct network *network, struct network_elements *ret, struct err *err)
{
	struct making m = { 0 };

	m.items = calloc(OWN_MAX + 2 * network->ports.count, sizeof(*m.items));
	if (!m.items)
		return err_oom(err);
	add_address(&m, "tasks4", &network->address);
	add_address(&m, "tasks6", &network->address6);
	add_senders(&m, network);
	if (network->is_shared)
		add_shared(&m, network);
	for (size_t i = 0; i < network->ports.count; i++)
		add_published(&m, network, &network->ports.items[i]);
	*ret = (struct network_elements){ m.items, m.count };
	return 0;
}

void network_elements_done(struct network_elements *elements)
{
	free(elements->items);
	*elements = (struct network_elements){ 0 };
}
