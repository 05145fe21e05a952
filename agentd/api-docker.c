/* SPDX-License-Identifier: Apache-2.0 */
/* Docker's Engine API among the routes of ucr-api: agentd/docker-calls.h knows its paths. */
#include "agentd/api-private.h"

#include "agentd/docker-calls.h"
#include "common/cleanup.h"

#include <errno.h>

#define HEADER_LOGIN "X-Registry-Auth"

/* What clients look for in every answer: how to speak on, and with whom. */
static const struct {
	const char *name, *value;
} headers[] = {
	{ "Api-Version", DOCKER_API_VERSION },
	{ "Docker-Experimental", "false" },
	{ "Ostype", "linux" },
	{ "Server", "ucr/" PACKAGE_VERSION " (linux)" },
};

void api_docker_add_headers(struct MHD_Response *response)
{
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		(void)MHD_add_response_header(
			response, headers[i].name, headers[i].value);
}

static enum MHD_Result take_argument(
	void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
	return strv_take(arg, str_printf("%s=%s", key, value ? value : "")) < 0 ? MHD_NO
										: MHD_YES;
}

static int collect_query(struct api_request *request, strv *ret, struct err *err)
{
	int count = MHD_get_connection_values(
		request->connection, MHD_GET_ARGUMENT_KIND, NULL, NULL);

	return MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND,
		       take_argument, ret) == count
		       ? 0
		       : err_oom(err);
}

/* Before a client's connection becomes the container's own streams it asks for that. */
static void choose_form(struct api_request *request, const struct agent_call *call)
{
	const char *upgrade = api_request_header(request, MHD_HTTP_HEADER_UPGRADE);

	/* A process that is executed has the streams that were asked for before. */
	if (!call->docker.exec) {
		request->state.has_stdout = call->docker.has_stdout;
		request->state.has_stderr = call->docker.has_stderr;
		request->is_read_only = !call->docker.has_stdin;
	}
	if (upgrade && str_eq(upgrade, "tcp"))
		request->upgrade = "tcp";
}

static int make(struct api_request *request, struct agent_call *call, struct err *err)
{
	cleanup_strv strv query = NULL;
	const struct docker_route *route = NULL;
	struct docker_request said = {
		.method = request->method,
		.path = request->path,
		.login = api_request_header(request, HEADER_LOGIN),
		.body = request->body.data ? request->body.data : "",
		.body_len = request->body.len,
	};
	int r = docker_route_find(request->method, request->path, &route, err);

	if (r == 0)
		r = collect_query(request, &query, err);
	if (r < 0)
		return r;
	said.query = query;
	r = docker_call_parse(route, &said, call, err);
	if (r == 0 && docker_route_gives_streams(route))
		choose_form(request, call);
	return r;
}

static const struct api_route whole = { .make = make, .body = API_BODY_WHOLE };
static const struct api_route flowing = { .make = make, .body = API_BODY_FLOWS };

/* What is wrong with the path is said when the body has come. */
const struct api_route *api_docker_route(struct api_request *request, const char *method)
{
	const struct docker_route *route;

	if (!docker_is_path(request->path))
		return NULL;
	request->method = method;
	return docker_route_find(method, request->path, &route, NULL) == 0 &&
			       docker_route_takes_stream(route)
		       ? &flowing
		       : &whole;
}
