/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/dns.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/random.h>

#define AT_ONCE 16
#define QUERIES_MAX 512
#define QUERIES_OF_ONE_MAX 32
#define PATIENCE_MS 2000 /* with one server */

struct dns_query {
	struct dns_ask ask; /* first: what is asked is found by it */
	struct dns_query *next;
	struct dns_server *server;
	int listen_fd; /* borrowed */
	union dns_address from;
	socklen_t from_len;
	struct network_address container;
	struct dns_question question;
	uint16_t id; /* the container's; the message has our own while it is forwarded */
	size_t server_n;
	int fd; /* to that server; -1: to none */
	struct loop_source *source, *timer;
	size_t len;
	unsigned char message[DNS_QUERY_MAX];
};

/* ---- its life ------------------------------------------------------------------------- */

static void leave_server(struct dns_query *query)
{
	loop_remove(query->source);
	loop_remove(query->timer);
	query->source = query->timer = NULL;
	if (query->fd >= 0)
		(void)close(take_fd(&query->fd));
}

static void forget(struct dns_query *query)
{
	struct dns_query **at = &query->server->queries;

	while (*at != query)
		at = &(*at)->next;
	*at = query->next;
	dns_ask_drop(query->server, &query->ask);
	leave_server(query);
	free(query);
}

/* One that cannot be sent is lost, as datagrams may be. */
static void reply(struct dns_query *query, unsigned char *answer, size_t len)
{
	dns_set_id(answer, query->id);
	(void)!sendto(query->listen_fd, answer, len, MSG_DONTWAIT | MSG_NOSIGNAL,
		&query->from.any, query->from_len);
	forget(query);
}

static void reply_built(struct dns_query *query)
{
	struct buf *answer = &query->server->answer;

	if (buf_finish(answer) == 0)
		reply(query, (unsigned char *)answer->data, answer->len);
	else
		forget(query);
}

static void fail(struct dns_query *query)
{
	dns_answer_begin(&query->server->answer, query->message, &query->question,
		DNS_SERVER_FAILURE);
	reply_built(query);
}

static void on_told(struct dns_ask *ask, const struct dns_words *words)
{
	struct dns_query *query = (struct dns_query *)(void *)ask;

	dns_answer(query->server, query->message, &query->question, words);
	reply_built(query);
}

/* ---- the host's servers --------------------------------------------------------------- */

static void forward(struct dns_query *query);

static int on_patience(struct loop_source *source, uint32_t events, void *arg)
{
	struct dns_query *query = arg;

	leave_server(query);
	query->server_n++;
	forward(query);
	return 0;
}

/* Whatever is not the answer is not worth ending the wait, but for a refusal by the kernel. */
static int on_server(struct loop_source *source, uint32_t events, void *arg)
{
	struct dns_query *query = arg;
	unsigned char *data = query->server->data;
	ssize_t n = recv(query->fd, data, sizeof(query->server->data), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return on_patience(source, events, arg);
	if (dns_is_answer_to(data, (size_t)n, query->message, &query->question))
		reply(query, data, (size_t)n);
	return 0;
}

/* From a port, and with a number, that nobody can know who does not see it. */
static int send_on(struct dns_query *query)
{
	struct loop *loop = query->server->loop;
	uint16_t id = 0;
	int r;

	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		return -EIO;
	query->fd = dns_connect(query->server, query->server_n, SOCK_DGRAM);
	if (query->fd < 0)
		return query->fd;
	dns_set_id(query->message, id);
	r = loop_add_fd(loop, query->fd, EPOLLIN, on_server, query, &query->source);
	if (r == 0)
		r = loop_add_timer(
			loop, PATIENCE_MS, 0, on_patience, query, &query->timer);
	if (r == 0 && send(query->fd, query->message, query->len, MSG_NOSIGNAL) < 0)
		r = -errno;
	return r;
}

static void forward(struct dns_query *query)
{
	int r = send_on(query);

	while (r < 0 && r != -ENOENT) {
		leave_server(query);
		query->server_n++;
		r = send_on(query);
	}
	if (r < 0)
		fail(query);
}

/* ---- the containers ------------------------------------------------------------------- */

static bool is_too_many(
	const struct dns_server *server, const struct network_address *one)
{
	size_t count = 0, of_one = 0;

	for (const struct dns_query *q = server->queries; q; q = q->next) {
		count++;
		of_one += memcmp(&q->container, one, sizeof(*one)) == 0;
	}
	return count >= QUERIES_MAX || of_one >= QUERIES_OF_ONE_MAX;
}

static void begin(struct dns_query *query)
{
	struct dns_server *server = query->server;
	int r;

	query->id = dns_id(query->message);
	query->next = server->queries;
	server->queries = query;
	r = dns_ask(server, &query->ask, &query->container, &query->question);
	if (r == -ENOENT) {
		dns_refresh(server);
		forward(query);
	} else if (r < 0) {
		fail(query);
	}
}

static bool take(struct dns_server *server, int fd)
{
	struct dns_query *query = calloc(1, sizeof(*query));
	ssize_t n;

	if (!query)
		return false;
	query->server = server;
	query->listen_fd = fd;
	query->fd = -1;
	query->ask.done = on_told;
	query->from_len = sizeof(query->from);
	n = recvfrom(fd, query->message, sizeof(query->message), MSG_DONTWAIT | MSG_TRUNC,
		&query->from.any, &query->from_len);
	query->len = n > 0 ? (size_t)n : 0;
	if (n >= 0 && query->len <= sizeof(query->message) &&
		dns_container_of(server, &query->from, &query->container) &&
		!is_too_many(server, &query->container) &&
		dns_query_parse(query->message, query->len, &query->question) == 0)
		begin(query);
	else
		free(query);
	return n >= 0;
}

struct listener {
	struct dns_server *server;
	int fd;
};

static int on_datagram(struct loop_source *source, uint32_t events, void *arg)
{
	const struct listener *listener = arg;

	for (int i = 0; i < AT_ONCE && take(listener->server, listener->fd); i++)
		;
	return 0;
}

int dns_listen_udp(struct dns_server *server, int fd)
{
	struct listener *listener = malloc(sizeof(*listener)); /* to the end */
	struct loop_source *source;

	if (!listener)
		return -ENOMEM;
	*listener = (struct listener){ server, fd };
	return loop_add_fd(server->loop, fd, EPOLLIN, on_datagram, listener, &source);
}
