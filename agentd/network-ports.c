/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/network.h"

#include "common/array.h"
#include "common/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

#define TRIES_MAX 64 /* for a port that is free for both families */

union socket_address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t make_address(
	sa_family_t family, const struct network_port *port, union socket_address *ret)
{
	*ret = (union socket_address){ .any.sa_family = family };
	if (family == AF_INET) {
		ret->in.sin_port = htons(port->host_port);
		memcpy(&ret->in.sin_addr, port->host.bytes, sizeof(ret->in.sin_addr));
		return sizeof(ret->in);
	}
	ret->in6.sin6_port = htons(port->host_port);
	memcpy(&ret->in6.sin6_addr, port->host.bytes, sizeof(ret->in6.sin6_addr));
	return sizeof(ret->in6);
}

/* Bound, never listening: who comes by a way that is not translated is refused. */
static int reserve_one(sa_family_t family, struct network_port *port)
{
	int type = port->protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM, one = 1;
	cleanup_close int fd = socket(family, type | SOCK_CLOEXEC, 0);
	union socket_address address;
	socklen_t len = make_address(family, port, &address);

	if (fd < 0)
		return -errno;
	if (family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0)
		return -errno;
	if (bind(fd, &address.any, len) < 0 || getsockname(fd, &address.any, &len) < 0)
		return -errno;
	port->host_port =
		ntohs(family == AF_INET ? address.in.sin_port : address.in6.sin6_port);
	return take_fd(&fd);
}

static bool has_no_ipv6(int r)
{
	return r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL;
}

/* Both families, where both are meant. -EADDRINUSE: not free for one of them. */
static int reserve_port(struct network_port *port, int ret_fds[2])
{
	bool wants_both = port->host.family == AF_UNSPEC;
	cleanup_close int fd4 = -1, fd6 = -1;

	if (port->host.family != AF_INET6) {
		fd4 = reserve_one(AF_INET, port);
		if (fd4 < 0)
			return fd4;
	}
	if (port->host.family != AF_INET) {
		fd6 = reserve_one(AF_INET6, port);
		if (fd6 < 0 && !(wants_both && has_no_ipv6(fd6)))
			return fd6;
	}
	ret_fds[0] = take_fd(&fd4);
	ret_fds[1] = take_fd(&fd6);
	return 0;
}

static int say_not_free(const struct network_port *port, int code, struct err *err)
{
	const char *protocol = network_protocol_name(port->protocol);
	char text[INET6_ADDRSTRLEN];

	if (code == EADDRINUSE) {
		(void)err_say(err, EADDRINUSE, "port %u/%s of the host is in use",
			port->host_port, protocol);
		return err_hint(err,
			"publish at another, or stop what uses it: `ucrctl ps` shows the "
			"ports of containers, `ss -lntup` those of the host");
	}
	if (code == EADDRNOTAVAIL)
		return err_say(err, code, "this host has no address %s to publish at",
			network_address_text(&port->host, text));
	return err_set(
		err, code, "take port %u/%s of the host", port->host_port, protocol);
}

static int reserve(struct network_port *port, int ret_fds[2], struct err *err)
{
	const uint16_t asked = port->host_port;
	int r = -EADDRINUSE;

	for (int i = 0; r == -EADDRINUSE && i < (asked ? 1 : TRIES_MAX); i++) {
		port->host_port = asked;
		r = reserve_port(port, ret_fds);
	}
	return r < 0 ? say_not_free(port, -r, err) : 0;
}

int network_ports_reserve(
	struct network_ports *ports, int **ret_fds, size_t *ret_count, struct err *err)
{
	cleanup_free int *fds = calloc(2 * ports->count + 1, sizeof(*fds));
	size_t count = 0;
	int pair[2], r = 0;

	if (!fds)
		return err_oom(err);
	for (size_t i = 0; r == 0 && i < ports->count; i++) {
		r = reserve(&ports->items[i], pair, err);
		for (int k = 0; r == 0 && k < 2; k++) {
			if (pair[k] >= 0)
				fds[count++] = pair[k];
		}
	}
	if (r < 0) {
		while (count > 0)
			(void)close(fds[--count]);
		return r;
	}
	*ret_fds = take_ptr(fds);
	*ret_count = count;
	return 0;
}
