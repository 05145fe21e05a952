/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names over TCP, for what a datagram cannot hold. The first message of a connection decides: one
 * for the engine is answered, and the connection closed; with any other it is joined to a server of
 * the host's, and what either sends the other gets.
 */
#include "agentd/dns.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <sys/epoll.h>

#define CALLERS_MAX 64
#define CALLERS_OF_ONE_MAX 8
#define PATIENCE_MS 10000
#define LENGTH_LEN 2 /* before each message */

/* One direction of a joined connection: what was read of one end and not written to the other. */
struct lane {
	int from, to; /* borrowed */
	size_t begin, end;
	bool is_over;
	unsigned char data[4096];
};

struct dns_caller {
	struct dns_ask ask; /* first: what is asked is found by it */
	struct dns_caller *next;
	struct dns_server *server;
	int fd, server_fd; /* server_fd -1: not joined */
	struct network_address container;
	struct dns_question question;
	struct loop_source *source, *server_source, *timer;
	struct lane out, back;
};

static void forget(struct dns_caller *caller)
{
	struct dns_caller **at = &caller->server->callers;

	while (*at != caller)
		at = &(*at)->next;
	*at = caller->next;
	dns_ask_drop(caller->server, &caller->ask);
	loop_remove(caller->source);
	loop_remove(caller->server_source);
	loop_remove(caller->timer);
	if (caller->server_fd >= 0)
		(void)close(caller->server_fd);
	(void)close(caller->fd);
	free(caller);
}

/* ---- joined --------------------------------------------------------------------------- */

/* 0, or -errno when the connection is of no use any more. */
static int lane_write(struct lane *lane)
{
	ssize_t n;

	while (lane->begin < lane->end) {
		n = send(lane->to, lane->data + lane->begin, lane->end - lane->begin,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == ENOTCONN ? 0 : -errno;
		lane->begin += (size_t)n;
	}
	lane->begin = lane->end = 0;
	return 0;
}

static int lane_read(struct lane *lane)
{
	ssize_t n;

	if (lane->end || lane->is_over)
		return 0;
	n = recv(lane->from, lane->data, sizeof(lane->data), MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == ENOTCONN ? 0 : -errno;
	lane->end = (size_t)n;
	lane->is_over = n == 0;
	return 0;
}

static int lane_move(struct lane *lane)
{
	int r = lane_write(lane);

	if (r == 0)
		r = lane_read(lane);
	return r == 0 ? lane_write(lane) : r;
}

/* What an end waits for: something to come where there is room, and room for what came. */
static uint32_t events_of(const struct lane *reading, const struct lane *writing)
{
	return (!reading->end && !reading->is_over ? (uint32_t)EPOLLIN : 0) |
	       (writing->end ? (uint32_t)EPOLLOUT : 0);
}

static int on_either(struct loop_source *source, uint32_t events, void *arg)
{
	struct dns_caller *caller = arg;
	int r = lane_move(&caller->out);

	if (r == 0)
		r = lane_move(&caller->back);
	if (r == 0)
		r = loop_set_events(
			caller->source, events_of(&caller->out, &caller->back));
	if (r == 0)
		r = loop_set_events(
			caller->server_source, events_of(&caller->back, &caller->out));
	if (r < 0 || (events & (EPOLLERR | EPOLLHUP)) ||
		(caller->back.is_over && !caller->back.end))
		forget(caller);
	return 0;
}

/* ---- the first message ---------------------------------------------------------------- */

static const unsigned char *message_of(const struct dns_caller *caller)
{
	return caller->out.data + LENGTH_LEN;
}

static void answer(struct dns_caller *caller)
{
	struct buf *built = &caller->server->answer;
	unsigned char length[LENGTH_LEN];

	if (buf_finish(built) == 0) {
		length[0] = (unsigned char)(built->len >> 8);
		length[1] = (unsigned char)built->len;
		/* As little as this fits into a socket that nothing was written to. */
		(void)!send(caller->fd, length, sizeof(length), MSG_NOSIGNAL | MSG_MORE);
		(void)!send(caller->fd, built->data, built->len, MSG_NOSIGNAL);
	}
	forget(caller);
}

static void on_told(struct dns_ask *ask, const struct dns_words *words)
{
	struct dns_caller *caller = (struct dns_caller *)(void *)ask;

	dns_answer(caller->server, message_of(caller), &caller->question, words);
	answer(caller);
}

static void fail(struct dns_caller *caller)
{
	dns_answer_begin(&caller->server->answer, message_of(caller), &caller->question,
		DNS_SERVER_FAILURE);
	answer(caller);
}

static int on_caller(struct loop_source *source, uint32_t events, void *arg);

/* The first server that can be dialled: one that does not answer is found out by UDP before. */
static int join(struct dns_caller *caller)
{
	struct dns_server *server = caller->server;
	int fd = -ENOENT, r;

	for (size_t n = 0; fd < 0 && n < server->server_count; n++)
		fd = dns_connect(server, n, SOCK_STREAM);
	if (fd < 0)
		return fd;
	caller->server_fd = fd;
	caller->out.from = caller->back.to = caller->fd;
	caller->out.to = caller->back.from = fd;
	loop_remove(caller->source);
	caller->source = NULL;
	r = loop_add_fd(server->loop, caller->fd, 0, on_either, caller, &caller->source);
	return r < 0 ? r
		     : loop_add_fd(server->loop, fd, EPOLLOUT, on_either, caller,
			       &caller->server_source);
}

static void decide(struct dns_caller *caller)
{
	int r = dns_ask(
		caller->server, &caller->ask, &caller->container, &caller->question);

	/* It is not read from until there is an answer. */
	if (r == 0)
		r = loop_set_events(caller->source, 0);
	else if (r == -ENOENT)
		r = join(caller);
	if (r < 0)
		fail(caller);
}

static int on_caller(struct loop_source *source, uint32_t events, void *arg)
{
	struct dns_caller *caller = arg;
	struct lane *lane = &caller->out;
	size_t len;
	ssize_t n = recv(caller->fd, lane->data + lane->end,
		sizeof(lane->data) - lane->end, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	lane->end += n > 0 ? (size_t)n : 0;
	len = (size_t)lane->data[0] << 8 | lane->data[1];
	/* One that is being answered is heard of again only when it is gone. */
	if (n <= 0 || lane->end == sizeof(lane->data) || caller->ask.id) {
		forget(caller);
	} else if (lane->end >= LENGTH_LEN && lane->end >= LENGTH_LEN + len) {
		if (dns_query_parse(message_of(caller), len, &caller->question) == 0)
			decide(caller);
		else
			forget(caller);
	}
	return 0;
}

/* ---- connections ---------------------------------------------------------------------- */

static int on_patience(struct loop_source *source, uint32_t events, void *arg)
{
	forget(arg);
	return 0;
}

static bool is_too_many(
	const struct dns_server *server, const struct network_address *one)
{
	size_t count = 0, of_one = 0;

	for (const struct dns_caller *c = server->callers; c; c = c->next) {
		count++;
		of_one += memcmp(&c->container, one, sizeof(*one)) == 0;
	}
	return count >= CALLERS_MAX || of_one >= CALLERS_OF_ONE_MAX;
}

static void welcome(struct dns_server *server, int fd, const struct network_address *from)
{
	struct dns_caller *caller = calloc(1, sizeof(*caller));
	int r = caller ? 0 : -ENOMEM;

	if (r < 0) {
		(void)close(fd);
		return;
	}
	caller->server = server;
	caller->fd = fd;
	caller->server_fd = -1;
	caller->container = *from;
	caller->ask.done = on_told;
	caller->next = server->callers;
	server->callers = caller;
	r = loop_add_fd(server->loop, fd, EPOLLIN, on_caller, caller, &caller->source);
	if (r == 0)
		r = loop_add_timer(server->loop, PATIENCE_MS, 0, on_patience, caller,
			&caller->timer);
	if (r < 0)
		forget(caller);
}

struct listener {
	struct dns_server *server;
	int fd;
};

static int on_connection(struct loop_source *source, uint32_t events, void *arg)
{
	const struct listener *listener = arg;
	struct network_address container;
	union dns_address from;
	socklen_t len = sizeof(from);
	int fd = accept4(listener->fd, &from.any, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return 0;
	if (dns_container_of(listener->server, &from, &container) &&
		!is_too_many(listener->server, &container))
		welcome(listener->server, fd, &container);
	else
		(void)close(fd);
	return 0;
}

int dns_listen_tcp(struct dns_server *server, int fd)
{
	struct listener *listener = malloc(sizeof(*listener)); /* to the end */
	struct loop_source *source;

	if (!listener)
		return -ENOMEM;
	*listener = (struct listener){ server, fd };
	return loop_add_fd(server->loop, fd, EPOLLIN, on_connection, listener, &source);
}
