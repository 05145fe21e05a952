/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/api-flow.h"

#include "agentd/api-file.h"
#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#define BLOCK_BYTES 16384

/* ---- reading ---- */

static void put(struct api_flow *flow, enum api_piece piece, const char *data, size_t len)
{
	if (flow->state.is_log && piece == API_STDOUT)
		api_log_put(&flow->state, flow->codec, data, len, &flow->out);
	else
		flow->codec->put(&flow->state, piece, data, len, &flow->out);
}

static void take_frame(struct api_flow *flow, size_t len)
{
	static const enum api_piece pieces[ATTACH_TYPE_COUNT] = {
		[ATTACH_STDOUT] = API_STDOUT,
		[ATTACH_STDERR] = API_STDERR,
		[ATTACH_DROPPED] = API_DROPPED,
		[ATTACH_EXIT] = API_EXIT,
	};
	const struct attach_frame *frame = &flow->server->frame;

	put(flow, pieces[frame->type], frame->data, len);
	flow->is_over = flow->is_over || frame->type == ATTACH_EXIT;
}

static int read_once(struct api_flow *flow)
{
	struct attach_frame *frame = &flow->server->frame;
	size_t len;
	ssize_t n;
	int r;

	if (flow->kind == AGENT_FLOW_FRAMES) {
		r = attach_recv(flow->fd, frame, &len);
		if (r > 0)
			take_frame(flow, len);
		return r;
	}
	do {
		n = read(flow->fd, frame->data, sizeof(frame->data));
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		put(flow, API_STDOUT, frame->data, (size_t)n);
	return n < 0 ? -errno : n > 0;
}

bool api_flow_pull(struct api_flow *flow)
{
	int r;

	if (flow->is_over)
		return false;
	r = read_once(flow);
	if (r == -EAGAIN)
		return false;
	flow->is_quiet = false;
	if (r <= 0)
		flow->is_over = true;
	if (flow->is_over)
		put(flow, API_END, NULL, 0);
	return true;
}

/* ---- for the library ---- */

static void resume(struct api_flow *flow)
{
	if (flow->is_suspended)
		MHD_resume_connection(flow->connection);
	flow->is_suspended = false;
}

static int on_source(struct loop_source *source, uint32_t events, void *arg)
{
	struct api_flow *flow = arg;

	resume(flow);
	return api_server_run(flow->server);
}

static int on_client(struct loop_source *source, uint32_t events, void *arg)
{
	struct api_flow *flow = arg;

	flow->is_gone = true;
	resume(flow);
	return api_server_run(flow->server);
}

/* Each tells once: a hang-up would be told for ever. */
static int watch(struct api_flow *flow, struct loop_source **source, int fd,
	uint32_t events, loop_fn fn)
{
	events |= EPOLLONESHOT;
	if (*source)
		return loop_set_events(*source, events);
	return loop_add_fd(flow->server->loop, fd, events, fn, flow, source);
}

static int sleep_until_more(struct api_flow *flow)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		flow->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	int r = watch(flow, &flow->source, flow->fd, EPOLLIN, on_source);

	if (r == 0)
		r = watch(flow, &flow->client, info->connect_fd, EPOLLRDHUP, on_client);
	if (r < 0)
		return r;
	flow->is_suspended = true;
	MHD_suspend_connection(flow->connection);
	return 0;
}

static ssize_t read_flow(void *arg, uint64_t at, char *data, size_t max)
{
	struct api_flow *flow = arg;
	size_t len;

	while (!flow->out.len && api_flow_pull(flow))
		;
	if (flow->is_gone || flow->out.failed)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (!flow->out.len && flow->is_over)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (!flow->out.len)
		return sleep_until_more(flow) < 0 ? MHD_CONTENT_READER_END_WITH_ERROR : 0;
	len = flow->out.len < max ? flow->out.len : max;
	memcpy(data, flow->out.data, len);
	buf_consume(&flow->out, len);
	if (!flow->out.len)
		buf_done(&flow->out);
	return (ssize_t)len;
}

/* ---- ticks ---- */

static int on_ticks(struct loop_source *source, uint32_t events, void *arg)
{
	struct api_server *server = arg;

	for (struct api_flow *flow = server->flows; flow; flow = flow->next) {
		if (!flow->codec->has_ticks)
			continue;
		if (flow->is_quiet && flow->is_suspended) {
			put(flow, API_TICK, NULL, 0);
			resume(flow);
		}
		flow->is_quiet = true;
	}
	return api_server_run(server);
}

static int start_ticks(struct api_server *server)
{
	if (server->ticks)
		return 0;
	return loop_add_timer(
		server->loop, API_TICK_MS, API_TICK_MS, on_ticks, server, &server->ticks);
}

/* ---- life ---- */

static void link_flow(struct api_flow *flow)
{
	flow->next = flow->server->flows;
	flow->at = &flow->server->flows;
	if (flow->next)
		flow->next->at = &flow->next;
	flow->server->flows = flow;
}

void api_flow_free(struct api_flow *flow)
{
	if (!flow)
		return;
	*flow->at = flow->next;
	if (flow->next)
		flow->next->at = flow->at;
	loop_remove(flow->source);
	loop_remove(flow->client);
	if (!flow->server->flows) {
		loop_remove(flow->server->ticks);
		flow->server->ticks = NULL;
	}
	if (flow->fd >= 0)
		(void)close(flow->fd);
	api_codec_state_done(&flow->state);
	buf_done(&flow->out);
	buf_done(&flow->in);
	free(flow);
}

static void free_flow(void *arg)
{
	api_flow_free(arg);
}

void api_flow_end_all(struct api_server *server)
{
	struct api_flow *next;

	for (struct api_flow *flow = server->flows; flow; flow = next) {
		next = flow->next;
		flow->is_gone = true;
		if (flow->handle)
			api_upgrade_end(flow);
		else
			resume(flow);
	}
}

/* The engine may know better than the request what comes. */
static const struct api_codec *codec_of(
	const struct api_request *request, enum agent_flow kind, const char *type)
{
	if (kind == AGENT_FLOW_FRAMES && type && str_eq(type, api_codec_docker.type))
		return &api_codec_docker;
	return request->codec ? request->codec : &api_codec_raw;
}

static struct api_flow *flow_new(
	struct api_request *request, const char *type, enum agent_flow kind, int fd)
{
	struct api_flow *flow = calloc(1, sizeof(*flow));

	if (!flow || fd_set_nonblock(fd, true) < 0) {
		free(flow);
		(void)close(fd);
		return NULL;
	}
	flow->server = request->server;
	flow->connection = request->connection;
	flow->codec = codec_of(request, kind, type);
	flow->state = request->state;
	request->state = (struct api_codec_state)API_CODEC_STATE;
	flow->is_read_only = request->is_read_only;
	flow->kind = kind;
	flow->fd = fd;
	flow->socket_fd = -1;
	link_flow(flow);
	return flow;
}

static void respond(struct api_request *request, unsigned int status, const char *type,
	struct api_flow *flow)
{
	const struct api_codec *codec = flow->codec;
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_flow, flow, free_flow);

	if (!response) {
		api_flow_free(flow);
		return;
	}
	if (codec->message)
		(void)MHD_add_response_header(
			response, "Message-Content-Type", codec->message);
	/* A client may think for as long as it likes before it reads on. */
	request->is_unlimited = true;
	(void)MHD_set_connection_option(
		request->connection, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
	api_request_respond(
		request, status, response, type && !request->codec ? type : codec->type);
}

void api_flow_answer(struct api_request *request, unsigned int status, const char *type,
	enum agent_flow kind, int fd, int hello_fd)
{
	struct api_flow *flow;

	if (kind == AGENT_FLOW_FILE) {
		api_file_answer(request, type, fd);
		return;
	}
	flow = flow_new(request, type, kind, fd);
	if (!flow)
		return;
	if (flow->codec == &api_codec_frames)
		api_frames_hello(flow, hello_fd);
	if (flow->codec->has_ticks && start_ticks(request->server) < 0)
		api_flow_free(flow);
	else if (request->upgrade)
		api_upgrade_answer(request, flow);
	else
		respond(request, status, type, flow);
}
