/* SPDX-License-Identifier: Apache-2.0 */
#include "common/graphite.h"

#include "common/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_MS 10000
#define STALLED_MS 60000 /* a peer that takes nothing for so long is gone */
#define PAUSE_MS 1000
#define PAUSE_MS_MAX 60000

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void graphite_init(struct graphite *g, graphite_resolve_fn resolve, void *arg)
{
	*g = (struct graphite){ .resolve = resolve,
		.arg = arg,
		.fd = -1,
		.pending_max = GRAPHITE_PENDING_MAX };
}

void graphite_done(struct graphite *g)
{
	if (g->fd >= 0)
		(void)close(g->fd);
	buf_done(&g->pending);
	g->fd = -1;
}

/* ---- what waits ---- */

/* The length of the first line from `from` on, its end included. */
static size_t line_len(const struct graphite *g, size_t from)
{
	const char *end = memchr(g->pending.data + from, '\n', g->pending.len - from);

	return end ? (size_t)(end - g->pending.data) + 1 - from : g->pending.len - from;
}

static void drop_bytes(struct graphite *g, size_t from, size_t len)
{
	for (size_t i = from; i < from + len; i++)
		g->dropped += g->pending.data[i] == '\n';
	memmove(g->pending.data + from, g->pending.data + from + len,
		g->pending.len - from - len);
	g->pending.len -= len;
}

/* A line that has begun stays, or the next one would be its end. */
static void make_room(struct graphite *g, size_t wanted)
{
	size_t from = g->is_midline ? line_len(g, 0) : 0, len = 0;

	while (from + len < g->pending.len &&
		g->pending.len - len + wanted > g->pending_max)
		len += line_len(g, from + len);
	drop_bytes(g, from, len);
}

void graphite_push(struct graphite *g, const char *lines, size_t len)
{
	size_t before;

	while (len > g->pending_max) {
		const char *end = memchr(lines, '\n', len);
		size_t first = end ? (size_t)(end - lines) + 1 : len;

		g->dropped++;
		lines += first;
		len -= first;
	}
	if (g->pending.len + len > g->pending_max)
		make_room(g, len);
	if (!g->pending.len && g->state == GRAPHITE_CONNECTED)
		g->deadline_ms = now_ms() + STALLED_MS;
	before = g->pending.len;
	buf_put(&g->pending, lines, len);
	if (buf_finish(&g->pending) < 0) {
		g->pending.len = before;
		g->pending.failed = false;
		g->dropped++;
	}
}

/* ---- the connection ---- */

short graphite_events(const struct graphite *g)
{
	static const short events[] = { 0, POLLOUT, POLLIN };

	return (short)(events[g->state] |
		       (g->state == GRAPHITE_CONNECTED && g->pending.len ? POLLOUT : 0));
}

int graphite_wait_ms(const struct graphite *g)
{
	int64_t ms = g->deadline_ms - now_ms();

	if (g->state != GRAPHITE_CONNECTING && !g->pending.len)
		return -1;
	return ms < 0 ? 0 : (int)ms;
}

static void close_connection(struct graphite *g)
{
	if (g->fd >= 0)
		(void)close(g->fd);
	g->fd = -1;
	g->state = GRAPHITE_IDLE;
	if (g->is_midline)
		drop_bytes(g, 0, line_len(g, 0));
	g->is_midline = false;
}

/* The next address at once; after the last one, all of them again after a pause. */
static enum graphite_news fail(struct graphite *g)
{
	int64_t pause = (int64_t)PAUSE_MS << (g->failures < 6 ? g->failures : 6);
	bool was_first = g->failures == 0;

	close_connection(g);
	if (g->next_address < g->address_count) {
		g->deadline_ms = now_ms();
		return GRAPHITE_NO_NEWS;
	}
	g->address_count = g->next_address = 0;
	g->failures++;
	g->deadline_ms = now_ms() + (pause < PAUSE_MS_MAX ? pause : PAUSE_MS_MAX);
	return was_first ? GRAPHITE_LOST : GRAPHITE_NO_NEWS;
}

static enum graphite_news connected(struct graphite *g)
{
	bool was_lost = g->failures > 0;

	g->state = GRAPHITE_CONNECTED;
	g->failures = 0;
	g->address_count = g->next_address = 0;
	g->deadline_ms = now_ms() + STALLED_MS;
	return was_lost ? GRAPHITE_RESTORED : GRAPHITE_NO_NEWS;
}

static enum graphite_news begin(struct graphite *g, struct err *why)
{
	const struct graphite_address *address;
	int r;

	if (g->next_address >= g->address_count) {
		r = g->resolve(g->arg, g->addresses, why);
		if (r <= 0)
			return fail(g);
		g->address_count = r;
		g->next_address = 0;
	}
	address = &g->addresses[g->next_address++];
	g->fd = socket(address->address.ss_family,
		SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (g->fd < 0) {
		(void)err_set(why, errno, "make a socket");
		return fail(g);
	}
	if (connect(g->fd, (const struct sockaddr *)&address->address, address->len) == 0)
		return connected(g);
	if (errno != EINPROGRESS) {
		(void)err_set(why, errno, "connect");
		return fail(g);
	}
	g->state = GRAPHITE_CONNECTING;
	g->deadline_ms = now_ms() + CONNECT_MS;
	return GRAPHITE_NO_NEWS;
}

static enum graphite_news finish_connect(
	struct graphite *g, short revents, struct err *why)
{
	int code = 0;
	socklen_t len = sizeof(code);

	if (!(revents & (POLLOUT | POLLERR | POLLHUP))) {
		if (now_ms() < g->deadline_ms)
			return GRAPHITE_NO_NEWS;
		(void)err_set(why, ETIMEDOUT, "connect");
		return fail(g);
	}
	if (getsockopt(g->fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0 || code) {
		(void)err_set(why, code ? code : errno, "connect");
		return fail(g);
	}
	return connected(g);
}

/* Graphite never answers: what can be read is its end, or of no interest. */
static int check_peer(struct graphite *g, struct err *why)
{
	char ignored[512];
	ssize_t n;

	do {
		n = recv(g->fd, ignored, sizeof(ignored), MSG_DONTWAIT);
	} while (n > 0);
	if (n == 0)
		return err_say(why, EPIPE, "the other side closed the connection");
	return errno == EAGAIN ? 0 : err_set(why, errno, "receive");
}

static int send_pending(struct graphite *g, struct err *why)
{
	ssize_t n;

	while (g->pending.len) {
		n = send(g->fd, g->pending.data, g->pending.len,
			MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return now_ms() < g->deadline_ms
				       ? 0
				       : err_set(why, ETIMEDOUT, "send");
		if (n < 0)
			return err_set(why, errno, "send");
		g->is_midline = g->pending.data[n - 1] != '\n';
		buf_consume(&g->pending, (size_t)n);
		g->deadline_ms = now_ms() + STALLED_MS;
	}
	return 0;
}

static enum graphite_news exchange(struct graphite *g, struct err *why)
{
	int r = check_peer(g, why);

	if (r == 0)
		r = send_pending(g, why);
	return r < 0 ? fail(g) : GRAPHITE_NO_NEWS;
}

enum graphite_news graphite_work(struct graphite *g, struct err *why)
{
	struct pollfd p = { .fd = g->fd, .events = graphite_events(g) };
	enum graphite_news news = GRAPHITE_NO_NEWS;

	if (g->fd >= 0 && poll(&p, 1, 0) < 0)
		return GRAPHITE_NO_NEWS;
	if (g->state == GRAPHITE_CONNECTING)
		news = finish_connect(g, p.revents, why);
	else if (g->state == GRAPHITE_IDLE && g->pending.len &&
		 now_ms() >= g->deadline_ms)
		news = begin(g, why);
	if (news == GRAPHITE_LOST || g->state != GRAPHITE_CONNECTED)
		return news;
	return exchange(g, why) == GRAPHITE_LOST ? GRAPHITE_LOST : news;
}
