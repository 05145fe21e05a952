/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/api-private.h"

#include "agentd/api-calls.h"
#include "common/timestamp.h"

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
	/* A session is a launch whose answer is what the container says. */
	if (r == 0 && call->run.is_session && str_eq(call->op, "launch"))
		request->codec = &api_codec_process_io;
	if (r == 0)
		r = api_frames_choose(request, call, err);
	if (r == 0 && !request->input != !str_eq(call->op, "attach-input"))
		return err_say(err, EINVAL,
			"type: ATTACH_CONTAINER_INPUT, and nothing else, is sent as "
			"Content-Type: " AGENT_RECORDIO);
	return r;
}

/* ---- what a GET says ---- */

static int read_flag(
	struct api_request *request, const char *name, bool *ret, struct err *err)
{
	const char *text = api_request_argument(request, name);

	if (!text)
		return 0;
	if (str_eq(text, "1") || str_eq(text, "true") || !*text)
		*ret = true;
	else if (str_eq(text, "0") || str_eq(text, "false"))
		*ret = false;
	else
		return err_say(err, EINVAL, "%s: want true or false", name);
	return 0;
}

static int read_u64(
	struct api_request *request, const char *name, uint64_t *ret, struct err *err)
{
	const char *text = api_request_argument(request, name);

	return !text || str_to_u64(text, ret) == 0
		       ? 0
		       : err_say(err, EINVAL, "%s: want a number", name);
}

/* Seconds since the epoch, or a time as people write it. */
static int read_moment(
	struct api_request *request, const char *name, int64_t *ret, struct err *err)
{
	const char *text = api_request_argument(request, name);
	uint64_t seconds;

	if (!text || timestamp_parse(text, ret) == 0)
		return 0;
	if (str_to_u64(text, &seconds) < 0 || seconds > INT64_MAX / TIMESTAMP_SECOND)
		return err_say(err, EINVAL,
			"%s: want seconds since 1970, or a time as 2026-01-31T08:00:00Z",
			name);
	*ret = (int64_t)seconds * TIMESTAMP_SECOND;
	return 0;
}

/* GET /containers/NAME/logs */
static int make_logs(
	struct api_request *request, struct agent_call *call, struct err *err)
{
	struct api_codec_state *state = &request->state;
	const char *tail = api_request_argument(request, "tail");
	bool is_chosen = api_request_argument(request, "stdout") ||
			 api_request_argument(request, "stderr");
	int r;

	request->codec = &api_codec_text;
	state->is_log = true;
	state->has_stdout = state->has_stderr = !is_chosen;
	r = read_flag(request, "follow", &call->log.is_followed, err);
	if (r == 0)
		r = read_flag(request, "stdout", &state->has_stdout, err);
	if (r == 0)
		r = read_flag(request, "stderr", &state->has_stderr, err);
	if (r == 0)
		r = read_flag(request, "timestamps", &state->has_times, err);
	if (r == 0)
		r = read_moment(request, "since", &call->log.since, err);
	if (r == 0)
		r = read_moment(request, "until", &call->log.until, err);
	if (r == 0 && (str_set(&call->container, request->parts[0]) < 0 ||
			      (tail && !str_eq(tail, "all") &&
				      str_set(&call->log.tail, tail) < 0)))
		r = err_oom(err);
	return r == 0 ? agent_call_check(call, err) : r;
}

/* GET /events. A client that was cut off says by itself what it has seen last. */
static int make_events(
	struct api_request *request, struct agent_call *call, struct err *err)
{
	const char *last = api_request_header(request, "Last-Event-ID");
	int r = 0;

	request->codec = &api_codec_sse;
	call->log.is_followed = true;
	call->has_events_after = last || api_request_argument(request, "since");
	if (last && str_to_u64(last, &call->events_after) < 0)
		return err_say(err, EINVAL, "Last-Event-ID: want the id of an event");
	if (!last)
		r = read_u64(request, "since", &call->events_after, err);
	return r;
}

/* GET /files/browse, /files/download */
static int make_file(
	struct api_request *request, struct agent_call *call, struct err *err)
{
	const char *path = api_request_argument(request, "path");

	call->file.is_list = true;
	if (path && str_set(&call->file.path, path) < 0)
		return err_oom(err);
	return agent_call_check(call, err);
}

/* POST /images/archive */
static int make_load(
	struct api_request *request, struct agent_call *call, struct err *err)
{
	const char *reference = api_request_argument(request, "reference");

	if (str_set(&call->image, reference ? reference : "-") < 0)
		return err_oom(err);
	return agent_call_check(call, err);
}

/* Clients of Mesos put the agent's name before the path. */
static const struct api_route routes[] = {
	{ "/api/v1", MHD_HTTP_METHOD_POST, NULL, make_mesos_call, API_BODY_JSON },
	{ "/slave(1)/api/v1", MHD_HTTP_METHOD_POST, NULL, make_mesos_call,
		API_BODY_JSON },
	{ "/health", MHD_HTTP_METHOD_GET, "health" },
	{ "/slave(1)/health", MHD_HTTP_METHOD_GET, "health" },
	{ "/containers/*/logs", MHD_HTTP_METHOD_GET, "logs", make_logs },
	{ "/events", MHD_HTTP_METHOD_GET, "events", make_events },
	{ "/files/browse", MHD_HTTP_METHOD_GET, "list-files", make_file },
	{ "/slave(1)/files/browse", MHD_HTTP_METHOD_GET, "list-files", make_file },
	{ "/files/download", MHD_HTTP_METHOD_GET, "download", make_file },
	{ "/slave(1)/files/download", MHD_HTTP_METHOD_GET, "download", make_file },
	{ "/images/archive", MHD_HTTP_METHOD_POST, "load-image", make_load,
		API_BODY_FLOWS },
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
	return *ret_is_path ? NULL : api_docker_route(request, method);
}
