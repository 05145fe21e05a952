/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/api-private.h"

#include "agentd/api-calls.h"

#include <errno.h>

/* Whose answers flow, and as what. */
static const struct {
	const char *op;
	const struct api_codec *codec;
} flows[] = {
	{ "attach", &api_codec_process_io },
};

/* A call of Mesos: what it is stands in the body. */
static int make_mesos_call(
	struct api_request *request, struct agent_call *call, struct err *err)
{
	const struct buf *body = &request->body;
	int r = api_call_parse(body->data ? body->data : "", body->len, call, err);

	for (size_t i = 0; r == 0 && i < sizeof(flows) / sizeof(flows[0]); i++) {
		if (str_eq(flows[i].op, call->op))
			request->codec = flows[i].codec;
	}
	if (r == 0)
		r = api_frames_choose(request, call, err);
	if (r == 0 && !request->input != !str_eq(call->op, "attach-input"))
		return err_say(err, EINVAL,
			"type: ATTACH_CONTAINER_INPUT, and nothing else, is sent as "
			"Content-Type: " AGENT_RECORDIO);
	return r;
}

/* Clients of Mesos put the agent's name before the path. */
static const struct api_route routes[] = {
	{ "/api/v1", MHD_HTTP_METHOD_POST, NULL, make_mesos_call, API_BODY_JSON },
	{ "/slave(1)/api/v1", MHD_HTTP_METHOD_POST, NULL, make_mesos_call,
		API_BODY_JSON },
	{ "/health", MHD_HTTP_METHOD_GET, "health" },
	{ "/slave(1)/health", MHD_HTTP_METHOD_GET, "health" },
	{ "/metrics", MHD_HTTP_METHOD_GET, "metrics" },
};

/* Whether the path has the route's form, and where its parts begin and end. */
static bool path_fits(const char *form, char *path, char *parts[API_PARTS_MAX],
	char *ends[API_PARTS_MAX])
{
	size_t count = 0;

	while (*form && *path) {
		if (*form != '*') {
			if (*form++ != *path++)
				return false;
			continue;
		}
		if (count == API_PARTS_MAX)
			return false;
		parts[count] = path;
		path += strcspn(path, "/");
		if (path == parts[count])
			return false;
		ends[count++] = path;
		form++;
	}
	return !*form && !*path;
}

const struct api_route *api_route_find(
	struct api_request *request, const char *method, bool *ret_is_path)
{
	*ret_is_path = false;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		char *ends[API_PARTS_MAX] = { NULL };

		if (!path_fits(routes[i].path, request->path, request->parts, ends))
			continue;
		*ret_is_path = true;
		if (!str_eq(routes[i].method, method))
			continue;
		for (size_t n = 0; n < API_PARTS_MAX && ends[n]; n++)
			*ends[n] = '\0';
		return &routes[i];
	}
	return NULL;
}
