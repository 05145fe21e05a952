/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/docker-calls.h"

#include "agentd/docker-body.h"
#include "agentd/docker-query.h"
#include "common/cleanup.h"

#include <errno.h>
#include <stdio.h>

#define AT(member) offsetof(struct agent_call, member)

struct docker_route {
	const char *method;
	/* "*" is one piece, or, before a last piece of its own, as many as there are; it is
	 * written to `subject`. */
	const char *pattern;
	size_t subject;
	const char *op;
	const struct query_field *query;
	int (*body)(const struct json *root, struct agent_call *call, struct err *err);
	bool gives_streams, takes_stream; /* of its answer; of its body */
};

/* ---- queries ---- */

static int decode_grace(const char *text, void *out, struct err *err)
{
	struct agent_call *call = out;
	int64_t seconds = 0;
	bool is_negative = *text == '-';

	if (!*text)
		return 0;
	if (str_to_i64(text + is_negative, &seconds) < 0 || seconds > INT32_MAX)
		return err_say(err, EINVAL, "want seconds, not \"%.40s\"", text);
	call->docker.grace_s = (int32_t)(is_negative ? -seconds : seconds);
	call->docker.has_grace = true;
	return 0;
}

static int decode_tail(const char *text, void *out, struct err *err)
{
	struct agent_call *call = out;

	if (!*text || str_eq(text, "all"))
		return 0;
	call->docker.has_tail = true;
	return query_u32(text, &call->docker.tail, err);
}

/* docker sends -1 for all. */
static int decode_limit(const char *text, void *out, struct err *err)
{
	return *text == '-' ? 0 : query_u32(text, out, err);
}

static int decode_logs(const char *text, void *out, struct err *err)
{
	bool is_wanted = false;
	int r = query_bool(text, &is_wanted, err);

	if (r == 0 && is_wanted)
		r = err_say(err, EINVAL,
			"who attaches is told what comes from then on; what was before is at /containers/NAME/logs");
	return r;
}

static int decode_stream(const char *text, void *out, struct err *err)
{
	bool is_wanted = false;
	int r = query_bool(text, &is_wanted, err);

	if (r == 0 && !is_wanted)
		r = err_say(err, EINVAL,
			"there is nothing to attach to without stream=1; what was said is at /containers/NAME/logs");
	return r;
}

/* On and on unless it says otherwise; otherwise the second of two samples. */
static int decode_following(const char *text, void *out, struct err *err)
{
	struct agent_call *call = out;
	bool is_on = true;
	int r = *text ? query_bool(text, &is_on, err) : 0;

	call->docker.limit = is_on ? 0 : 2;
	return r;
}

/* The first. */
static int decode_one_shot(const char *text, void *out, struct err *err)
{
	struct agent_call *call = out;
	bool is_on = false;
	int r = query_bool(text, &is_on, err);

	if (r == 0 && is_on && !call->docker.limit)
		return err_say(err, EINVAL, "is not for a stream: add stream=false");
	if (is_on)
		call->docker.limit = 1;
	return r;
}

static const struct query_field stats_query[] = {
	{ "stream", decode_following, 0 },
	{ "one-shot", decode_one_shot, 0 },
	{ 0 },
};
static const struct query_field list_query[] = {
	{ "all", query_bool, AT(docker.is_all) },
	{ "limit", decode_limit, AT(docker.limit) },
	{ "filters", query_filters, AT(docker.filters) },
	{ 0 },
};
static const struct query_field attach_query[] = {
	{ "stdin", query_bool, AT(docker.has_stdin) },
	{ "stdout", query_bool, AT(docker.has_stdout) },
	{ "stderr", query_bool, AT(docker.has_stderr) },
	{ "stream", decode_stream, 0 },
	{ "logs", decode_logs, 0 },
	{ 0 },
};
static const struct query_field size_query[] = {
	{ "h", query_u32, AT(docker.rows) },
	{ "w", query_u32, AT(docker.columns) },
	{ 0 },
};
static const struct query_field log_query[] = {
	{ "stdout", query_bool, AT(docker.has_stdout) },
	{ "stderr", query_bool, AT(docker.has_stderr) },
	{ "follow", query_bool, AT(docker.is_followed) },
	{ "timestamps", query_bool, AT(docker.has_timestamps) },
	{ "since", query_time, AT(docker.since) },
	{ "until", query_time, AT(docker.until) },
	{ "tail", decode_tail, 0 },
	{ 0 },
};
static const struct query_field event_query[] = {
	{ "since", query_time, AT(docker.since) },
	{ "until", query_time, AT(docker.until) },
	{ "filters", query_filters, AT(docker.filters) },
	{ 0 },
};
static const struct query_field create_query[] = {
	{ "name", query_string, AT(container) },
	{ "platform", query_string, AT(platform) },
	{ 0 },
};
static const struct query_field grace_query[] = {
	{ "t", decode_grace, 0 },
	{ "signal", query_string, AT(docker.signal) },
	{ 0 },
};
static const struct query_field remove_query[] = {
	{ "force", query_bool, AT(docker.is_forced) },
	{ 0 },
};
static const struct query_field wait_query[] = {
	{ "condition", query_string, AT(docker.condition) },
	{ 0 },
};
static const struct query_field top_query[] = {
	{ "ps_args", query_string, AT(docker.words) },
	{ 0 },
};
static const struct query_field pull_query[] = {
	{ "fromImage", query_string, AT(image) },
	{ "tag", query_string, AT(docker.tag) },
	{ "fromSrc", query_string, AT(docker.path) },
	{ "platform", query_string, AT(platform) },
	{ 0 },
};
static const struct query_field tag_query[] = {
	{ "repo", query_string, AT(docker.name) },
	{ "tag", query_string, AT(docker.tag) },
	{ 0 },
};

/* ---- routes ---- */

static const struct docker_route routes[] = {
	{ "GET", "_ping", 0, "docker-ping" },
	{ "HEAD", "_ping", 0, "docker-ping" },
	{ "GET", "version", 0, "docker-version" },
	{ "GET", "info", 0, "docker-info" },
	{ "GET", "events", 0, "docker-events", event_query },
	{ "GET", "containers/json", 0, "docker-list", list_query },
	{ "POST", "containers/create", 0, "docker-create", create_query,
		docker_body_create },
	{ "POST", "containers/prune", 0, "docker-prune", list_query },
	{ "GET", "containers/*/json", AT(container), "docker-inspect" },
	{ "GET", "containers/*/stats", AT(container), "docker-stats", stats_query },
	{ "GET", "containers/*/top", AT(container), "docker-top", top_query },
	{ "POST", "containers/*/start", AT(container), "docker-start" },
	{ "POST", "containers/*/restart", AT(container), "docker-restart", grace_query },
	{ "POST", "containers/*/attach", AT(container), "docker-attach", attach_query,
		.gives_streams = true },
	{ "POST", "containers/*/stop", AT(container), "docker-stop", grace_query },
	{ "POST", "containers/*/kill", AT(container), "docker-kill", grace_query },
	{ "POST", "containers/*/wait", AT(container), "docker-wait", wait_query },
	{ "DELETE", "containers/*", AT(container), "docker-remove", remove_query },
	{ "GET", "containers/*/logs", AT(container), "docker-logs", log_query },
	{ "POST", "containers/*/resize", AT(container), "docker-resize", size_query },
	{ "POST", "containers/*/exec", AT(container), "docker-exec", NULL,
		docker_body_exec },
	{ "POST", "exec/*/start", AT(docker.exec), "docker-exec-start", NULL,
		docker_body_start, .gives_streams = true },
	{ "POST", "exec/*/resize", AT(docker.exec), "docker-exec-resize", size_query },
	{ "GET", "exec/*/json", AT(docker.exec), "docker-exec-inspect" },
	{ "GET", "images/json", 0, "docker-images", list_query },
	{ "POST", "images/create", 0, "docker-pull", pull_query },
	{ "POST", "images/load", 0, "docker-load", .takes_stream = true },
	{ "GET", "images/*/json", AT(image), "docker-image" },
	{ "POST", "images/*/tag", AT(image), "docker-tag", tag_query },
	{ "DELETE", "images/*", AT(image), "docker-untag", remove_query },
};

/* What Docker has and this agent has not: asking for it is no mistake. Everything below is the same,
 * where there is no "*". */
static const struct {
	const char *pattern, *why;
} others[] = {
	{ "build", "images are not built by this agent" },
	{ "commit", "images are not made of containers by this agent" },
	{ "auth", "this agent keeps no logins: the docker command sends them" },
	{ "session", "images are not built by this agent" },
	{ "grpc", "images are not built by this agent" },
	{ "swarm", "there is no swarm here" },
	{ "images/*/push",
		"this agent pushes no images: push them from where they are built" },
	{ "images/get",
		"images are not saved over this API: `ucrctl save` on the agent's host does that" },
	{ "images/*/get",
		"images are not saved over this API: `ucrctl save` on the agent's host does that" },
	{ "images/*/history",
		"how an image was built is not told: `docker image inspect` lists its layers" },
	{ "images/search",
		"registries are not searched by this agent: ask the registry's own pages, then `docker pull`" },
	{ "images/prune",
		"images are not pruned over this API: `docker rmi` removes one, and `ucrctl gc` on the agent's host what none needs" },
};

/* ---- paths ---- */

/* "/v1.41/info" as "info", and the version's second number. */
static int skip_version(const char *path, const char **ret, uint32_t *ret_minor)
{
	cleanup_free char *number = NULL;
	const char *rest = str_skip_prefix(path, "/v1."), *slash;

	*ret_minor = 0;
	if (*path != '/')
		return -ENOENT;
	*ret = path + 1;
	if (!rest)
		return 0;
	slash = strchr(rest, '/');
	number = slash ? strndup(rest, (size_t)(slash - rest)) : NULL;
	if (!number || str_to_u32(number, ret_minor) < 0 || !*ret_minor)
		return -ENOENT;
	*ret = slash + 1;
	return 0;
}

static int check_version(uint32_t minor, struct err *err)
{
	uint32_t newest = 0, oldest = 0;

	if (str_to_u32(strchr(DOCKER_API_VERSION, '.') + 1, &newest) < 0 ||
		str_to_u32(strchr(DOCKER_API_VERSION_MIN, '.') + 1, &oldest) < 0)
		return -EINVAL;
	if (minor && minor > newest)
		return err_say(err, EINVAL,
			"client version 1.%u is too new. Maximum supported API version is " DOCKER_API_VERSION,
			minor);
	if (minor && minor < oldest)
		return err_say(err, EINVAL,
			"client version 1.%u is too old. Minimum supported API version is " DOCKER_API_VERSION_MIN,
			minor);
	return 0;
}

/* The text that "*" stands for, which is not empty; NULL where the path is another. For a path
 * without "*" it is the path's end. */
static const char *match(const char *pattern, const char *path, size_t *ret_len)
{
	const char *star = strchr(pattern, '*');
	size_t before = star ? (size_t)(star - pattern) : 0, len = strlen(path), after;

	*ret_len = 0;
	if (!star)
		return str_eq(pattern, path) ? path + len : NULL;
	after = strlen(star + 1);
	if (len <= before + after || strncmp(path, pattern, before) != 0 ||
		!str_eq(path + len - after, star + 1))
		return NULL;
	*ret_len = len - before - after;
	return path + before;
}

/* Only the name of an image has several pieces. */
static const char *match_route(
	const struct docker_route *route, const char *path, size_t *ret_len)
{
	const char *subject = match(route->pattern, path, ret_len);

	if (subject && route->subject != AT(image) && memchr(subject, '/', *ret_len))
		return NULL;
	return subject;
}

static const struct docker_route *find(
	const char *method, const char *path, bool *ret_is_path)
{
	size_t len;

	*ret_is_path = false;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!match_route(&routes[i], path, &len))
			continue;
		*ret_is_path = true;
		if (str_eq(routes[i].method, method))
			return &routes[i];
	}
	return NULL;
}

/* Why there is no such thing here; NULL: Docker has none either. */
static const char *why_not(const char *path)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const char *rest = str_skip_prefix(path, others[i].pattern);
		size_t len;

		if (rest ? !*rest || *rest == '/'
			 : strchr(others[i].pattern, '*') &&
					match(others[i].pattern, path, &len))
			return others[i].why;
	}
	return NULL;
}

static int say_not_found(const char *path, bool is_path, struct err *err)
{
	const char *why = why_not(path);

	if (why)
		return err_say(err, ENOSYS, "%s", why);
	if (is_path)
		return err_say(err, EOPNOTSUPP, "the path is not for this method");
	return err_say(err, ENOENT,
		"there is no such path in this agent's part of Docker's API");
}

int docker_route_find(const char *method, const char *path,
	const struct docker_route **ret, struct err *err)
{
	const char *rest;
	uint32_t minor;
	bool is_path;
	int r = skip_version(path, &rest, &minor);

	if (r < 0)
		return err_say(err, ENOENT, "there is no such path");
	r = check_version(minor, err);
	if (r < 0)
		return r;
	*ret = find(method, rest, &is_path);
	return *ret ? 0 : say_not_found(rest, is_path, err);
}

bool docker_is_path(const char *path)
{
	static const char *const roots[] = { "_ping", "version", "info", "containers",
		"images", "exec", "events", "networks", "volumes", "nodes", "services",
		"tasks", "secrets", "configs", "plugins", "system", "distribution",
		NULL };
	const char *rest;
	uint32_t minor;

	if (skip_version(path, &rest, &minor) < 0)
		return false;
	if (minor)
		return true;
	for (size_t i = 0; roots[i]; i++) {
		const char *end = str_skip_prefix(rest, roots[i]);

		if (end && (!*end || *end == '/'))
			return true;
	}
	return why_not(rest);
}

bool docker_route_gives_streams(const struct docker_route *route)
{
	return route->gives_streams;
}

bool docker_route_takes_stream(const struct docker_route *route)
{
	return route->takes_stream;
}

/* ---- calls ---- */

/* Names are told with a slash before them. */
static int take_subject(const struct docker_route *route, const char *path,
	struct agent_call *call, struct err *err)
{
	char **subject = (char **)(void *)((char *)call + route->subject);
	const char *rest, *start;
	uint32_t minor;
	size_t len;

	if (!route->subject)
		return 0;
	if (skip_version(path, &rest, &minor) < 0)
		return -ENOENT;
	start = match(route->pattern, rest, &len);
	*subject = start ? strndup(start, len) : NULL;
	return *subject ? 0 : err_oom(err);
}

static int take_body(const struct docker_route *route,
	const struct docker_request *request, struct agent_call *call, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	int r;

	if (!route->body)
		return 0;
	r = json_parse(request->body, request->body_len, &doc, err);
	return r == 0 ? route->body(json_root(doc), call, err) : r;
}

int docker_call_parse(const struct docker_route *route,
	const struct docker_request *request, struct agent_call *ret, struct err *err)
{
	struct agent_call call = { 0 };
	int r = str_set(&call.op, route->op) < 0 ? err_oom(err) : 0;

	if (r == 0)
		r = take_subject(route, request->path, &call, err);
	if (r == 0 && route->query)
		r = query_decode(request->query, route->query, &call, err);
	if (r == 0)
		r = take_body(route, request, &call, err);
	if (r == 0 && request->login)
		r = docker_login_parse(request->login, &call.docker.login, err);
	if (r < 0)
		agent_call_done(&call);
	else
		*ret = call;
	return r == 0 || r == -ENOMEM ? r : -EINVAL;
}
