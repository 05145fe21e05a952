/* SPDX-License-Identifier: Apache-2.0 */
/* A connection that goes on as a stream of bytes in both directions, as the Docker API has it. */
#include "agentd/api-flow.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define REST_MS 10000 /* how long a client that was told all may go on sending */

/* ---- from the client ---- */

static int send_in(struct api_flow *flow, const char *data, size_t len, size_t *ret)
{
	ssize_t n;

	*ret = 0;
	if (flow->kind == AGENT_FLOW_FRAMES) {
		if (len > ATTACH_DATA_MAX)
			len = ATTACH_DATA_MAX;
		*ret = len;
		return attach_send(flow->fd, ATTACH_STDIN, data, len);
	}
	n = send(flow->fd, data, len, MSG_NOSIGNAL);
	*ret = n < 0 ? 0 : (size_t)n;
	return n < 0 ? -errno : 0;
}

/* The client sends no more; it may still read. */
static int push_end(struct api_flow *flow)
{
	int r;

	if (flow->kind == AGENT_FLOW_FRAMES)
		r = attach_send(flow->fd, ATTACH_STDIN, NULL, 0);
	else
		r = shutdown(flow->fd, SHUT_WR) < 0 ? -errno : 0;
	if (r == 0)
		flow->is_end_due = false;
	return r;
}

static int push_bytes(struct api_flow *flow)
{
	size_t n;
	int r = 0;

	while (r == 0 && flow->in.len) {
		r = send_in(flow, flow->in.data, flow->in.len, &n);
		if (r == 0)
			buf_consume(&flow->in, n);
	}
	return r;
}

static int push_in(struct api_flow *flow)
{
	int r = flow->codec == &api_codec_frames ? api_frames_push(flow)
						 : push_bytes(flow);

	if (r == 0 && flow->is_end_due)
		r = push_end(flow);
	flow->is_full = r == -EAGAIN;
	if (!flow->in.len)
		buf_done(&flow->in);
	return flow->is_full ? 0 : r;
}

static int take_in(struct api_flow *flow)
{
	char *data = flow->server->frame.data;
	ssize_t n;
	int r = push_in(flow);

	if (r < 0 || flow->is_full || flow->has_in_ended)
		return r;
	n = recv(flow->socket_fd, data, ATTACH_DATA_MAX, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0) {
		flow->has_in_ended = true;
		/* Said by a frame, where it is. */
		flow->is_end_due =
			flow->codec != &api_codec_frames && !flow->is_read_only;
	}
	if (!flow->is_read_only)
		buf_put(&flow->in, data, (size_t)n);
	return flow->in.failed ? -ENOMEM : push_in(flow);
}

/* ---- to the client ---- */

static int push_out(struct api_flow *flow)
{
	ssize_t n;

	while (flow->out.len) {
		n = send(flow->socket_fd, flow->out.data, flow->out.len,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		buf_consume(&flow->out, (size_t)n);
	}
	buf_done(&flow->out);
	return 0;
}

static int take_out(struct api_flow *flow)
{
	int r = push_out(flow);

	if (r == 0 && !flow->out.len && api_flow_pull(flow))
		r = flow->out.failed ? -ENOMEM : push_out(flow);
	return r;
}

/* ---- both ---- */

static int on_either(struct loop_source *source, uint32_t events, void *arg);

static int watch(
	struct api_flow *flow, struct loop_source **source, int fd, uint32_t events)
{
	/* One that waits for nothing would be told of its hang-up for ever. */
	if (!events) {
		loop_remove(*source);
		*source = NULL;
		return 0;
	}
	if (*source)
		return loop_set_events(*source, events);
	return loop_add_fd(flow->server->loop, fd, events, on_either, flow, source);
}

/* What each waits for: the next piece where the last one has gone, else room for it. */
static int update(struct api_flow *flow)
{
	uint32_t source = (flow->out.len || flow->is_over ? 0U : EPOLLIN) |
			  (flow->is_full ? EPOLLOUT : 0U);
	uint32_t client = (flow->is_full || flow->has_in_ended ? 0U : EPOLLIN) |
			  (flow->out.len ? EPOLLOUT : 0U);
	int r = watch(flow, &flow->source, flow->fd, source);

	/* Of the client nothing but its hang-up ends the whole, and is told also with nothing. */
	if (r == 0 && flow->client)
		r = loop_set_events(flow->client, client);
	else if (r == 0)
		r = loop_add_fd(flow->server->loop, flow->socket_fd, client, on_either,
			flow, &flow->client);
	return r;
}

void api_upgrade_end(struct api_flow *flow)
{
	struct MHD_UpgradeResponseHandle *handle = flow->handle;

	if (!handle)
		return;
	flow->handle = NULL;
	loop_remove(flow->source);
	loop_remove(flow->client);
	flow->source = flow->client = NULL;
	(void)MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

/* ---- the end ---- */

static int on_rest(struct loop_source *source, uint32_t events, void *arg)
{
	struct api_flow *flow = arg;
	struct api_server *server = flow->server;
	bool is_late = source == flow->source;
	ssize_t n = is_late ? 0
			    : recv(flow->socket_fd, server->frame.data, ATTACH_DATA_MAX,
				      MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		api_upgrade_end(flow);
	return api_server_run(server);
}

/* A connection that is closed with something unread in it is reset, which a client takes for a
 * failure of the whole: what it still sends is dropped until it has seen the end. The shim does not
 * wait for that. */
static int drop_rest(struct api_flow *flow)
{
	struct loop *loop = flow->server->loop;
	int r;

	if (shutdown(flow->socket_fd, SHUT_WR) < 0)
		return -errno;
	loop_remove(flow->source);
	loop_remove(flow->client);
	flow->source = flow->client = NULL;
	(void)close(take_fd(&flow->fd));
	r = loop_add_timer(loop, REST_MS, 0, on_rest, flow, &flow->source);
	return r < 0 ? r
		     : loop_add_fd(loop, flow->socket_fd, EPOLLIN, on_rest, flow,
			       &flow->client);
}

static int pump(struct api_flow *flow)
{
	int r = take_in(flow);

	/* What goes in nowhere is lost; what still comes out is not. */
	if (r == -EPIPE || r == -ECONNRESET) {
		buf_done(&flow->in);
		flow->has_in_ended = true;
		flow->is_full = flow->is_end_due = false;
		r = 0;
	}
	if (r == 0)
		r = take_out(flow);
	if (r < 0)
		return r;
	if (!flow->is_over || flow->out.len)
		return update(flow);
	return flow->has_in_ended ? -EPIPE : drop_rest(flow);
}

static int on_either(struct loop_source *source, uint32_t events, void *arg)
{
	struct api_flow *flow = arg;
	struct api_server *server = flow->server;
	bool is_gone = source == flow->client && (events & (EPOLLHUP | EPOLLERR));

	if (is_gone && flow->codec == &api_codec_frames)
		api_frames_finish(flow);
	if (is_gone || pump(flow) < 0)
		api_upgrade_end(flow);
	return api_server_run(server);
}

static void on_upgrade(void *arg, struct MHD_Connection *connection, void *state,
	const char *extra, size_t extra_len, MHD_socket socket_fd,
	struct MHD_UpgradeResponseHandle *handle)
{
	struct api_flow *flow = arg;

	flow->handle = handle;
	flow->socket_fd = socket_fd;
	if (!flow->is_read_only)
		buf_put(&flow->in, extra, extra_len);
	if (flow->in.failed || pump(flow) < 0)
		api_upgrade_end(flow);
}

void api_upgrade_answer(struct api_request *request, struct api_flow *flow)
{
	struct MHD_Response *response = MHD_create_response_for_upgrade(on_upgrade, flow);

	/* There is no call back for a connection that ends before: the request frees it. */
	request->flow = flow;
	if (!response)
		return;
	(void)MHD_add_response_header(
		response, MHD_HTTP_HEADER_UPGRADE, request->upgrade);
	api_request_respond(request, MHD_HTTP_SWITCHING_PROTOCOLS, response,
		flow->codec == &api_codec_raw ? "application/vnd.docker.raw-stream"
					      : flow->codec->type);
}
