/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-wire.h"

#include "agentd/container-network.h"
#include "agentd/container-private.h"
#include "common/cleanup.h"
#include "common/timestamp.h"

#include <ctype.h>
#include <errno.h>

/* ---- times and states, both ways ---- */

static int decode_time(const struct json *v, void *out, const void *arg, struct err *err)
{
	if (v->type != JSON_STRING || timestamp_parse(v->string, out) < 0)
		return err_say(err, EINVAL, " is not a time of RFC 3339");
	return 0;
}

static void encode_time(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	char text[TIMESTAMP_MAX];

	if (*(const int64_t *)in)
		jw_string(w, key, timestamp_format(*(const int64_t *)in, text));
}

static int decode_status(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	if (v->type != JSON_STRING || container_status_parse(v->string, out) < 0)
		return err_say(err, EINVAL, " is no status of a container");
	return 0;
}

static void encode_status(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	jw_string(w, key, container_status_name(*(const enum container_status *)in));
}

/* Kept as text, for who wants it parses it; written by write_network(). */
static int decode_text(const struct json *v, void *out, const void *arg, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	char *text;

	jw_json(&w, NULL, v);
	text = buf_take(&b);
	if (!text)
		return err_oom(err);
	free(*(char **)out);
	*(char **)out = text;
	return 0;
}

/* ---- the table ---- */

#define AT(member) offsetof(struct container, member)

static const struct json_field end_fields[] = {
	{ "exit_status", json_i32, offsetof(struct container_end, exit_status), true },
	{ "signal", json_i32, offsetof(struct container_end, signal) },
	{ "finished", decode_time, offsetof(struct container_end, finished), false, NULL,
		encode_time },
	{ "oom_killed", json_bool, offsetof(struct container_end, is_oom_killed) },
	{ "memory_limit_bytes", json_u64,
		offsetof(struct container_end, memory_limit_bytes), true },
	{ "memory_peak_bytes", json_u64,
		offsetof(struct container_end, memory_peak_bytes), true },
	{ "oom_kills", json_u64, offsetof(struct container_end, oom_kills), true },
	{ 0 },
};

static const struct json_field fields[] = {
	{ "id", json_string, AT(id), true },
	{ "name", json_string, AT(name) },
	{ "image", json_string, AT(image) },
	{ "image_id", json_string, AT(image_id) },
	{ "command", json_strv, AT(command) },
	{ "labels", json_string_map, AT(labels) },
	{ "created", decode_time, AT(created), false, NULL, encode_time },
	{ "started", decode_time, AT(started), false, NULL, encode_time },
	{ "stop_signal", json_string, AT(stop_signal) },
	{ "stop_timeout_ms", json_u64, AT(stop_timeout_ms) },
	{ "auto_remove", json_bool, AT(is_auto_removed) },
	{ "terminal", json_bool, AT(has_terminal) },
	{ "stdin", json_bool, AT(has_stdin) },
	{ "status", decode_status, AT(status), true, NULL, encode_status },
	{ "pid", json_i32, AT(pid) },
	{ "network", decode_text, AT(network) },
	{ 0 },
};

/* Of one that has ended. */
static const struct json_field ended_fields[] = {
	{ "end", json_object, AT(end), true, end_fields },
	{ 0 },
};

static void write_network(struct json_writer *w, const struct container *container)
{
	cleanup_network struct network network = { 0 };
	struct err ignored;

	if (container_network(container, &network, &ignored) < 0)
		return;
	jw_object(w, "network");
	network_write(w, &network);
	jw_object_end(w);
}

void container_write(
	struct json_writer *w, const char *key, const struct container *container)
{
	jw_object(w, key);
	json_encode(w, fields, container);
	if (!container_is_live(container))
		json_encode(w, ended_fields, container);
	write_network(w, container);
	jw_object_end(w);
}

/* ---- reading ---- */

static bool is_id(const char *id)
{
	if (strlen(id) != CONTAINER_ID_MAX - 1)
		return false;
	while (isdigit((unsigned char)*id) || (*id >= 'a' && *id <= 'f'))
		id++;
	return !*id;
}

int container_read(const struct json *v, struct container **ret, struct err *err)
{
	cleanup_container struct container *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_oom(err);
	c->dirfd = -1;
	r = json_decode(v, fields, c, err);
	if (r == 0 && !container_is_live(c))
		r = json_decode(v, ended_fields, c, err);
	if (r == 0 && !is_id(c->id))
		r = err_say(err, EINVAL, "id is not the id of a container");
	if (r == 0 && c->name && !str_is_name(c->name))
		r = err_say(err, EINVAL, "name is not the name of a container");
	if (r < 0)
		return err_wrap(err, "what is told of a container");
	*ret = take_ptr(c);
	return 0;
}
