/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/cleanup.h"
#include "common/graphite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* A server on loopback, and who sends to it. */
struct fixture {
	struct graphite g;
	int listen_fd, peer_fd;
	uint16_t port;
	unsigned int resolved;
	bool is_unknown; /* the name cannot be looked up now */
	char got[256];
};

static int resolve(void *arg, struct graphite_address *ret, struct err *err)
{
	struct fixture *f = arg;
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)&ret->address;

	f->resolved++;
	if (f->is_unknown)
		return err_say(err, ENOENT, "no such name");
	*in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = f->port };
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ret->len = sizeof(*in);
	return 1;
}

static void start_listening(struct fixture *f)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = f->port };
	socklen_t len = sizeof(in);
	int on = 1;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	f->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)setsockopt(f->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(f->listen_fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(f->listen_fd, 4), 0);
	assert_int_equal(getsockname(f->listen_fd, (struct sockaddr *)&in, &len), 0);
	f->port = in.sin_port;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	start_listening(f);
	f->peer_fd = -1;
	graphite_init(&f->g, resolve, f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	graphite_done(&f->g);
	(void)close(f->listen_fd);
	if (f->peer_fd >= 0)
		(void)close(f->peer_fd);
	free(f);
	return 0;
}

static enum graphite_news step(struct fixture *f, struct err *why)
{
	struct pollfd p = { .fd = f->g.fd, .events = graphite_events(&f->g) };

	(void)poll(&p, 1, 1000);
	return graphite_work(&f->g, why);
}

static void accept_peer(struct fixture *f)
{
	f->peer_fd = accept4(f->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(f->peer_fd >= 0);
}

static void expect(struct fixture *f, const char *text)
{
	ssize_t n = recv(f->peer_fd, f->got, sizeof(f->got) - 1, 0);

	assert_int_equal(n, strlen(text));
	f->got[n] = '\0';
	assert_string_equal(f->got, text);
}

/* No line, no connection: an idle daemon keeps no server busy. */
static void test_sends(void **state)
{
	struct fixture *f = *state;
	struct err why;

	assert_int_equal(graphite_wait_ms(&f->g), -1);
	assert_int_equal(graphite_work(&f->g, &why), GRAPHITE_NO_NEWS);
	assert_int_equal(f->g.fd, -1);
	graphite_push(&f->g, "a 1 2\nb 3 4\n", 12);
	assert_int_equal(graphite_wait_ms(&f->g), 0);
	for (int i = 0; i < 3 && f->g.pending.len; i++)
		assert_int_equal(step(f, &why), GRAPHITE_NO_NEWS);
	accept_peer(f);
	expect(f, "a 1 2\nb 3 4\n");
	graphite_push(&f->g, "c 5 6\n", 6);
	assert_int_equal(step(f, &why), GRAPHITE_NO_NEWS);
	expect(f, "c 5 6\n");
	assert_int_equal(f->resolved, 1);
}

/* The end of a server is told once and so is its return; what waited meanwhile goes out then. */
static void test_returns(void **state)
{
	struct fixture *f = *state;
	struct err why = { 0 };

	graphite_push(&f->g, "a 1 2\n", 6);
	for (int i = 0; i < 3 && f->g.pending.len; i++)
		(void)step(f, &why);
	accept_peer(f);
	expect(f, "a 1 2\n");
	(void)close(f->listen_fd);
	(void)close(f->peer_fd);
	assert_int_equal(step(f, &why), GRAPHITE_LOST);
	assert_non_null(strstr(why.text, "closed"));
	graphite_push(&f->g, "b 3 4\n", 6);
	assert_in_range(graphite_wait_ms(&f->g), 500, 1000);
	for (int i = 0; i < 2; i++) {
		f->is_unknown = i == 0;
		f->g.deadline_ms = 0;
		assert_int_equal(step(f, &why), GRAPHITE_NO_NEWS);
		while (f->g.state == GRAPHITE_CONNECTING)
			assert_int_equal(step(f, &why), GRAPHITE_NO_NEWS);
	}
	/* Each pause is twice as long as the last one. */
	assert_in_range(graphite_wait_ms(&f->g), 3000, 4000);
	start_listening(f);
	f->g.deadline_ms = 0;
	while (f->g.state != GRAPHITE_CONNECTED) {
		if (step(f, &why) == GRAPHITE_RESTORED)
			f->is_unknown = true; /* told */
	}
	(void)step(f, &why);
	assert_true(f->is_unknown);
	accept_peer(f);
	expect(f, "b 3 4\n");
}

/* The oldest lines go first, whole, and never the rest of one that has begun. */
static void test_bound(void **state)
{
	struct fixture *f = *state;

	f->g.pending_max = 20;
	graphite_push(&f->g, "aaaa\nbbbb\ncccc\n", 15);
	graphite_push(&f->g, "dddd\neeee\n", 10);
	assert_string_equal(f->g.pending.data, "bbbb\ncccc\ndddd\neeee\n");
	assert_int_equal(f->g.dropped, 1);
	f->g.is_midline = true;
	graphite_push(&f->g, "ffff\n", 5);
	assert_string_equal(f->g.pending.data, "bbbb\ndddd\neeee\nffff\n");
	graphite_push(&f->g, "1111\n2222\n3333\n4444\n5555\n", 25);
	assert_true(f->g.pending.len <= 25);
	assert_int_equal(strncmp(f->g.pending.data, "bbbb\n", 5), 0);
	f->g.is_midline = false;
	graphite_push(&f->g, "a line that is longer than all\nx\n", 33);
	assert_non_null(strstr(f->g.pending.data, "\nx\n"));
	assert_null(strstr(f->g.pending.data, "longer"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_returns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
