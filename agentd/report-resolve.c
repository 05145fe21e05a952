/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/report-resolve.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>

int report_resolve(void *arg, struct graphite_address *ret, struct err *err)
{
	const struct report_peer *peer = arg;
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV };
	struct addrinfo *found = NULL;
	int count = 0, code = getaddrinfo(peer->host, peer->port, &hints, &found);

	if (code)
		return err_say(
			err, ENOENT, "look up %s: %s", peer->host, gai_strerror(code));
	for (struct addrinfo *a = found; a && count < GRAPHITE_ADDRESSES_MAX;
		a = a->ai_next) {
		if (a->ai_addrlen > sizeof(ret->address))
			continue;
		memcpy(&ret[count].address, a->ai_addr, a->ai_addrlen);
		ret[count++].len = a->ai_addrlen;
	}
	freeaddrinfo(found);
	return count;
}
