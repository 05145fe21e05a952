/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/api.h"

#include "agentd/api-calls.h"
#include "common/cleanup.h"

#include <errno.h>
#include <microhttpd.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define CONNECTIONS_MAX 2048
#define CONNECTION_BYTES 32768 /* for the headers of a request and what is to be sent */
#define IDLE_SECONDS 60
#define BODY_EXCESS_MAX (1U << 20) /* read to the end, so that the refusal arrives */

/* One request, from its headers until it is answered. */
struct request {
	struct api_server *server;
	struct request *next; /* of those that wait for the engine */
	struct MHD_Connection *connection;
	const struct route *route;
	struct buf body;
	size_t excess; /* bytes of the body that were dropped */
	uint64_t id;   /* of the call; 0: none waits */
	struct loop_source *hang_up;
	bool is_called;		       /* the engine was asked: never a second time */
	struct MHD_Response *response; /* when there is one, it is sent */
	unsigned int status;
};

struct api_server {
	struct loop *loop;
	struct loop_source *source, *timer;
	struct MHD_Daemon *daemon;
	struct request *waiting;
	uint32_t calls, calls_max;
	uint64_t last_id;
	int engine_fd;
	uid_t uid;
};

struct route {
	const char *path, *method;
	const char *op; /* what the engine is asked for; NULL: what the body says */
};

/* Clients of Mesos put the agent's name before the path. */
static const struct route routes[] = {
	{ "/api/v1", MHD_HTTP_METHOD_POST, NULL },
	{ "/slave(1)/api/v1", MHD_HTTP_METHOD_POST, NULL },
	{ "/health", MHD_HTTP_METHOD_GET, "health" },
	{ "/slave(1)/health", MHD_HTTP_METHOD_GET, "health" },
	{ "/metrics", MHD_HTTP_METHOD_GET, "metrics" },
};

/* ---- answers ---- */

static void set_response(struct request *request, unsigned int status,
	struct MHD_Response *response, const char *type)
{
	if (!response)
		return;
	if (type)
		(void)MHD_add_response_header(
			response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	(void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	(void)MHD_add_response_header(
		response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (request->response)
		MHD_destroy_response(request->response);
	request->response = response;
	request->status = status;
}

static void set_error(struct request *request, unsigned int status, const struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	agent_error_write(&w, err);
	if (buf_finish(&b) == 0)
		set_response(request, status,
			MHD_create_response_from_buffer(
				b.len, b.data, MHD_RESPMEM_MUST_COPY),
			AGENT_JSON);
}

static void refuse(struct request *request, unsigned int status, const char *text)
{
	struct err err = { 0 };

	(void)err_say(&err, EINVAL, "%s", text);
	set_error(request, status, &err);
}

/* MHD_NO where nothing could be made: the connection is closed then. */
static enum MHD_Result queue(struct request *request)
{
	return request->response ? MHD_queue_response(request->connection,
					   request->status, request->response)
				 : MHD_NO;
}

/* ---- calls ---- */

static void stop_waiting(struct request *request)
{
	struct request **at = &request->server->waiting;

	while (*at && *at != request)
		at = &(*at)->next;
	if (*at)
		*at = request->next;
	loop_remove(request->hang_up);
	request->hang_up = NULL;
	request->id = 0;
	request->server->calls--;
	MHD_resume_connection(request->connection);
}

static int run(struct api_server *server);

/* A suspended connection is not looked at by the library. */
static int on_hang_up(struct loop_source *source, uint32_t events, void *arg)
{
	struct request *request = arg;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	struct api_server *server = request->server;
	int r;

	jw_object(&w, NULL);
	jw_u64(&w, "id", request->id);
	jw_object_end(&w);
	r = buf_finish(&b);
	if (r == 0)
		r = ipc_send(server->engine_fd, AGENT_CANCEL, b.data, b.len, NULL, 0);
	stop_waiting(request);
	return r < 0 ? r : run(server);
}

static int connection_fd(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

static int send_call(struct request *request, struct agent_call *call)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	struct api_server *server = request->server;
	int r;

	call->id = ++server->last_id;
	agent_call_write(&w, call);
	r = buf_finish(&b);
	if (r == 0 && b.len > IPC_PAYLOAD_MAX)
		r = -E2BIG;
	if (r == 0)
		r = loop_add_fd(server->loop, connection_fd(request->connection),
			EPOLLRDHUP, on_hang_up, request, &request->hang_up);
	if (r == 0)
		r = ipc_send(server->engine_fd, AGENT_CALL, b.data, b.len, NULL, 0);
	if (r < 0) {
		loop_remove(request->hang_up);
		request->hang_up = NULL;
		return r;
	}
	request->is_called = true;
	request->id = call->id;
	request->next = server->waiting;
	server->waiting = request;
	server->calls++;
	MHD_suspend_connection(request->connection);
	return 0;
}

/* Two are of the request, and would be of something else in the engine. */
static unsigned int status_of(int r)
{
	if (r == -E2BIG)
		return MHD_HTTP_CONTENT_TOO_LARGE;
	return r == -ENOSYS ? MHD_HTTP_NOT_IMPLEMENTED : agent_error_status(r);
}

static void make_call(struct request *request)
{
	cleanup_agent_call struct agent_call call = { 0 };
	struct err err = { 0 };
	int r;

	if (request->excess) {
		refuse(request, MHD_HTTP_CONTENT_TOO_LARGE,
			"the request is larger than 48 KiB");
		return;
	}
	if (request->server->calls >= request->server->calls_max) {
		refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE,
			"too many calls are waiting already: try again");
		return;
	}
	if (request->route->op)
		r = str_set(&call.op, request->route->op);
	else
		r = api_call_parse(request->body.data ? request->body.data : "",
			request->body.len, &call, &err);
	if (r == 0)
		r = send_call(request, &call);
	if (r < 0 && !err.code)
		(void)err_set(&err, -r, "ask the engine");
	if (r < 0)
		set_error(request, status_of(r), &err);
}

/* ---- requests ---- */

static bool is_trusted(const struct request *request)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(connection_fd(request->connection), SOL_SOCKET, SO_PEERCRED,
		       &peer, &len) == 0 &&
	       (peer.uid == 0 || peer.uid == request->server->uid);
}

static const struct route *find_route(
	const char *path, const char *method, bool *ret_is_path)
{
	*ret_is_path = false;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!str_eq(routes[i].path, path))
			continue;
		*ret_is_path = true;
		if (str_eq(routes[i].method, method))
			return &routes[i];
	}
	return NULL;
}

/* "application/json", with parameters or without. */
static bool is_json(const char *type)
{
	const char *rest = str_skip_prefix(type, AGENT_JSON);

	return rest && (!*rest || *rest == ';' || *rest == ' ');
}

static void begin(struct request *request, const char *path, const char *method)
{
	const char *type;
	bool is_path;

	if (!is_trusted(request)) {
		refuse(request, MHD_HTTP_FORBIDDEN,
			"only root and the agent's own user may speak to it");
		return;
	}
	request->route = find_route(path, method, &is_path);
	if (!request->route) {
		refuse(request,
			is_path ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND,
			is_path ? "the path is not for this method"
				: "there is no such path");
		return;
	}
	if (request->route->op)
		return;
	type = MHD_lookup_connection_value(
		request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);
	if (!type)
		refuse(request, MHD_HTTP_BAD_REQUEST,
			"want the header Content-Type: " AGENT_JSON);
	else if (!is_json(type))
		refuse(request, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
			"want the Content-Type " AGENT_JSON);
}

/* Also of what is refused already: the answer would be lost where the client is still sending. */
static enum MHD_Result take_body(struct request *request, const char *data, size_t *size)
{
	size_t room = request->response ? 0 : AGENT_BODY_MAX - request->body.len;
	size_t len = *size < room ? *size : room;

	buf_put(&request->body, data, len);
	request->excess += *size - len;
	*size = 0;
	return request->excess > BODY_EXCESS_MAX ? MHD_NO : MHD_YES;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection,
	const char *path, const char *method, const char *version, const char *data,
	size_t *size, void **state)
{
	struct request *request = *state;

	if (!request) {
		request = calloc(1, sizeof(*request));
		if (!request)
			return MHD_NO;
		*state = request;
		request->server = arg;
		request->connection = connection;
		begin(request, path, method);
		return MHD_YES;
	}
	if (*size)
		return take_body(request, data, size);
	if (!request->response && !request->is_called)
		make_call(request);
	return request->id ? MHD_YES : queue(request);
}

static void on_end(void *arg, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code)
{
	struct request *request = *state;

	if (!request)
		return;
	if (request->response)
		MHD_destroy_response(request->response);
	buf_done(&request->body);
	free(request);
	*state = NULL;
}

/* ---- the engine's answers ---- */

struct answer {
	uint64_t id;
	uint32_t status;
	char *type;
};

static const struct json_field answer_fields[] = {
	{ "id", json_u64, offsetof(struct answer, id), true },
	{ "status", json_u32, offsetof(struct answer, status), true },
	{ "type", json_string, offsetof(struct answer, type) },
	{ 0 },
};

static void take_answer(
	struct request *request, const struct answer *answer, struct ipc_msg *msg)
{
	struct MHD_Response *response;
	struct stat st;

	if (msg->fd_count && fstat(msg->fds[0], &st) == 0)
		response = MHD_create_response_from_fd64(
			(uint64_t)st.st_size, take_fd(&msg->fds[0]));
	else
		response = MHD_create_response_from_buffer(
			0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
	set_response(request, answer->status, response, answer->type);
}

int api_server_answer(struct api_server *server, struct ipc_msg *msg, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	struct answer answer = { 0 };
	struct request *request = server->waiting;
	int r = msg->type == AGENT_ANSWER ? 0 : -EPROTO;

	if (r == 0)
		r = json_parse(msg->data, msg->len, &doc, err);
	if (r == 0)
		r = json_decode(json_root(doc), answer_fields, &answer, err);
	while (request && request->id != answer.id)
		request = request->next;
	if (r == 0 && request) {
		take_answer(request, &answer, msg);
		stop_waiting(request);
	}
	json_release(answer_fields, &answer);
	return r < 0 ? r : run(server);
}

/* ---- the server ---- */

static int on_timer(struct loop_source *source, uint32_t events, void *arg)
{
	return run(arg);
}

/* The library says when it wants to be called again, if nothing happens before. */
static int run(struct api_server *server)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_run(server->daemon) != MHD_YES)
		return -EIO;
	loop_remove(server->timer);
	server->timer = NULL;
	if (MHD_get_timeout(server->daemon, &ms) != MHD_YES)
		return 0;
	return loop_add_timer(server->loop, ms, 0, on_timer, server, &server->timer);
}

static int on_activity(struct loop_source *source, uint32_t events, void *arg)
{
	return run(arg);
}

static int start(struct api_server *server, int listen_fd, struct err *err)
{
	const union MHD_DaemonInfo *info;
	int r;

	server->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0,
		NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET, listen_fd,
		MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned int)IDLE_SECONDS, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_END);
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
		.loop = loop, .engine_fd = engine_fd, .calls_max = calls_max
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
		stop_waiting(server->waiting);
	loop_remove(server->source);
	loop_remove(server->timer);
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	free(server);
}
