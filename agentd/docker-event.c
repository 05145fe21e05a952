/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/docker-event.h"

#include "agentd/container.h"
#include "common/cleanup.h"
#include "common/filter.h"
#include "common/json-writer.h"
#include "common/timestamp.h"

#include <errno.h>

static const struct action {
	const char *type, *docker;
	bool is_image;
} actions[] = {
	{ "create", "create" },
	{ "start", "start" },
	{ "exec", "exec_start" },
	{ "oom", "oom" },
	{ "kill", "kill" },
	{ "stop", "stop" },
	{ "die", "die" },
	{ "remove", "destroy" },
	{ "import", "pull", .is_image = true },
	{ "tag", "tag", .is_image = true },
	{ "untag", "untag", .is_image = true },
	{ "gc", "prune", .is_image = true },
};

static const struct action *find(const char *type)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (str_eq(actions[i].type, type))
			return &actions[i];
	}
	return NULL;
}

/* ---- filters ---- */

struct seen {
	const struct action *action;
	const struct event *event;
};

static bool is(const char *what, const char *value)
{
	return what && str_eq(what, value);
}

/* A name, or an id: the whole or a beginning that is too long to be a name by chance. */
static bool has_container(const void *item, const char *value)
{
	const struct seen *seen = item;
	const struct event *e = seen->event;
	bool is_id = e->id && strlen(value) >= CONTAINER_SHORT_ID &&
		     str_skip_prefix(e->id, value);

	return !seen->action->is_image && (is_id || is(e->name, value));
}

static bool has_event(const void *item, const char *value)
{
	const struct seen *seen = item;

	return str_eq(seen->action->docker, value);
}

static bool has_image(const void *item, const char *value)
{
	const struct seen *seen = item;
	const struct event *e = seen->event;

	return is(e->image, value) || (seen->action->is_image && is(e->id, value));
}

static bool has_type(const void *item, const char *value)
{
	const struct seen *seen = item;

	return str_eq(seen->action->is_image ? "image" : "container", value);
}

static const struct filter filters_known[] = {
	{ "container", has_container },
	{ "event", has_event },
	{ "image", has_image },
	{ "type", has_type },
	{ 0 },
};

int docker_event_filters_check(char *const *filters, struct err *err)
{
	return filters_check(filters_known, "filters", filters, err);
}

/* ---- form ---- */

static int add(strv *to, const char *key, const char *value)
{
	return value ? strv_take(to, str_printf("%s=%s", key, value)) : 0;
}

/* Docker names also those that were given no name. */
static int add_name(strv *to, const struct seen *seen)
{
	const struct event *e = seen->event;

	if (seen->action->is_image)
		return add(to, "name", e->image);
	if (e->name || !e->id)
		return add(to, "name", e->name);
	return strv_take(to, str_printf("name=%.*s", CONTAINER_SHORT_ID, e->id));
}

static void write_attributes(struct json_writer *w, const struct seen *seen)
{
	const struct event *e = seen->event;
	cleanup_strv strv all = NULL;
	int r = seen->action->is_image ? 0 : add(&all, "image", e->image);

	if (r == 0)
		r = add_name(&all, seen);
	strv_each (attribute, e->attributes) {
		const char *status = str_skip_prefix(*attribute, "exit_status=");

		if (r == 0)
			r = status ? add(&all, "exitCode", status)
				   : strv_add(&all, *attribute);
	}
	w->buf->failed |= r < 0;
	jw_string_map(w, "Attributes", all);
}

static void write_event(struct json_writer *w, const struct seen *seen)
{
	const struct event *e = seen->event;
	bool is_image = seen->action->is_image;

	jw_object(w, NULL);
	jw_string(w, "status", seen->action->docker);
	jw_string(w, "id", e->id ? e->id : e->image);
	if (!is_image)
		jw_string(w, "from", e->image);
	jw_string(w, "Type", is_image ? "image" : "container");
	jw_string(w, "Action", seen->action->docker);
	jw_object(w, "Actor");
	jw_string(w, "ID", e->id ? e->id : e->image);
	write_attributes(w, seen);
	jw_object_end(w);
	jw_string(w, "scope", "local");
	jw_i64(w, "time", e->time / TIMESTAMP_SECOND);
	jw_i64(w, "timeNano", e->time);
	jw_object_end(w);
}

void docker_event_write(struct buf *out, const struct event *event, char *const *filters)
{
	const struct seen seen = { .action = find(event->type), .event = event };
	struct json_writer w = JSON_WRITER(out);

	if (!seen.action || !filters_match(filters_known, filters, &seen))
		return;
	write_event(&w, &seen);
	buf_putc(out, '\n');
}
