/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/dns.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <time.h>

#define DNS_PORT 53
#define REFRESH_MS 10000
#define FAMILY(address) ((address)->family == AF_INET6)

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- addresses ------------------------------------------------------------------------ */

static struct network_address address_of(const union dns_address *from)
{
	struct network_address ret = { .family = from->any.sa_family };

	if (ret.family == AF_INET)
		memcpy(ret.bytes, &from->in.sin_addr, sizeof(from->in.sin_addr));
	else
		memcpy(ret.bytes, &from->in6.sin6_addr, sizeof(from->in6.sin6_addr));
	return ret;
}

static bool is_within(const struct network_address *address,
	const struct network_address *network, uint32_t prefix)
{
	uint32_t bytes = prefix / 8, bits = prefix % 8;

	if (address->family != network->family ||
		memcmp(address->bytes, network->bytes, bytes) != 0)
		return false;
	return !bits ||
	       ((address->bytes[bytes] ^ network->bytes[bytes]) >> (8 - bits)) == 0;
}

bool dns_container_of(const struct dns_server *server, const union dns_address *from,
	struct network_address *ret)
{
	const struct network_address address = address_of(from);
	const struct network_address *own = &server->networks[FAMILY(&address)];

	*ret = address;
	return is_within(&address, own, server->prefixes[FAMILY(&address)]) &&
	       memcmp(address.bytes, own->bytes, sizeof(own->bytes)) != 0;
}

static socklen_t make_address(
	const struct network_address *address, union dns_address *ret)
{
	*ret = (union dns_address){ .any.sa_family = address->family };
	if (address->family == AF_INET) {
		ret->in.sin_port = htons(DNS_PORT);
		memcpy(&ret->in.sin_addr, address->bytes, sizeof(ret->in.sin_addr));
		return sizeof(ret->in);
	}
	ret->in6.sin6_port = htons(DNS_PORT);
	memcpy(&ret->in6.sin6_addr, address->bytes, sizeof(ret->in6.sin6_addr));
	return sizeof(ret->in6);
}

int dns_connect(const struct dns_server *server, size_t n, int type)
{
	cleanup_close int fd = -1;
	union dns_address address;
	socklen_t len;

	if (n >= server->server_count)
		return -ENOENT;
	len = make_address(&server->servers[n], &address);
	fd = socket(address.any.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || (connect(fd, &address.any, len) < 0 && errno != EINPROGRESS))
		return -errno;
	return take_fd(&fd);
}

/* ---- questions to the engine ---------------------------------------------------------- */

static int send_words(
	struct dns_server *server, enum dns_msg type, const struct dns_words *words)
{
	cleanup_buf struct buf b = BUF_INIT;

	dns_words_write(&b, words);
	if (buf_finish(&b) < 0)
		return -ENOMEM;
	return ipc_send(server->engine_fd, type, b.data, b.len, NULL, 0);
}

void dns_refresh(struct dns_server *server)
{
	const struct dns_words nothing = { 0 };
	int64_t now = now_ms();

	if (server->refreshed_ms && now - server->refreshed_ms < REFRESH_MS)
		return;
	server->refreshed_ms = now;
	(void)!send_words(server, DNS_REFRESH, &nothing);
}

/* A name of ours, or an address of the bridge's networks. */
static bool is_for_engine(const struct dns_server *server,
	const struct dns_question *question, char name[DNS_NAME_MAX],
	char address[INET6_ADDRSTRLEN])
{
	struct network_address asked;

	name[0] = address[0] = '\0';
	if (dns_is_ours(question, name))
		return true;
	if (!dns_is_reverse(question, &asked) ||
		!is_within(&asked, &server->networks[FAMILY(&asked)],
			server->prefixes[FAMILY(&asked)]))
		return false;
	network_address_text(&asked, address);
	return true;
}

static bool may_ask(struct dns_server *server, const struct network_address *from)
{
	size_t len = network_address_len(from);
	struct dns_bucket *bucket = &server->buckets[from->bytes[len - 1]];
	int64_t now = now_ms();

	bucket->used -= (now - bucket->ms) * DNS_ASKS_A_SECOND;
	bucket->ms = now;
	if (bucket->used < 0)
		bucket->used = 0;
	if (bucket->used >= DNS_ASKS_BURST * 1000)
		return false;
	bucket->used += 1000;
	return true;
}

int dns_ask(struct dns_server *server, struct dns_ask *ask,
	const struct network_address *from, const struct dns_question *question)
{
	char name[DNS_NAME_MAX], address[INET6_ADDRSTRLEN], asker[INET6_ADDRSTRLEN];
	struct dns_words words = { .id = server->last_id + 1, .from = asker };
	int r;

	if (!is_for_engine(server, question, name, address))
		return -ENOENT;
	if (!may_ask(server, from))
		return -EAGAIN;
	network_address_text(from, asker);
	words.name = *name ? name : NULL;
	words.address = *address ? address : NULL;
	r = send_words(server, DNS_ASK, &words);
	if (r < 0)
		return r;
	ask->id = ++server->last_id;
	ask->next = server->asks;
	server->asks = ask;
	return 0;
}

void dns_ask_drop(struct dns_server *server, struct dns_ask *ask)
{
	struct dns_ask **at = &server->asks;

	if (!ask->id)
		return;
	while (*at != ask)
		at = &(*at)->next;
	*at = ask->next;
	ask->id = 0;
}

void dns_answer(struct dns_server *server, const unsigned char *query,
	const struct dns_question *question, const struct dns_words *words)
{
	const sa_family_t family = question->type == DNS_A ? AF_INET : AF_INET6;
	const char *name = question->type == DNS_PTR ? words->name : NULL;
	bool is_found = words->is_found && (!name || dns_can_answer(name));
	struct network_address address;

	dns_answer_begin(&server->answer, query, question,
		is_found ? DNS_NO_ERROR : DNS_NO_SUCH_NAME);
	if (!is_found)
		return;
	if (name)
		dns_answer_name(&server->answer, name);
	if (question->type != DNS_A && question->type != DNS_AAAA)
		return;
	strv_each (text, words->addresses) {
		if (network_address_parse(*text, &address) == 0 &&
			address.family == family)
			dns_answer_address(&server->answer, &address);
	}
}

/* ---- messages of the engine ----------------------------------------------------------- */

static int take_answer(struct dns_server *server, const struct dns_words *words)
{
	struct dns_ask *ask = server->asks;

	while (ask && ask->id != words->id)
		ask = ask->next;
	if (!ask)
		return 0;
	dns_ask_drop(server, ask);
	ask->done(ask, words);
	return 0;
}

static int take_servers(struct dns_server *server, const struct dns_words *words)
{
	server->server_count = 0;
	strv_each (text, words->servers) {
		if (server->server_count < DNS_SERVERS_MAX &&
			network_address_parse(
				*text, &server->servers[server->server_count]) == 0)
			server->server_count++;
	}
	return 0;
}

int dns_server_take(struct dns_server *server, const struct ipc_msg *msg)
{
	struct dns_words words;
	int r = dns_words_parse(msg->data, msg->len, &words);

	if (r == 0 && msg->type == DNS_ANSWER)
		r = take_answer(server, &words);
	else if (r == 0 && msg->type == DNS_SERVERS)
		r = take_servers(server, &words);
	else if (r == 0)
		r = -EPROTO;
	dns_words_done(&words);
	return r;
}

/* ---- the start ------------------------------------------------------------------------ */

static int listen_at(struct dns_server *server, int fd)
{
	union dns_address address = { 0 };
	socklen_t len = sizeof(address);
	struct network_address own;
	int type = 0;
	socklen_t type_len = sizeof(type);

	if (getsockname(fd, &address.any, &len) < 0 ||
		getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) < 0)
		return -errno;
	own = address_of(&address);
	server->networks[FAMILY(&own)] = own;
	return type == SOCK_DGRAM ? dns_listen_udp(server, fd)
				  : dns_listen_tcp(server, fd);
}

int dns_server_start(struct dns_server *server, struct err *err)
{
	struct ipc_msg *msg = &server->msg;
	struct dns_words words = { 0 };
	int r = ipc_recv(server->engine_fd, msg);

	if (r <= 0 || msg->type != DNS_START)
		return err_set(err, r < 0 ? -r : EPROTO, "hear from the engine");
	r = dns_words_parse(msg->data, msg->len, &words);
	server->prefixes[0] = words.prefix;
	server->prefixes[1] = words.prefix6;
	dns_words_done(&words);
	if (r == 0 && (server->prefixes[0] > 32 || server->prefixes[1] > 128))
		r = -EPROTO;
	for (size_t i = 0; r == 0 && i < msg->fd_count; i++)
		r = listen_at(server, msg->fds[i]);
	/* They are the server's now, to its end. */
	if (r == 0)
		msg->fd_count = 0;
	ipc_msg_done(msg);
	return r < 0 ? err_set(err, -r, "serve the bridge's sockets") : 0;
}
