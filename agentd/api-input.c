/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request's body that flows. What the receiver has no room for stays with the library, which then
 * reads no more from the client: at most one record of RecordIO is held here.
 */
#include "agentd/api-input.h"

#include "agentd/recordio.h"
#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

struct api_body {
	struct api_request *request;
	struct api_body *next, **at; /* of all */
	struct loop_source *source;  /* tells of room, and of the receiver's end */
	struct loop_source *client;  /* of a connection that waits for room */
	int fd;			     /* -1: the engine has not sent it yet */
	enum agent_flow kind;
	bool is_records, is_gone, is_ended;
	struct recordio_reader reader;
	struct api_input input; /* the last record's; what of it is not sent yet */
};

/* ---- the receiver ---- */

static int send_bytes(struct api_body *body, const char *data, size_t len, size_t *ret)
{
	ssize_t n;
	int r;

	if (body->kind == AGENT_FLOW_FRAMES) {
		len = len < ATTACH_DATA_MAX ? len : ATTACH_DATA_MAX;
		r = attach_send(body->fd, ATTACH_STDIN, data, len);
		*ret = r < 0 ? 0 : len;
		return r;
	}
	do {
		n = write(body->fd, data, len);
	} while (n < 0 && errno == EINTR);
	*ret = n < 0 ? 0 : (size_t)n;
	return n < 0 ? -errno : 0;
}

static int send_size(struct api_body *body)
{
	const struct attach_size size = { body->input.rows, body->input.columns };

	return body->kind == AGENT_FLOW_FRAMES
		       ? attach_send(body->fd, ATTACH_RESIZE, &size, sizeof(size))
		       : 0;
}

/* What the last record still holds. */
static int push_input(struct api_body *body)
{
	struct api_input *input = &body->input;
	size_t n;
	int r = 0;

	if (input->kind == API_INPUT_SIZE)
		r = send_size(body);
	/* Nothing is the end of the input, and is sent once. */
	while (r == 0 && input->kind == API_INPUT_DATA) {
		bool is_end = input->data.len == 0;

		r = send_bytes(body, input->data.data, input->data.len, &n);
		if (r < 0)
			break;
		buf_consume(&input->data, n);
		if (is_end || !input->data.len)
			input->kind = API_INPUT_NOTHING;
	}
	if (r == 0)
		api_input_done(input);
	return r;
}

/* A receiver that went while it was still to answer says so by its answer. One that went after
 * it is a container that has ended, of which a client that only sends must hear. */
static void on_gone(struct api_body *body)
{
	struct api_request *request = body->request;

	body->is_gone = true;
	if (!request->id)
		(void)shutdown(api_request_fd(request), SHUT_RDWR);
}

static void resume(struct api_body *body)
{
	loop_remove(body->client);
	body->client = NULL;
	api_request_resume(body->request);
}

static int on_receiver(struct loop_source *source, uint32_t events, void *arg)
{
	struct api_body *body = arg;
	struct api_server *server = body->request->server;

	if (events & (EPOLLHUP | EPOLLERR))
		on_gone(body);
	/* Until the answer nothing but the receiver is waited for here. */
	resume(body);
	return api_server_run(server);
}

static int on_client(struct loop_source *source, uint32_t events, void *arg)
{
	struct api_body *body = arg;
	struct api_server *server = body->request->server;

	body->is_gone = true;
	resume(body);
	return api_server_run(server);
}

/* Without EPOLLOUT it tells of its end alone. */
static int watch(struct api_body *body, uint32_t events)
{
	events |= EPOLLONESHOT;
	if (body->source)
		return loop_set_events(body->source, events);
	return loop_add_fd(body->request->server->loop, body->fd, events, on_receiver,
		body, &body->source);
}

/* The library does not look at a connection that waits. One that has ended its own direction may have
 * sent all that it has to say: only the end of both tells that nobody is there. */
static int watch_client(struct api_body *body)
{
	struct api_request *request = body->request;

	/* Until the answer the call watches it. */
	if (body->client || request->hang_up)
		return 0;
	return loop_add_fd(request->server->loop, api_request_fd(request), EPOLLONESHOT,
		on_client, body, &body->client);
}

static int wait_for_room(struct api_body *body)
{
	int r = watch(body, EPOLLOUT);

	if (r == 0)
		r = watch_client(body);
	if (r == 0)
		api_request_suspend(body->request);
	return r;
}

static struct api_body *body_new(struct api_request *request)
{
	struct api_server *server = request->server;
	struct api_body *body = calloc(1, sizeof(*body));

	if (!body)
		return NULL;
	body->request = request;
	body->fd = -1;
	body->next = server->bodies;
	body->at = &server->bodies;
	if (body->next)
		body->next->at = &body->next;
	server->bodies = body;
	request->input = body;
	return body;
}

void api_body_open(struct api_request *request, enum agent_flow kind, int fd)
{
	struct api_body *body = request->input;

	/* Bytes have waited for this. */
	if (!body)
		body = body_new(request);
	if (!body || kind >= AGENT_FLOW_FILE || fd_set_nonblock(fd, true) < 0) {
		api_body_free(take_ptr(request->input));
		(void)close(fd);
		return;
	}
	body->kind = kind;
	body->fd = fd;
	/* Somebody may think for as long as they like. */
	request->is_unlimited = true;
	(void)MHD_set_connection_option(
		request->connection, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
	if (watch(body, 0) < 0)
		body->is_gone = true;
	api_request_resume(request);
}

void api_body_free(struct api_body *body)
{
	if (!body)
		return;
	*body->at = body->next;
	if (body->next)
		body->next->at = body->at;
	loop_remove(body->source);
	loop_remove(body->client);
	if (body->fd >= 0)
		(void)close(body->fd);
	recordio_reader_done(&body->reader);
	api_input_done(&body->input);
	free(body);
}

void api_body_end_all(struct api_server *server)
{
	for (struct api_body *body = server->bodies; body; body = body->next) {
		body->is_gone = true;
		resume(body);
	}
}

/* ---- records ---- */

int api_body_begin_records(struct api_request *request)
{
	struct api_body *body = body_new(request);

	if (!body)
		return -ENOMEM;
	body->is_records = true;
	return 0;
}

/* The first record says what is wanted, all others what is for it. */
static int take_record(struct api_body *body, struct err *err)
{
	const struct buf *record = &body->reader.record;
	const char *text = record->len ? record->data : "";

	if (body->request->is_called)
		return api_input_parse(text, record->len, &body->input, err);
	if (record->len > AGENT_BODY_MAX)
		return err_say(err, E2BIG, API_TOO_LARGE);
	buf_put(&body->request->body, text, record->len);
	return 1;
}

/* Up to the end of a record. 1: the engine is to be asked. */
static int take_records(struct api_body *body, const char *data, size_t len,
	size_t *ret_taken, struct err *err)
{
	int r = recordio_read(&body->reader, data, len, ret_taken, err);

	return r > 0 ? take_record(body, err) : r;
}

/* ---- pieces of the body ---- */

/* 0: go on; 1: the engine is to be asked; -EAGAIN: there is no room. */
static int take_piece(struct api_body *body, const char *data, size_t len,
	size_t *ret_taken, struct err *err)
{
	int r = body->input.kind == API_INPUT_NOTHING ? 0 : push_input(body);

	*ret_taken = 0;
	if (r < 0)
		return r;
	return body->is_records ? take_records(body, data, len, ret_taken, err)
				: send_bytes(body, data, len, ret_taken);
}

int api_body_take(
	struct api_request *request, const char *data, size_t *size, struct err *err)
{
	struct api_body *body = request->input;
	size_t taken;
	int r = 0;

	while (r == 0 && !body->is_gone &&
		(*size || body->input.kind != API_INPUT_NOTHING)) {
		r = take_piece(body, data, *size, &taken, err);
		data += taken;
		*size -= taken;
	}
	if (body->is_gone)
		return -EPIPE;
	return r == -EAGAIN ? wait_for_room(body) : r;
}

int api_body_end(struct api_request *request)
{
	struct api_body *body = request->input;
	int r = 0;

	/* A record says that it is the last; a body of bytes just ends. */
	if (!body->is_records && !body->is_ended) {
		body->is_ended = true;
		body->input.kind = API_INPUT_DATA;
	}
	if (body->fd >= 0 && !body->is_gone && body->input.kind != API_INPUT_NOTHING)
		r = push_input(body);
	if (r == -EAGAIN && wait_for_room(body) == 0)
		return -EAGAIN;
	api_body_free(body);
	request->input = NULL;
	return 0;
}
