/* SPDX-License-Identifier: Apache-2.0 */
#include "common/http-client.h"

#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#define RECEIVED_MAX 65536
#define INTERIM_MAX 16 /* answers that only announce one */

struct http_client {
	int fd;
	struct http_body body;
	bool has_ended; /* the body */
	size_t at, len; /* of what was received and not yet looked at */
	char data[RECEIVED_MAX];
};

/* ---- the connection ---- */

/* A path may be longer than a socket's name can be: then it is gone to by a descriptor. */
static int make_address(
	const char *path, struct sockaddr_un *ret, int *ret_fd, struct err *err)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) < sizeof(ret->sun_path)) {
		memcpy(ret->sun_path, path, strlen(path) + 1);
		return 0;
	}
	*ret_fd = open(path, O_PATH | O_CLOEXEC);
	if (*ret_fd < 0)
		return err_set(err, errno, "open %s", path);
	(void)snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d", *ret_fd);
	return 0;
}

static int connect_path(const char *path, struct err *err)
{
	cleanup_close int path_fd = -1, fd = -1;
	struct sockaddr_un address;
	int r = make_address(path, &address, &path_fd, err);

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, errno, "make a socket");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set(err, errno, "connect to %s", path);
	return take_fd(&fd);
}

int http_client_open(const char *path, struct http_client **ret, struct err *err)
{
	struct http_client *client;
	int fd = connect_path(path, err);

	if (fd < 0)
		return fd;
	client = malloc(sizeof(*client));
	if (!client) {
		(void)close(fd);
		return err_oom(err);
	}
	client->fd = fd;
	client->at = client->len = 0;
	client->has_ended = true;
	*ret = client;
	return 0;
}

void http_client_free(struct http_client *client)
{
	if (!client)
		return;
	if (client->fd >= 0)
		(void)close(client->fd);
	free(client);
}

int http_client_fd(const struct http_client *client)
{
	return client->fd;
}

bool http_client_has_more(const struct http_client *client)
{
	return client->at < client->len;
}

int http_client_take_over(struct http_client *client, struct buf *ret)
{
	buf_put(ret, client->data + client->at, client->len - client->at);
	client->at = client->len = 0;
	return take_fd(&client->fd);
}

/* ---- what is sent ---- */

static int send_all(
	struct http_client *client, const char *data, size_t len, struct err *err)
{
	while (len > 0) {
		ssize_t n = send(client->fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, errno, "send the request");
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static void put_head(struct buf *b, const struct http_request *request)
{
	buf_printf(
		b, "%s %s HTTP/1.1\r\nHost: agent\r\n", request->method, request->path);
	if (request->accept)
		buf_printf(b, "Accept: %s\r\n", request->accept);
	if (request->upgrade)
		buf_printf(b, "Connection: Upgrade\r\nUpgrade: %s\r\n", request->upgrade);
	if (request->type)
		buf_printf(b, "Content-Type: %s\r\n", request->type);
	if (request->type && !request->body)
		buf_puts(b, "Transfer-Encoding: chunked\r\n");
	else if (request->type)
		buf_printf(b, "Content-Length: %zu\r\n", request->body_len);
	buf_puts(b, "\r\n");
}

int http_client_ask(
	struct http_client *client, const struct http_request *request, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;

	put_head(&b, request);
	if (request->body)
		buf_put(&b, request->body, request->body_len);
	if (buf_finish(&b) < 0)
		return err_oom(err);
	client->has_ended = false;
	return send_all(client, b.data, b.len, err);
}

int http_client_send(
	struct http_client *client, const void *data, size_t len, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;

	buf_printf(&b, "%zx\r\n", len);
	buf_put(&b, data, len);
	buf_puts(&b, "\r\n");
	if (buf_finish(&b) < 0)
		return err_oom(err);
	return send_all(client, b.data, b.len, err);
}

/* ---- what is received ---- */

/* More bytes behind those that are there: 1, or 0 where the server closed. */
static int receive(struct http_client *client, struct err *err)
{
	ssize_t n;

	if (client->at) {
		memmove(client->data, client->data + client->at,
			client->len - client->at);
		client->len -= client->at;
		client->at = 0;
	}
	do {
		n = recv(client->fd, client->data + client->len,
			sizeof(client->data) - client->len, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno != ECONNRESET)
		return err_set(err, errno, "receive the answer");
	if (n <= 0)
		return 0;
	client->len += (size_t)n;
	return 1;
}

static int receive_head(
	struct http_client *client, struct http_head *ret, struct err *err)
{
	size_t used;
	int r;

	for (;;) {
		r = http_head_parse(client->data + client->at, client->len - client->at,
			ret, &used, err);
		if (r != 0)
			break;
		r = receive(client, err);
		if (r == 0)
			return err_say(
				err, EPIPE, "the connection ended before an answer came");
		if (r < 0)
			return r;
	}
	if (r > 0)
		client->at += used;
	return r < 0 ? r : 0;
}

int http_client_answer(struct http_client *client, struct http_head *ret, struct err *err)
{
	for (unsigned int i = 0; i < INTERIM_MAX; i++) {
		int r = receive_head(client, ret, err);

		if (r < 0)
			return r;
		if (ret->status >= 200 || ret->status == 101) {
			http_body_begin(&client->body, ret);
			client->has_ended = ret->kind != HTTP_BODY_TO_END &&
					    http_body_may_end(&client->body);
			return 0;
		}
	}
	return err_say(err, EPROTO, "the answer is announced again and again");
}

static int say_cut(struct err *err)
{
	return err_say(err, EPIPE, "the connection ended in the middle of the answer");
}

ssize_t http_client_read(
	struct http_client *client, void *ret, size_t room, struct err *err)
{
	size_t used, len = 0;
	const char *piece;
	int r;

	while (!client->has_ended && !len) {
		size_t there = client->len - client->at;

		if (!there) {
			r = receive(client, err);
			if (r < 0)
				return r;
			client->has_ended = r == 0;
			if (r == 0 && !http_body_may_end(&client->body))
				return say_cut(err);
			continue;
		}
		r = http_body_take(&client->body, client->data + client->at,
			there < room ? there : room, &used, &piece, &len, err);
		if (r < 0)
			return r;
		client->at += used;
		client->has_ended = r > 0;
		memcpy(ret, piece, len);
	}
	return (ssize_t)len;
}

int http_client_read_all(
	struct http_client *client, size_t max, struct buf *ret, struct err *err)
{
	for (;;) {
		char *at = buf_room(ret, RECEIVED_MAX);
		ssize_t n;

		if (!at)
			return err_oom(err);
		n = http_client_read(client, at, RECEIVED_MAX, err);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return buf_finish(ret) < 0 ? err_oom(err) : 0;
		buf_add(ret, (size_t)n);
		if (ret->len > max)
			return err_say(
				err, EFBIG, "the answer is larger than %zu bytes", max);
	}
}
