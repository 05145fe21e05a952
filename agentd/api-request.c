/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/api-flow.h"
#include "agentd/api-input.h"
#include "agentd/api-private.h"

#include "common/cleanup.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define BODY_EXCESS_MAX (1U << 20) /* read to the end, so that the refusal arrives */

/* ---- what it says ---- */

const char *api_request_argument(struct api_request *request, const char *name)
{
	return MHD_lookup_connection_value(
		request->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *api_request_header(struct api_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

int api_request_fd(struct api_request *request)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

/* ---- answers ---- */

void api_request_respond(struct api_request *request, unsigned int status,
	struct MHD_Response *response, const char *type)
{
	if (!response)
		return;
	if (type)
		(void)MHD_add_response_header(
			response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (request->method)
		api_docker_add_headers(response);
	(void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	(void)MHD_add_response_header(
		response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (request->response)
		MHD_destroy_response(request->response);
	request->response = response;
	request->status = status;
}

void api_request_fail(
	struct api_request *request, unsigned int status, const struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	agent_error_write(&w, err);
	if (buf_finish(&b) == 0)
		api_request_respond(request, status,
			MHD_create_response_from_buffer(
				b.len, b.data, MHD_RESPMEM_MUST_COPY),
			AGENT_JSON);
}

static void refuse(struct api_request *request, unsigned int status, const char *text)
{
	struct err err = { 0 };

	(void)err_say(&err, EINVAL, "%s", text);
	api_request_fail(request, status, &err);
}

/* MHD_NO where nothing could be made: the connection is closed then. */
static enum MHD_Result queue(struct api_request *request)
{
	return request->response ? MHD_queue_response(request->connection,
					   request->status, request->response)
				 : MHD_NO;
}

/* Three are of the request, and would be of something else in the engine. */
unsigned int api_request_status(int r)
{
	if (r == -E2BIG)
		return MHD_HTTP_CONTENT_TOO_LARGE;
	if (r == -EOPNOTSUPP)
		return MHD_HTTP_METHOD_NOT_ALLOWED;
	return r == -ENOSYS ? MHD_HTTP_NOT_IMPLEMENTED : agent_error_status(r);
}

/* ---- waiting ---- */

void api_request_suspend(struct api_request *request)
{
	if (!request->is_suspended)
		MHD_suspend_connection(request->connection);
	request->is_suspended = true;
}

void api_request_resume(struct api_request *request)
{
	if (request->is_suspended)
		MHD_resume_connection(request->connection);
	request->is_suspended = false;
}

void api_request_stop_waiting(struct api_request *request)
{
	struct api_request **at = &request->server->waiting;

	while (*at && *at != request)
		at = &(*at)->next;
	if (*at)
		*at = request->next;
	loop_remove(request->hang_up);
	request->hang_up = NULL;
	request->id = 0;
	request->server->calls--;
	api_request_resume(request);
}

static int send_cancel(struct api_request *request)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int r;

	jw_object(&w, NULL);
	jw_u64(&w, "id", request->id);
	jw_object_end(&w);
	r = buf_finish(&b);
	return r < 0 ? r
		     : ipc_send(request->server->engine_fd, AGENT_CANCEL, b.data, b.len,
			       NULL, 0);
}

/* A suspended connection is not looked at by the library. */
static int on_hang_up(struct loop_source *source, uint32_t events, void *arg)
{
	struct api_request *request = arg;
	struct api_server *server = request->server;
	int r = send_cancel(request);

	api_body_free(take_ptr(request->input));
	api_request_stop_waiting(request);
	return r < 0 ? r : api_server_run(server);
}

/* The body goes nowhere any more; where something is wrong with it, neither does the call. */
static void drop_input(struct api_request *request)
{
	api_body_free(take_ptr(request->input));
	if (request->id && request->response) {
		(void)!send_cancel(request);
		api_request_stop_waiting(request);
	}
}

int api_request_call(struct api_request *request, struct agent_call *call)
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
		r = loop_add_fd(server->loop, api_request_fd(request), EPOLLRDHUP,
			on_hang_up, request, &request->hang_up);
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
	api_request_suspend(request);
	return 0;
}

static int fill_call(
	struct api_request *request, struct agent_call *call, struct err *err)
{
	const struct api_route *route = request->route;
	int r = 0;

	if (route->op && str_set(&call->op, route->op) < 0)
		return err_oom(err);
	if (route->make)
		r = route->make(request, call, err);
	return r;
}

/* What came by a path or a header may be no UTF-8, of which JSON is made. */
static int check_text(const struct agent_call *call, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	cleanup_json struct json_doc *doc = NULL;

	agent_call_write(&w, call);
	if (buf_finish(&b) < 0)
		return err_oom(err);
	if (json_parse(b.data, b.len, &doc, NULL) < 0)
		return err_say(err, EINVAL, "the path, or what is after it, is no UTF-8");
	return 0;
}

static void make_call(struct api_request *request)
{
	cleanup_agent_call struct agent_call call = { 0 };
	struct err err = { 0 };
	int r;

	if (request->excess) {
		refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, API_TOO_LARGE);
		return;
	}
	if (request->server->calls >= request->server->calls_max) {
		refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE,
			"too many calls are waiting already: try again");
		return;
	}
	r = fill_call(request, &call, &err);
	if (r == 0 && request->route->body != API_BODY_JSON)
		r = check_text(&call, &err);
	if (r == 0)
		r = api_request_call(request, &call);
	if (r < 0 && !err.code)
		(void)err_set(&err, -r, "ask the engine");
	if (r < 0)
		api_request_fail(request, api_request_status(r), &err);
}

/* ---- from the headers on ---- */

static bool is_trusted(struct api_request *request)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(api_request_fd(request), SOL_SOCKET, SO_PEERCRED, &peer,
		       &len) == 0 &&
	       (peer.uid == 0 || peer.uid == request->server->uid);
}

/* "application/json", with parameters or without. */
static bool is_type(const char *type, const char *wanted)
{
	const char *rest = str_skip_prefix(type, wanted);

	return rest && (!*rest || *rest == ';' || *rest == ' ');
}

static void check_type(struct api_request *request)
{
	const char *type = api_request_header(request, MHD_HTTP_HEADER_CONTENT_TYPE);

	if (type && is_type(type, AGENT_RECORDIO)) {
		if (api_body_begin_records(request) < 0)
			refuse(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory");
		return;
	}
	if (!type)
		refuse(request, MHD_HTTP_BAD_REQUEST,
			"want the header Content-Type: " AGENT_JSON);
	else if (!is_type(type, AGENT_JSON))
		refuse(request, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
			"want the Content-Type " AGENT_JSON);
}

static void begin(struct api_request *request, const char *method)
{
	bool is_path;

	if (!request->server->is_given && !is_trusted(request)) {
		refuse(request, MHD_HTTP_FORBIDDEN,
			"only root and the agent's own user may speak to it");
		return;
	}
	request->route = api_route_find(request, method, &is_path);
	if (!request->route)
		refuse(request,
			is_path ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND,
			is_path ? "the path is not for this method"
				: "there is no such path");
	else if (request->route->body == API_BODY_JSON)
		check_type(request);
}

/* Also of what is refused already: the answer would be lost where the client is still sending. */
static enum MHD_Result keep_body(
	struct api_request *request, const char *data, size_t *size)
{
	size_t room = 0, len;

	if (!request->response && request->body.len < AGENT_BODY_MAX)
		room = AGENT_BODY_MAX - request->body.len;
	len = *size < room ? *size : room;
	buf_put(&request->body, data, len);
	request->excess += *size - len;
	*size = 0;
	return request->excess > BODY_EXCESS_MAX &&
			       !(request->route && request->route->body == API_BODY_FLOWS)
		       ? MHD_NO
		       : MHD_YES;
}

/* It goes on as far as there is room; what is wrong with it ends it. */
static enum MHD_Result flow_body(
	struct api_request *request, const char *data, size_t *size)
{
	struct err err = { 0 };
	int r = api_body_take(request, data, size, &err);

	if (r > 0)
		make_call(request);
	if (r < 0 && r != -EPIPE)
		api_request_fail(request, api_request_status(r), &err);
	if (r < 0 || (r > 0 && request->response))
		drop_input(request);
	return request->input ? MHD_YES : keep_body(request, data, size);
}

static enum MHD_Result take_body(
	struct api_request *request, const char *data, size_t *size)
{
	bool is_first = !request->is_called && !request->response &&
			request->route->body == API_BODY_FLOWS;

	/* The library goes on with the next chunk where it has that already. */
	if (request->is_suspended)
		return MHD_YES;
	if (is_first) {
		make_call(request);
		return MHD_YES;
	}
	return request->input ? flow_body(request, data, size)
			      : keep_body(request, data, size);
}

/* All of it is there. */
static enum MHD_Result finish(struct api_request *request)
{
	if (request->input && api_body_end(request) == -EAGAIN)
		return MHD_YES;
	if (!request->response && !request->is_called)
		make_call(request);
	if (!request->id)
		return queue(request);
	api_request_suspend(request);
	return MHD_YES;
}

static struct api_request *request_new(
	struct api_server *server, struct MHD_Connection *connection, const char *path)
{
	struct api_request *request = calloc(1, sizeof(*request));

	if (!request || str_set(&request->path, path) < 0) {
		free(request);
		return NULL;
	}
	request->server = server;
	request->connection = connection;
	request->state = (struct api_codec_state)API_CODEC_STATE;
	return request;
}

enum MHD_Result api_request_take(void *arg, struct MHD_Connection *connection,
	const char *path, const char *method, const char *version, const char *data,
	size_t *size, void **state)
{
	struct api_request *request = *state;

	if (!request) {
		request = request_new(arg, connection, path);
		if (!request)
			return MHD_NO;
		*state = request;
		begin(request, method);
		return MHD_YES;
	}
	return *size ? take_body(request, data, size) : finish(request);
}

void api_request_end(void *arg, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code)
{
	struct api_request *request = *state;

	if (!request)
		return;
	/* What waits for its next request may not take as long as a stream. */
	if (request->is_unlimited && code == MHD_REQUEST_TERMINATED_COMPLETED_OK)
		(void)MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT,
			(unsigned int)API_IDLE_SECONDS);
	if (request->id) {
		(void)!send_cancel(request);
		request->is_suspended = false;
		api_request_stop_waiting(request);
	}
	api_body_free(request->input);
	api_flow_free(request->flow);
	if (request->response)
		MHD_destroy_response(request->response);
	api_codec_state_done(&request->state);
	buf_done(&request->body);
	free(request->path);
	free(request);
	*state = NULL;
}
