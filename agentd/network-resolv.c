/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/network.h"

#include "common/buf.h"

#include <errno.h>
#include <netinet/in.h>

#define BLANKS " \t"

/* Its own loopback is not the host's, and "fe80::1%eth0" names an interface of the host. */
static bool is_reachable(const char *text, size_t len)
{
	char word[INET6_ADDRSTRLEN];
	struct network_address address;

	if (len >= sizeof(word))
		return false;
	memcpy(word, text, len);
	word[len] = '\0';
	return network_address_parse(word, &address) == 0 &&
	       !network_address_is_loopback(&address) &&
	       !(address.family == AF_INET6 && address.bytes[0] == 0xfe &&
		       (address.bytes[1] & 0xc0) == 0x80);
}

/* The address of a "nameserver" line; NULL: another line. */
static const char *server_of(const char *line, size_t len, size_t *ret_len)
{
	static const char word[] = "nameserver";
	size_t at = sizeof(word) - 1;

	if (len <= at || memcmp(line, word, at) != 0 || !strchr(BLANKS, line[at]))
		return NULL;
	while (at < len && strchr(BLANKS, line[at]))
		at++;
	*ret_len = strcspn(line + at, BLANKS "\r\n");
	return line + at;
}

int network_resolv_conf(const char *text, char *const *servers, struct buf *out)
{
	size_t count = 0, len, server_len;
	const char *server;

	strv_each (s, servers) {
		buf_printf(out, "nameserver %s\n", *s);
		count++;
	}
	for (; *text; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		server = server_of(text, len, &server_len);
		if (server && (strv_len(servers) || !is_reachable(server, server_len)))
			continue;
		count += server != NULL;
		buf_put(out, text, len);
		buf_putc(out, '\n');
	}
	return count > 0 ? 0 : 1;
}

int network_name_servers(const char *text, strv *ret)
{
	char word[INET6_ADDRSTRLEN];
	struct network_address address;
	size_t len, server_len = 0;
	const char *server;

	for (; *text; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		server = server_of(text, len, &server_len);
		if (!server || server_len >= sizeof(word))
			continue;
		memcpy(word, server, server_len);
		word[server_len] = '\0';
		if (network_address_parse(word, &address) == 0 && strv_add(ret, word) < 0)
			return -ENOMEM;
	}
	return 0;
}
