/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/network.h"

#include "common/cleanup.h"
#include "common/json.h"
#include "common/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

static const struct {
	const char *name;
	uint32_t protocol;
} protocols[] = {
	{ "tcp", IPPROTO_TCP },
	{ "udp", IPPROTO_UDP },
};
#define PROTOCOL_COUNT (sizeof(protocols) / sizeof(protocols[0]))

const char *network_protocol_name(uint32_t protocol)
{
	for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
		if (protocols[i].protocol == protocol)
			return protocols[i].name;
	}
	return "?";
}

int network_protocol_parse(const char *text, uint32_t *ret)
{
	for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
		if (!str_eq(protocols[i].name, text))
			continue;
		*ret = protocols[i].protocol;
		return 0;
	}
	return -EINVAL;
}

/* ---- addresses ------------------------------------------------------------------------ */

int network_address_parse(const char *text, struct network_address *ret)
{
	struct network_address address = { .family = AF_INET };

	if (inet_pton(AF_INET, text, address.bytes) != 1) {
		address.family = AF_INET6;
		if (inet_pton(AF_INET6, text, address.bytes) != 1)
			return -EINVAL;
	}
	*ret = address;
	return 0;
}

const char *network_address_text(
	const struct network_address *address, char ret[INET6_ADDRSTRLEN])
{
	if (!inet_ntop(address->family, address->bytes, ret, INET6_ADDRSTRLEN))
		ret[0] = '\0';
	return ret;
}

size_t network_address_len(const struct network_address *address)
{
	return address->family == AF_INET ? sizeof(struct in_addr)
					  : sizeof(struct in6_addr);
}

bool network_address_is_any(const struct network_address *address)
{
	static const unsigned char zero[16];

	return memcmp(address->bytes, zero, sizeof(zero)) == 0;
}

bool network_address_is_loopback(const struct network_address *address)
{
	static const unsigned char loopback6[16] = { [15] = 1 };

	if (address->family == AF_INET)
		return address->bytes[0] == 127;
	return address->family == AF_INET6 &&
	       memcmp(address->bytes, loopback6, sizeof(loopback6)) == 0;
}

void network_interface(const struct network_address *address, char ret[IF_NAMESIZE])
{
	(void)snprintf(ret, IF_NAMESIZE, NETWORK_INTERFACE_PREFIX "%02x%02x%02x%02x",
		address->bytes[0], address->bytes[1], address->bytes[2],
		address->bytes[3]);
}

void network_mac(
	const struct network_address *address, unsigned char ret[NETWORK_MAC_LEN])
{
	ret[0] = 0x02; /* locally administered, of one station */
	ret[1] = 0x63;
	memcpy(ret + 2, address->bytes, sizeof(struct in_addr));
}

const char *network_mac_text(
	const struct network_address *address, char ret[NETWORK_MAC_TEXT_MAX])
{
	unsigned char mac[NETWORK_MAC_LEN];

	network_mac(address, mac);
	(void)snprintf(ret, NETWORK_MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0],
		mac[1], mac[2], mac[3], mac[4], mac[5]);
	return ret;
}

/* ---- JSON ----------------------------------------------------------------------------- */

static int json_address(const struct json *v, void *out, const void *arg, struct err *err)
{
	const sa_family_t *family = arg;
	struct network_address address;

	if (v->type != JSON_STRING || network_address_parse(v->string, &address) < 0 ||
		(family && address.family != *family))
		return err_say(err, EINVAL, " must be an address");
	*(struct network_address *)out = address;
	return 0;
}

static int json_protocol(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	(void)arg;
	if (v->type != JSON_STRING || network_protocol_parse(v->string, out) < 0)
		return err_say(err, EINVAL, " must be tcp or udp");
	return 0;
}

static int json_port(const struct json *v, void *out, const void *arg, struct err *err)
{
	uint32_t port = 0;
	int r = json_u32(v, &port, arg, err);

	if (r == 0 && (port == 0 || port > UINT16_MAX))
		r = err_say(err, ERANGE, " must be a port");
	if (r == 0)
		*(uint16_t *)out = (uint16_t)port;
	return r;
}

static const sa_family_t inet4 = AF_INET, inet6 = AF_INET6;

#define PORT(key, decoder, member, is_required)                                          \
	{                                                                                \
		key, decoder, offsetof(struct network_port, member), is_required, NULL   \
	}
static const struct json_field port_fields[] = {
	PORT("protocol", json_protocol, protocol, true),
	PORT("host", json_address, host, false),
	PORT("host_port", json_port, host_port, true),
	PORT("port", json_port, port, true),
	{ NULL },
};
static const struct json_array_of ports_of = { sizeof(struct network_port), port_fields };

#define AT(member) offsetof(struct network, member)
static const struct json_field fields[] = {
	{ "address", json_address, AT(address), true, &inet4 },
	{ "prefix", json_u32, AT(prefix), true },
	{ "gateway", json_address, AT(gateway), true, &inet4 },
	{ "address6", json_address, AT(address6), true, &inet6 },
	{ "prefix6", json_u32, AT(prefix6), true },
	{ "gateway6", json_address, AT(gateway6), true, &inet6 },
	{ "shared", json_bool, AT(is_shared) },
	{ "rate_in", json_u64, AT(rate_in) },
	{ "rate_out", json_u64, AT(rate_out) },
	{ "ports", json_array, AT(ports), false, &ports_of },
	{ NULL },
};

void network_done(struct network *network)
{
	free(network->ports.items);
	*network = (struct network){ 0 };
}

int network_parse(const char *text, size_t len, struct network *ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_network struct network network = { 0 };
	int r;

	r = json_parse(text, len, &doc, err);
	if (r == 0)
		r = json_decode(json_root(doc), fields, &network, err);
	if (r == 0 && (network.prefix > 32 || network.prefix6 > 128))
		r = err_say(err, EINVAL, "prefix is too long");
	if (r == 0 && network.ports.count > NETWORK_PORTS_MAX)
		r = err_say(err, E2BIG, "more than %d ports are published",
			NETWORK_PORTS_MAX);
	if (r < 0)
		return err_wrap(err, "network");
	*ret = network;
	network.ports.items = NULL;
	return 0;
}

static void write_address(
	struct json_writer *w, const char *key, const struct network_address *address)
{
	char text[INET6_ADDRSTRLEN];

	jw_string(w, key, network_address_text(address, text));
}

static void write_port(struct json_writer *w, const struct network_port *port)
{
	jw_object(w, NULL);
	jw_string(w, "protocol", network_protocol_name(port->protocol));
	if (port->host.family != AF_UNSPEC)
		write_address(w, "host", &port->host);
	jw_u64(w, "host_port", port->host_port);
	jw_u64(w, "port", port->port);
	jw_object_end(w);
}

void network_write(struct json_writer *w, const struct network *network)
{
	write_address(w, "address", &network->address);
	jw_u64(w, "prefix", network->prefix);
	write_address(w, "gateway", &network->gateway);
	write_address(w, "address6", &network->address6);
	jw_u64(w, "prefix6", network->prefix6);
	write_address(w, "gateway6", &network->gateway6);
	jw_bool(w, "shared", network->is_shared);
	if (network->rate_in)
		jw_u64(w, "rate_in", network->rate_in);
	if (network->rate_out)
		jw_u64(w, "rate_out", network->rate_out);
	jw_array(w, "ports");
	for (size_t i = 0; i < network->ports.count; i++)
		write_port(w, &network->ports.items[i]);
	jw_array_end(w);
}
