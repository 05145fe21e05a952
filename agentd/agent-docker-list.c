/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/agent-docker.h"

#include "agentd/container-filter.h"
#include "agentd/container-json.h"
#include "agentd/container-ports.h"
#include "common/cleanup.h"
#include "common/timestamp.h"

/* ---- as `docker ps` shows it ---- */

/* "3 seconds", "About an hour", "2 days": from so many on, in units of so many. */
static const struct {
	int64_t from_s, unit_s;
	const char *text;
} spans[] = {
	{ 2 * 365 * 86400, 365 * 86400, "years" },
	{ 60 * 86400, 30 * 86400, "months" },
	{ 14 * 86400, 7 * 86400, "weeks" },
	{ 2 * 86400, 86400, "days" },
	{ 2 * 3600, 3600, "hours" },
	{ 3600, 0, "About an hour" },
	{ 120, 60, "minutes" },
	{ 60, 0, "About a minute" },
	{ 2, 1, "seconds" },
	{ 1, 0, "1 second" },
	{ 0, 0, "Less than a second" },
};

static void put_span(struct buf *out, int64_t ns)
{
	int64_t seconds = ns / TIMESTAMP_SECOND;

	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		if (seconds < spans[i].from_s && spans[i].from_s)
			continue;
		if (spans[i].unit_s)
			buf_printf(out, "%lld ", (long long)(seconds / spans[i].unit_s));
		buf_puts(out, spans[i].text);
		return;
	}
}

static void write_status(struct json_writer *w, const struct container *c)
{
	cleanup_buf struct buf text = BUF_INIT;
	int64_t now = timestamp_now();

	if (c->status == CONTAINER_RUNNING || c->status == CONTAINER_PAUSED) {
		buf_puts(&text, "Up ");
		put_span(&text, now - c->started);
		buf_puts(&text, c->status == CONTAINER_PAUSED ? " (Paused)" : "");
	} else if (c->status == CONTAINER_EXITED) {
		buf_printf(&text, "Exited (%d) ", c->end.exit_status);
		put_span(&text, now - c->end.finished);
		buf_puts(&text, " ago");
	} else {
		buf_puts(&text, container_docker_status(c->status, true));
	}
	jw_string(w, "Status", buf_finish(&text) == 0 ? text.data : NULL);
}

static void write_command(struct json_writer *w, const struct container *c)
{
	cleanup_buf struct buf text = BUF_INIT;

	strv_each (word, c->command)
		buf_printf(&text, "%s%s", text.len ? " " : "", *word);
	jw_string(w, "Command", buf_finish(&text) == 0 ? text.data : NULL);
}

static void write_names(struct json_writer *w, const struct container *c)
{
	cleanup_free char *name = container_docker_name(c);

	jw_array(w, "Names");
	jw_string(w, NULL, name);
	jw_array_end(w);
}

static void write_container(struct json_writer *w, const struct container *c)
{
	jw_object(w, NULL);
	jw_string(w, "Id", c->id);
	write_names(w, c);
	jw_string(w, "Image", c->image);
	jw_string(w, "ImageID", c->image_id);
	write_command(w, c);
	jw_i64(w, "Created", c->created / TIMESTAMP_SECOND);
	container_write_port_list(w, c);
	jw_string_map(w, "Labels", c->labels);
	jw_string(w, "State", container_docker_status(c->status, false));
	write_status(w, c);
	jw_array(w, "Mounts");
	jw_array_end(w);
	jw_object_end(w);
}

/* A limit is of the newest, whatever became of them. */
int agent_docker_list(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container_list struct container_list list = { 0 };
	const struct docker_options *o = &call->docker;
	struct json_writer w = JSON_WRITER(&answer->body);
	uint32_t shown = 0;
	int r = container_filters_check("filters", o->filters, err);

	if (r == 0)
		r = agent_list(agent, call, &list, err);
	if (r < 0)
		return r;
	jw_array(&w, NULL);
	for (size_t i = 0; i < list.count; i++) {
		if (!agent_sees(agent, call, list.items[i]) ||
			!container_matches(
				list.items[i], o->filters, o->is_all || o->limit))
			continue;
		if (o->limit && shown++ == o->limit)
			break;
		write_container(&w, list.items[i]);
	}
	jw_array_end(&w);
	return 0;
}

int agent_docker_inspect(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	struct json_writer w = JSON_WRITER(&answer->body);
	int r = agent_docker_find(agent, call, &container, err);

	return r < 0 ? r
		     : container_write_inspect(
			       &w, agent->engine, container, INSPECT_AS_DOCKER, err);
}
