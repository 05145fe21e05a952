/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/docker-decode.h"

#include "agentd/network.h"
#include "common/cleanup.h"
#include "common/str.h"

#include <errno.h>
#include <inttypes.h>

#define NO_SUCH_NETWORK " is refused: this agent has no network of that kind to join"

/* ---- what is refused ---- */

static bool is_nothing(const struct json *v, const struct docker_refusal *refusal)
{
	switch (v->type) {
	case JSON_NULL: return true;
	case JSON_BOOL: return !v->is_true;
	case JSON_NUMBER:
		return str_eq(v->string, "0") ||
		       (!refusal->is_signed && str_eq(v->string, "-1"));
	case JSON_ARRAY:
	case JSON_OBJECT: return !v->first;
	case JSON_STRING: break;
	}
	for (size_t i = 0; refusal->words && refusal->words[i]; i++) {
		if (str_eq(refusal->words[i], v->string))
			return true;
	}
	return !*v->string;
}

int docker_refuse(const struct json *v, void *out, const void *arg, struct err *err)
{
	const struct docker_refusal *refusal = arg;

	return is_nothing(v, refusal)
		       ? 0
		       : err_say(err, EINVAL, " is refused: %s", refusal->why);
}

int docker_refuse_all(const struct json *v, void *out, const void *arg, struct err *err)
{
	return err_say(err, EINVAL, " is refused: %s", (const char *)arg);
}

/* ---- amounts ---- */

int docker_decode_amount(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	uint64_t value = 0;
	int r = json_u64(v, &value, NULL, err);

	if (r < 0 || !value)
		return r;
	*(char **)out = str_printf("%" PRIu64, value);
	return *(char **)out ? 0 : err_oom(err);
}

int docker_decode_limit(const struct json *v, void *out, const void *arg, struct err *err)
{
	if (v->type == JSON_NUMBER && str_eq(v->string, "-1"))
		return str_set(out, "-1") < 0 ? err_oom(err) : 0;
	return docker_decode_amount(v, out, arg, err);
}

int docker_decode_swappiness(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	if (v->type == JSON_NUMBER && str_eq(v->string, "-1"))
		return 0;
	return err_say(err, EINVAL, " is refused: what is swapped out is the host's");
}

struct rate {
	char *path;
	uint64_t rate;
};

static const struct json_field rate_members[] = {
	{ "Path", json_string, offsetof(struct rate, path), true },
	{ "Rate", json_u64, offsetof(struct rate, rate), true },
	{ 0 },
};

static int add_rate(const struct json *v, strv *to, struct err *err)
{
	struct rate rate = { 0 };
	int r = json_decode(v, rate_members, &rate, err);

	if (r == 0 && strv_take(to, str_printf("%s:%" PRIu64, rate.path, rate.rate)) < 0)
		r = err_oom(err);
	json_release(rate_members, &rate);
	return r;
}

int docker_decode_rates(const struct json *v, void *out, const void *arg, struct err *err)
{
	int r = v->type == JSON_ARRAY ? 0 : err_say(err, EINVAL, " must be an array");

	json_each (item, v) {
		if (r == 0)
			r = add_rate(item, out, err);
	}
	return r;
}

/* ---- networks ---- */

int docker_decode_network(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	struct network_choice ignored;

	if (v->type != JSON_STRING)
		return err_say(err, EINVAL, " must be a string");
	if (!*v->string || str_eq(v->string, "default"))
		return 0;
	if (network_choice_parse(v->string, &ignored, NULL) < 0)
		return err_say(err, EINVAL, NO_SUCH_NETWORK);
	return json_string(v, out, arg, err);
}

struct binding {
	char *address, *port;
};

static const struct json_field binding_members[] = {
	{ "HostIp", json_string, offsetof(struct binding, address) },
	{ "HostPort", json_string, offsetof(struct binding, port) },
	{ 0 },
};

/* "[ADDRESS:][HOSTPORT]:PORT/PROTOCOL"; an address of IPv6 stands in brackets. */
static char *binding_text(const struct binding *b, const char *port)
{
	bool has_address = !str_empty(b->address), has_port = !str_empty(b->port);
	bool is_bracketed = has_address && strchr(b->address, ':');

	return str_printf("%s%s%s%s%s%s%s", is_bracketed ? "[" : "",
		has_address ? b->address : "", is_bracketed ? "]" : "",
		has_address ? ":" : "", has_port ? b->port : "",
		has_address || has_port ? ":" : "", port);
}

static int add_binding(
	const struct json *v, const char *port, strv *publish, struct err *err)
{
	struct binding binding = { 0 };
	int r = json_decode(v, binding_members, &binding, err);

	if (r == 0 && strv_take(publish, binding_text(&binding, port)) < 0)
		r = err_oom(err);
	json_release(binding_members, &binding);
	return r;
}

int docker_decode_ports(const struct json *v, void *out, const void *arg, struct err *err)
{
	int r = v->type == JSON_OBJECT ? 0 : err_say(err, EINVAL, " must be an object");

	json_each (port, v) {
		if (r == 0 && port->type != JSON_ARRAY && port->type != JSON_NULL)
			r = err_say(err, EINVAL, " must be of arrays");
		/* A colon would make it two ports. */
		if (r == 0 && strchr(port->key, ':'))
			r = err_say(err, EINVAL, " has \"%.40s\": want PORT/PROTOCOL",
				port->key);
		json_each (binding, port) {
			if (r == 0)
				r = add_binding(binding, port->key, out, err);
		}
	}
	return r;
}

#define OWN_ADDRESS "addresses on a network are the agent's"

static const struct json_field ipam_members[] = {
	DOCKER_REFUSED("IPv4Address", OWN_ADDRESS),
	DOCKER_REFUSED("IPv6Address", OWN_ADDRESS),
	DOCKER_REFUSED("LinkLocalIPs", OWN_ADDRESS),
	{ 0 },
};

static const struct json_field endpoint_members[] = {
	{ "IPAMConfig", json_object, 0, false, ipam_members },
	DOCKER_REFUSED("Links", "containers are not linked here"),
	DOCKER_REFUSED("Aliases", "a container has no name but its own"),
	DOCKER_REFUSED("MacAddress", OWN_ADDRESS),
	DOCKER_REFUSED("DriverOpts", "there are no drivers of networks here"),
	{ 0 },
};

static int decode_endpoint(const struct json *v, strv *to, struct err *err)
{
	struct network_choice ignored;
	char nothing;

	if (!str_eq(v->key, "default") &&
		network_choice_parse(v->key, &ignored, NULL) < 0)
		return err_say(err, EINVAL, "%.40s" NO_SUCH_NETWORK, v->key);
	if (strv_add(to, v->key) < 0)
		return err_oom(err);
	return v->type == JSON_NULL ? 0 : json_decode(v, endpoint_members, &nothing, err);
}

int docker_decode_endpoints(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	int r = v->type == JSON_OBJECT ? 0 : err_say(err, EINVAL, " must be an object");

	json_each (endpoint, v) {
		if (r == 0)
			r = decode_endpoint(endpoint, out, err);
	}
	return r;
}
