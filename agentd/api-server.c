/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/api-flow.h"
#include "agentd/api-input.h"

#include "common/cleanup.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define CONNECTIONS_MAX 6000
#define GIVEN_MAX 256 /* from one container */
#define IDLE_MS 10000
#define CONNECTION_BYTES 32768 /* for the headers of a request and what is to be sent */

/* ---- the engine's answers ---- */

struct answer {
	uint64_t id;
	uint32_t status, flow;
	char *type;
};

static const struct json_field answer_fields[] = {
	{ "id", json_u64, offsetof(struct answer, id), true },
	{ "status", json_u32, offsetof(struct answer, status), true },
	{ "type", json_string, offsetof(struct answer, type) },
	{ "flow", json_u32, offsetof(struct answer, flow) },
	{ 0 },
};

static const struct json_field input_fields[] = {
	{ "id", json_u64, offsetof(struct answer, id), true },
	{ "flow", json_u32, offsetof(struct answer, flow), true },
	{ 0 },
};

static void take_whole(
	struct api_request *request, const struct answer *answer, struct ipc_msg *msg)
{
	struct MHD_Response *response;
	struct stat st;

	if (msg->fd_count && fstat(msg->fds[0], &st) == 0)
		response = MHD_create_response_from_fd64(
			(uint64_t)st.st_size, take_fd(&msg->fds[0]));
	else
		response = MHD_create_response_from_buffer(
			0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
	api_request_respond(request, answer->status, response, answer->type);
}

/* Of a call that failed the body goes nowhere any more. */
static void take_answer(
	struct api_request *request, const struct answer *answer, struct ipc_msg *msg)
{
	if (answer->status >= MHD_HTTP_BAD_REQUEST)
		api_body_free(take_ptr(request->input));
	if (answer->flow != AGENT_FLOW_NONE && msg->fd_count)
		api_flow_answer(request, answer->status, answer->type,
			(enum agent_flow)answer->flow, take_fd(&msg->fds[0]),
			msg->fd_count > 1 ? msg->fds[1] : -1);
	else
		take_whole(request, answer, msg);
	api_request_stop_waiting(request);
}

/* Where the body goes; the call still waits. */
static void take_input(
	struct api_request *request, const struct answer *answer, struct ipc_msg *msg)
{
	if (msg->fd_count)
		api_body_open(
			request, (enum agent_flow)answer->flow, take_fd(&msg->fds[0]));
}

static const struct {
	uint32_t type;
	const struct json_field *fields;
	void (*take)(struct api_request *request, const struct answer *answer,
		struct ipc_msg *msg);
} messages[] = {
	{ AGENT_ANSWER, answer_fields, take_answer },
	{ AGENT_INPUT, input_fields, take_input },
};

int api_server_answer(struct api_server *server, struct ipc_msg *msg, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	struct answer answer = { 0 };
	struct api_request *request = server->waiting;
	size_t kind = 0;
	int r;

	while (kind < sizeof(messages) / sizeof(messages[0]) &&
		messages[kind].type != msg->type)
		kind++;
	if (kind == sizeof(messages) / sizeof(messages[0]))
		return -EPROTO;
	r = json_parse(msg->data, msg->len, &doc, err);
	if (r == 0)
		r = json_decode(json_root(doc), messages[kind].fields, &answer, err);
	while (request && request->id != answer.id)
		request = request->next;
	if (r == 0 && request)
		messages[kind].take(request, &answer, msg);
	json_release(answer_fields, &answer);
	return r < 0 ? r : api_server_run(server);
}

/* ---- the server ---- */

static int on_timer(struct loop_source *source, uint32_t events, void *arg)
{
	return api_server_run(arg);
}

static int send_taken(const struct api_server *server, bool is_idle)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int r;

	jw_object(&w, NULL);
	jw_u64(&w, "connections", server->given);
	jw_bool(&w, "is_idle", is_idle);
	jw_object_end(&w);
	r = buf_finish(&b);
	return r < 0 ? r
		     : ipc_send(server->engine_fd, AGENT_TAKEN, b.data, b.len, NULL, 0);
}

static int on_idle(struct loop_source *source, uint32_t events, void *arg)
{
	struct api_server *server = arg;

	loop_remove(server->idle);
	server->idle = NULL;
	return send_taken(server, true);
}

/* Without connections for a while there is no need for this process. */
static int watch_idle(struct api_server *server)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
	bool is_idle = info && !info->num_connections;

	if (!server->is_given || is_idle == (server->idle != NULL))
		return 0;
	loop_remove(server->idle);
	server->idle = NULL;
	return is_idle ? loop_add_timer(
				 server->loop, IDLE_MS, 0, on_idle, server, &server->idle)
		       : 0;
}

int api_server_take(struct api_server *server, struct ipc_msg *msg)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int r;

	if (msg->fd_count != 1)
		return -EPROTO;
	server->given++;
	/* One too many is closed. */
	(void)MHD_add_connection(server->daemon, take_fd(&msg->fds[0]),
		(struct sockaddr *)&address, sizeof(address.sun_family));
	r = send_taken(server, false);
	return r < 0 ? r : api_server_run(server);
}

/* The library says when it wants to be called again, if nothing happens before. */
int api_server_run(struct api_server *server)
{
	MHD_UNSIGNED_LONG_LONG ms;
	int r;

	if (MHD_run(server->daemon) != MHD_YES)
		return -EIO;
	r = watch_idle(server);
	if (r < 0)
		return r;
	loop_remove(server->timer);
	server->timer = NULL;
	if (MHD_get_timeout(server->daemon, &ms) != MHD_YES)
		return 0;
	return loop_add_timer(server->loop, ms, 0, on_timer, server, &server->timer);
}

static int on_activity(struct loop_source *source, uint32_t events, void *arg)
{
	return api_server_run(arg);
}

static int start(struct api_server *server, int listen_fd, struct err *err)
{
	struct MHD_OptionItem socket_option[] = {
		{ listen_fd < 0 ? MHD_OPTION_END : MHD_OPTION_LISTEN_SOCKET, listen_fd,
			NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	const union MHD_DaemonInfo *info;
	int r;

	/* The library refuses even -1 where there shall be none. */
	server->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE |
			(listen_fd < 0 ? MHD_USE_NO_LISTEN_SOCKET : 0),
		0, NULL, NULL, api_request_take, server, MHD_OPTION_ARRAY, socket_option,
		MHD_OPTION_NOTIFY_COMPLETED, api_request_end, NULL,
		MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)(listen_fd < 0 ? GIVEN_MAX : CONNECTIONS_MAX),
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)API_IDLE_SECONDS,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (!server->daemon)
		return err_set(err, errno, "start the HTTP server");
	info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return err_say(err, EIO, "the HTTP server has no descriptor to wait for");
	r = loop_add_fd(server->loop, info->epoll_fd, EPOLLIN, on_activity, server,
		&server->source);
	return r < 0 ? err_set(err, -r, "wait for the HTTP server") : 0;
}

int api_server_new(struct loop *loop, int engine_fd, int listen_fd, uint32_t calls_max,
	struct api_server **ret, struct err *err)
{
	struct api_server *server = calloc(1, sizeof(*server));
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int r;

	if (!server)
		return err_oom(err);
	*server = (struct api_server){
		.loop = loop,
		.engine_fd = engine_fd,
		.calls_max = calls_max,
		.is_given = listen_fd < 0,
	};
	if (getsockopt(engine_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
		server->uid = peer.uid;
	r = start(server, listen_fd, err);
	if (r < 0)
		api_server_free(server);
	else
		*ret = server;
	return r;
}

void api_server_free(struct api_server *server)
{
	if (!server)
		return;
	while (server->waiting)
		api_request_stop_waiting(server->waiting);
	api_body_end_all(server);
	api_flow_end_all(server);
	loop_remove(server->source);
	loop_remove(server->timer);
	loop_remove(server->idle);
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	free(server);
}
