/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/buf.h"
#include "common/http-client.h"
#include "common/str.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ---- heads ---- */

static const struct {
	const char *text;
	unsigned int status; /* 0: refused */
	enum http_body_kind kind;
	uint64_t length;
	bool is_last;
	const char *type;
} heads[] = {
	{ "HTTP/1.1 200 OK\r\nContent-Type: Application/JSON; x=y\r\ncontent-length:2\r\n\r\n",
		200, HTTP_BODY_LENGTH, 2, false, "application/json" },
	{ "HTTP/1.1 200\r\nTransfer-Encoding: Chunked\r\n\r\n", 200, HTTP_BODY_CHUNKED, 0,
		false, "" },
	{ "HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 500,
		HTTP_BODY_LENGTH, 0, true, "" },
	{ "HTTP/1.0 404 Not\r\n\r\n", 404, HTTP_BODY_TO_END, 0, true, "" },
	{ "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", 101, HTTP_BODY_NONE, 0, false,
		"" },
	{ "HTTP/1.1 204 None\r\nContent-Length: 9\r\n\r\n", 204, HTTP_BODY_NONE, 9, false,
		"" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 200,
		HTTP_BODY_LENGTH, 1, false, "" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		.type = "" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		.type = "" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .type = "" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", .type = "" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n", .type = "" },
	{ "HTTP/1.1 200 OK\r\nA: b\r\n c: d\r\n\r\n", .type = "" },
	{ "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", .type = "" },
	{ "HTTP/1.1 200 OK\r\nA: b\nContent-Length: 1\r\n\r\n", .type = "" },
	{ "HTTP/2 200 OK\r\n\r\n", .type = "" },
	{ "HTTP/1.1 20 OK\r\n\r\n", .type = "" },
	{ "HTTP/1.1 2000 OK\r\n\r\n", .type = "" },
	{ "SSH-2.0-OpenSSH\r\n\r\n", .type = "" },
};

static void test_heads(void **state)
{
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		size_t len = strlen(heads[i].text), used = 0;
		struct http_head head = { 0 };
		struct err err = { 0 };
		int r = http_head_parse(heads[i].text, len, &head, &used, &err);

		if (!heads[i].status) {
			assert_int_equal(r, -EPROTO);
			assert_true(*err.text);
			continue;
		}
		assert_int_equal(r, 1);
		assert_int_equal(used, len);
		assert_int_equal(head.status, heads[i].status);
		assert_int_equal(head.kind, heads[i].kind);
		assert_int_equal(head.length, heads[i].length);
		assert_int_equal(head.is_last, heads[i].is_last);
		assert_string_equal(head.type, heads[i].type);
		/* No beginning of one is one. */
		for (size_t part = 0; part < len; part++)
			assert_int_equal(
				http_head_parse(heads[i].text, part, &head, &used, &err),
				0);
	}
}

static void test_head_without_end(void **state)
{
	static char text[HTTP_HEAD_MAX + 8];
	struct http_head head;
	struct err err;
	size_t used;

	memset(text, 'x', sizeof(text));
	assert_int_equal(http_head_parse(text, HTTP_HEAD_MAX - 1, &head, &used, &err), 0);
	assert_int_equal(
		http_head_parse(text, HTTP_HEAD_MAX, &head, &used, &err), -EPROTO);
	memcpy(text, "HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", 26);
	assert_int_equal(http_head_parse(text, 26, &head, &used, &err), -EPROTO);
}

/* ---- bodies ---- */

static const struct {
	const char *text, *body; /* NULL: refused */
	enum http_body_kind kind;
	uint64_t length;
	const char *rest;
} bodies[] = {
	{ "hello", "hell", HTTP_BODY_LENGTH, 4, "o" },
	{ "5\r\nhello\r\n6;a=\"b\"\r\n world\r\n0\r\n\r\nnext", "hello world",
		HTTP_BODY_CHUNKED, 0, "next" },
	{ "A\r\n0123456789\r\n0\r\nA: b\r\nC: d\r\n\r\n", "0123456789", HTTP_BODY_CHUNKED,
		0, "" },
	{ "5\nhello\n0\n\n", "hello", HTTP_BODY_CHUNKED, 0, "" },
	{ "x\r\n", NULL, HTTP_BODY_CHUNKED, 0, "" },
	{ "\r\n", NULL, HTTP_BODY_CHUNKED, 0, "" },
	{ "-1\r\n", NULL, HTTP_BODY_CHUNKED, 0, "" },
	{ "1\r\nab\r\n", NULL, HTTP_BODY_CHUNKED, 0, "" },
	{ "ffffffffffffffff\r\n", NULL, HTTP_BODY_CHUNKED, 0, "" },
};

/* In pieces of `step` bytes. */
static int read_body(size_t i, size_t step, struct buf *ret, size_t *ret_used)
{
	struct http_head head = { .kind = bodies[i].kind, .length = bodies[i].length };
	size_t len = strlen(bodies[i].text), at = 0;
	struct http_body body;
	struct err err;
	int r = 0;

	http_body_begin(&body, &head);
	while (r == 0 && at < len) {
		size_t there = len - at < step ? len - at : step, used, piece_len;
		const char *piece;

		r = http_body_take(&body, bodies[i].text + at, there, &used, &piece,
			&piece_len, &err);
		if (r < 0)
			return r;
		buf_put(ret, piece, piece_len);
		at += used;
	}
	*ret_used = at;
	return r;
}

static void test_bodies(void **state)
{
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		for (size_t step = 1; step < 16; step++) {
			cleanup_buf struct buf got = BUF_INIT;
			size_t used;
			int r = read_body(i, step, &got, &used);

			if (!bodies[i].body) {
				assert_int_equal(r, -EPROTO);
				continue;
			}
			assert_int_equal(r, 1);
			assert_int_equal(buf_finish(&got), 0);
			assert_string_equal(got.data, bodies[i].body);
			assert_string_equal(bodies[i].text + used, bodies[i].rest);
		}
	}
}

/* ---- a connection ---- */

struct place {
	char dir[64], path[96];
	int listen_fd;
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	assert_non_null(place);
	*state = place;
	(void)snprintf(place->dir, sizeof(place->dir), "/tmp/ucr-http-XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	(void)snprintf(place->path, sizeof(place->path), "%s/socket", place->dir);
	memcpy(address.sun_path, place->path, strlen(place->path) + 1);
	place->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
		bind(place->listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(place->listen_fd, 1), 0);
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	(void)close(place->listen_fd);
	(void)unlink(place->path);
	(void)rmdir(place->dir);
	free(place);
	return 0;
}

/* The server's words are in the socket before they are read: no second process is needed. */
static struct http_client *connect_to(
	const struct place *place, const char *says, int *ret_server)
{
	struct http_client *client;
	struct err err;

	assert_int_equal(http_client_open(place->path, &client, &err), 0);
	*ret_server = accept(place->listen_fd, NULL, NULL);
	assert_true(*ret_server >= 0);
	assert_int_equal(write(*ret_server, says, strlen(says)), strlen(says));
	return client;
}

static void test_request(void **state)
{
	static const char wanted[] =
		"POST /api/v1 HTTP/1.1\r\nHost: agent\r\nContent-Type: text/plain\r\n"
		"Content-Length: 2\r\n\r\nhi";
	cleanup_http_client struct http_client *client = NULL;
	struct http_request request = { .method = "POST",
		.path = "/api/v1",
		.type = "text/plain",
		.body = "hi",
		.body_len = 2 };
	cleanup_buf struct buf body = BUF_INIT;
	cleanup_close int server = -1;
	struct http_head head;
	struct err err;
	char text[512];
	ssize_t n;

	client = connect_to(*state,
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
		"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
		&server);
	assert_int_equal(http_client_ask(client, &request, &err), 0);
	n = read(server, text, sizeof(text));
	assert_int_equal(n, sizeof(wanted) - 1);
	assert_memory_equal(text, wanted, sizeof(wanted) - 1);
	assert_int_equal(http_client_answer(client, &head, &err), 0);
	assert_int_equal(head.status, 200);
	assert_int_equal(http_client_read_all(client, 5, &body, &err), 0);
	assert_string_equal(body.data, "hello");
	assert_true(http_client_has_more(client));
	assert_int_equal(http_client_answer(client, &head, &err), 0);
	assert_int_equal(head.status, 404);
	assert_int_equal(http_client_read(client, text, sizeof(text), &err), 0);
}

static void test_streams(void **state)
{
	static const char wanted[] =
		"POST /x HTTP/1.1\r\nHost: agent\r\n"
		"Accept: application/recordio\r\nContent-Type: a/b\r\n"
		"Transfer-Encoding: chunked\r\n\r\n"
		"3\r\none\r\n0\r\n\r\n";
	cleanup_http_client struct http_client *client = NULL;
	struct http_request request = { .method = "POST",
		.path = "/x",
		.type = "a/b",
		.accept = "application/recordio" };
	cleanup_close int server = -1;
	struct http_head head;
	struct err err;
	char text[512];
	ssize_t n;

	client = connect_to(*state,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n",
		&server);
	assert_int_equal(http_client_ask(client, &request, &err), 0);
	assert_int_equal(http_client_send(client, "one", 3, &err), 0);
	assert_int_equal(http_client_send(client, NULL, 0, &err), 0);
	n = read(server, text, sizeof(text));
	assert_int_equal(n, sizeof(wanted) - 1);
	assert_memory_equal(text, wanted, sizeof(wanted) - 1);
	assert_int_equal(http_client_answer(client, &head, &err), 0);
	assert_int_equal(http_client_read(client, text, sizeof(text), &err), 3);
	assert_memory_equal(text, "two", 3);
	/* The server dies in the middle. */
	(void)close(take_fd(&server));
	assert_int_equal(http_client_read(client, text, sizeof(text), &err), -EPIPE);
}

static void test_taken_over(void **state)
{
	cleanup_http_client struct http_client *client = NULL;
	struct http_request request = { .method = "GET", .path = "/", .upgrade = "x" };
	cleanup_buf struct buf rest = BUF_INIT;
	cleanup_close int server = -1, fd = -1;
	struct http_head head;
	struct err err;

	client = connect_to(*state,
		"HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nfirst",
		&server);
	assert_int_equal(http_client_ask(client, &request, &err), 0);
	assert_int_equal(http_client_answer(client, &head, &err), 0);
	assert_int_equal(head.status, 101);
	fd = http_client_take_over(client, &rest);
	assert_true(fd >= 0);
	assert_int_equal(buf_finish(&rest), 0);
	assert_string_equal(rest.data, "first");
}

static void test_too_large(void **state)
{
	cleanup_http_client struct http_client *client = NULL;
	struct http_request request = { .method = "GET", .path = "/" };
	cleanup_buf struct buf body = BUF_INIT;
	cleanup_close int server = -1;
	struct http_head head;
	struct err err;

	client = connect_to(
		*state, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", &server);
	assert_int_equal(http_client_ask(client, &request, &err), 0);
	assert_int_equal(http_client_answer(client, &head, &err), 0);
	assert_int_equal(http_client_read_all(client, 4, &body, &err), -EFBIG);
}

static void test_nobody_there(void **state)
{
	struct place *place = *state;
	struct http_client *client;
	struct err err;

	(void)close(place->listen_fd);
	place->listen_fd = -1;
	assert_int_equal(http_client_open(place->path, &client, &err), -ECONNREFUSED);
	assert_non_null(strstr(err.text, place->path));
	assert_int_equal(unlink(place->path), 0);
	assert_int_equal(http_client_open(place->path, &client, &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_head_without_end),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test_setup_teardown(test_request, setup, teardown),
		cmocka_unit_test_setup_teardown(test_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(test_taken_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_there, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
