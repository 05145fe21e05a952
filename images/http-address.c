/* SPDX-License-Identifier: Apache-2.0 */
#include "images/http-address.h"

#include "common/str.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

/* All are kept as IPv6: IPv4 ones as ::ffff:a.b.c.d, 96 bits longer. */
#define V4_BITS 96

static const char *const local_networks[] = { "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10",
	"127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4", "::/127",
	"fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", NULL };

/* Prefixes of IPv6 addresses that hold an IPv4 one: NAT64, 6to4, the deprecated form. */
static const struct {
	uint8_t prefix[12];
	size_t len, at;
} wrappers[] = {
	{ { 0x00, 0x64, 0xff, 0x9b }, 12, 12 },
	{ { 0x20, 0x02 }, 2, 2 },
	{ { 0 }, 12, 12 },
};

static void map_v4(const uint8_t v4[4], uint8_t ret[16])
{
	memset(ret, 0, 10);
	ret[10] = ret[11] = 0xff;
	memcpy(ret + 12, v4, 4);
}

static bool to_v6(const struct sockaddr *address, uint8_t ret[16])
{
	if (address->sa_family == AF_INET6) {
		memcpy(ret,
			&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
			16);
		return true;
	}
	if (address->sa_family != AF_INET)
		return false;
	map_v4((const uint8_t *)&((const struct sockaddr_in *)(const void *)address)
			->sin_addr,
		ret);
	return true;
}

static bool parse_network(const char *text, uint8_t ret[16], uint32_t *ret_bits)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	uint8_t v4[4];
	bool is_v4;
	uint32_t bits;

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	is_v4 = inet_pton(AF_INET, address, v4) == 1;
	if (is_v4)
		map_v4(v4, ret);
	else if (inet_pton(AF_INET6, address, ret) != 1)
		return false;
	bits = is_v4 ? 32 : 128;
	if (slash && (str_to_u32(slash + 1, ret_bits) < 0 || *ret_bits > bits))
		return false;
	*ret_bits = (slash ? *ret_bits : bits) + (is_v4 ? V4_BITS : 0);
	return true;
}

static bool has_prefix(
	const uint8_t address[16], const uint8_t network[16], uint32_t bits)
{
	uint32_t bytes = bits / 8, rest = bits % 8;

	if (memcmp(address, network, bytes) != 0)
		return false;
	return !rest || (address[bytes] ^ network[bytes]) >> (8 - rest) == 0;
}

static bool is_in(const uint8_t address[16], const char *const *networks)
{
	uint8_t network[16];
	uint32_t bits = 0;

	for (; networks && *networks; networks++) {
		if (parse_network(*networks, network, &bits) &&
			has_prefix(address, network, bits))
			return true;
	}
	return false;
}

bool address_is_in(const struct sockaddr *address, char *const *networks)
{
	uint8_t v6[16];

	return to_v6(address, v6) && is_in(v6, (const char *const *)networks);
}

bool address_is_local(const struct sockaddr *address)
{
	uint8_t v6[16], inner[16];

	if (!to_v6(address, v6) || is_in(v6, local_networks))
		return true;
	for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++) {
		if (memcmp(v6, wrappers[i].prefix, wrappers[i].len) != 0)
			continue;
		map_v4(v6 + wrappers[i].at, inner);
		return is_in(inner, local_networks);
	}
	return false;
}

bool address_of_literal(const char *host, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (void *)ret;
	struct sockaddr_in6 *v6 = (void *)ret;
	char bare[INET6_ADDRSTRLEN];
	size_t len = strlen(host);

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		return true;
	}
	if (*host == '[' && len > 2 && host[len - 1] == ']') {
		host++;
		len -= 2;
	}
	if (len >= sizeof(bare))
		return false;
	memcpy(bare, host, len);
	bare[len] = '\0';
	if (inet_pton(AF_INET6, bare, &v6->sin6_addr) != 1)
		return false;
	v6->sin6_family = AF_INET6;
	return true;
}

const char *address_text(const struct sockaddr *address, char ret[ADDRESS_TEXT_MAX])
{
	const void *bytes =
		address->sa_family == AF_INET
			? (const void *)&(
				  (const struct sockaddr_in *)(const void *)address)
				  ->sin_addr
			: (const void *)&(
				  (const struct sockaddr_in6 *)(const void *)address)
				  ->sin6_addr;

	if (!inet_ntop(address->sa_family, bytes, ret, ADDRESS_TEXT_MAX))
		(void)snprintf(ret, ADDRESS_TEXT_MAX, "an unknown address");
	return ret;
}
