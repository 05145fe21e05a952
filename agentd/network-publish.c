/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/network.h"

#include "common/cleanup.h"

#include <errno.h>

struct range {
	uint32_t first, count; /* count 0: not given */
};

static int port_parse(const char *text, uint32_t *ret)
{
	uint32_t port;

	if (str_to_u32(text, &port) < 0 || port == 0 || port > UINT16_MAX)
		return -EINVAL;
	*ret = port;
	return 0;
}

/* "80", "8000-8010"; cut up. */
static int range_parse(char *text, struct range *ret)
{
	char *dash = strchr(text, '-');
	uint32_t first, last;

	if (dash)
		*dash++ = '\0';
	if (port_parse(text, &first) < 0)
		return -EINVAL;
	last = first;
	if (dash && (port_parse(dash, &last) < 0 || last < first))
		return -EINVAL;
	*ret = (struct range){ first, last - first + 1 };
	return 0;
}

static int protocol_parse(char *text, uint32_t *ret)
{
	char *slash = strrchr(text, '/');

	*ret = IPPROTO_TCP;
	if (!slash)
		return 0;
	*slash++ = '\0';
	return network_protocol_parse(slash, ret);
}

/* "127.0.0.1:", "[::1]:" before the rest, which is returned; NULL: no address. */
static char *host_parse(char *text, struct network_address *ret)
{
	char *end = *text == '[' ? strchr(text, ']') : strchr(text, ':');
	bool is_bracketed = *text == '[';

	if (!end || (is_bracketed && end[1] != ':'))
		return NULL;
	*end = '\0';
	if (network_address_parse(text + is_bracketed, ret) < 0 ||
		(ret->family == AF_INET6) != is_bracketed)
		return NULL;
	return end + 1 + is_bracketed;
}

struct published {
	uint32_t protocol;
	struct network_address host;
	struct range from, to;
};

/* Behind the address: "[HOSTPORT]:PORT" or "PORT". */
static int ports_parse(char *text, struct published *p)
{
	char *colon = strchr(text, ':');

	if (!colon)
		return range_parse(text, &p->to);
	*colon = '\0';
	if (*text && range_parse(text, &p->from) < 0)
		return -EINVAL;
	return range_parse(colon + 1, &p->to);
}

static int published_parse(char *text, struct published *p)
{
	char *first = strchr(text, ':');

	if (protocol_parse(text, &p->protocol) < 0)
		return -EINVAL;
	if (*text == '[' || (first && strchr(first + 1, ':'))) {
		text = host_parse(text, &p->host);
		if (!text || !strchr(text, ':'))
			return -EINVAL;
	}
	if (ports_parse(text, p) < 0 || (p->from.count && p->from.count != p->to.count))
		return -EINVAL;
	return 0;
}

static int append(const struct published *p, struct network_ports *ports, struct err *err)
{
	struct network_port *grown;

	if (p->to.count > NETWORK_PORTS_MAX - ports->count)
		return err_say(err, E2BIG, "more than %d ports are published",
			NETWORK_PORTS_MAX);
	grown = reallocarray(
		ports->items, ports->count + p->to.count, sizeof(*ports->items));
	if (!grown)
		return err_oom(err);
	ports->items = grown;
	for (uint32_t i = 0; i < p->to.count; i++)
		grown[ports->count++] = (struct network_port){
			.protocol = p->protocol,
			.host = p->host,
			.host_port = p->from.count ? (uint16_t)(p->from.first + i) : 0,
			.port = (uint16_t)(p->to.first + i),
		};
	return 0;
}

int network_publish_parse(const char *text, struct network_ports *ports, struct err *err)
{
	cleanup_free char *copy = strdup(text);
	struct published p = { 0 };
	int r;

	if (!copy)
		return err_oom(err);
	if (published_parse(copy, &p) < 0) {
		(void)err_say(err, EINVAL,
			"--publish %s: want [ADDRESS:]HOSTPORT:PORT[/tcp|udp]", text);
		return err_hint(err,
			"ranges as 8000-8010:80-90 are equally long, an address of IPv6 "
			"stands in brackets");
	}
	if (p.host.family == AF_INET6 && network_address_is_loopback(&p.host)) {
		(void)err_say(err, EINVAL,
			"--publish %s: nothing can be forwarded from ::1", text);
		return err_hint(err, "127.0.0.1 can be published");
	}
	r = append(&p, ports, err);
	return r < 0 ? err_wrap(err, "--publish %s", text) : 0;
}

int network_expose_parse(const char *text, struct network_ports *ports, struct err *err)
{
	cleanup_free char *copy = strdup(text);
	struct published p = { 0 };

	if (!copy)
		return err_oom(err);
	if (protocol_parse(copy, &p.protocol) < 0 || range_parse(copy, &p.to) < 0)
		return err_say(
			err, EINVAL, "the image exposes a port that is none: %s", text);
	return append(&p, ports, err);
}
