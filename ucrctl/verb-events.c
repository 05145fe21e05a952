/* SPDX-License-Identifier: Apache-2.0 */
#include "common/filter.h"
#include "common/timestamp.h"
#include "ucrctl/backend.h"
#include "ucrctl/format.h"
#include "ucrctl/human.h"
#include "ucrctl/verbs.h"

#include <errno.h>

struct events_opts {
	int64_t since, until;
	int64_t after_seq;
	strv filters;
	bool is_streamed;
	struct format_options list;
};

static const struct option_spec options[] = {
	{ "since", .arg = "TIME", .set = option_moment,
		.offset = offsetof(struct events_opts, since),
		.help = "From TIME on: 2026-01-31T08:00:00Z, or 10m ago as 10m (default: now)" },
	{ "until", .arg = "TIME", .set = option_moment,
		.offset = offsetof(struct events_opts, until), .help = "Up to TIME" },
	{ "since-seq", .arg = "NUMBER", .set = option_i64,
		.offset = offsetof(struct events_opts, after_seq),
		.help = "Those after the one with this number (Seq of --format), that none is missed" },
	{ "filter", 'f', .arg = "KEY=VALUE", .set = option_strv,
		.offset = offsetof(struct events_opts, filters),
		.help = "Only those whose event, container or image is VALUE; repeatable" },
	{ "stream", .set = option_bool,
		.offset = offsetof(struct events_opts, is_streamed),
		.help = "Go on with what is still to come; --stream=false prints what was (default: true)" },
	{ "format", .arg = "FORMAT", .set = option_string,
		.offset = offsetof(struct events_opts, list.format),
		.help = "Print \"json\", or by a template such as '{{.Time}} "
			"{{.Type}}'" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };
static const struct events_opts defaults = { .is_streamed = true };

static void put_time(const void *row, const struct format_style *style, struct buf *out)
{
	const struct event *e = row;
	char text[TIMESTAMP_MAX];

	buf_puts(out, timestamp_format(e->time, text));
}

static void put_seq(const void *row, const struct format_style *style, struct buf *out)
{
	const struct event *e = row;

	buf_printf(out, "%llu", (unsigned long long)e->seq);
}

static void put_type(const void *row, const struct format_style *style, struct buf *out)
{
	const struct event *e = row;

	buf_puts(out, e->type ? e->type : "");
}

static void put_id(const void *row, const struct format_style *style, struct buf *out)
{
	const struct event *e = row;

	buf_puts(out, e->id ? e->id : "");
}

static void put_name(const void *row, const struct format_style *style, struct buf *out)
{
	const struct event *e = row;

	buf_puts(out, e->name ? e->name : "");
}

static void put_image(const void *row, const struct format_style *style, struct buf *out)
{
	const struct event *e = row;

	buf_puts(out, e->image ? e->image : "");
}

static void put_attributes(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct event *e = row;
	bool is_first = true;

	strv_each (attribute, e->attributes) {
		buf_printf(out, "%s%s", is_first ? "" : ", ", *attribute);
		is_first = false;
	}
}

/* "ID (name=web, image=alpine, exitCode=0)", empty parts left out. */
static void put_details(
	const void *row, const struct format_style *style, struct buf *out)
{
	cleanup_buf struct buf list = BUF_INIT;
	const struct event *e = row;

	if (e->name)
		buf_printf(&list, ", name=%s", e->name);
	if (e->image)
		buf_printf(&list, ", image=%s", e->image);
	strv_each (attribute, e->attributes)
		buf_printf(&list, ", %s", *attribute);
	if (buf_finish(&list) < 0)
		return;
	if (e->id)
		buf_printf(out, " %s", e->id);
	if (list.len)
		buf_printf(out, " (%s)", list.data + 2);
}

static const struct format_column columns[] = {
	{ "Time", "TIME", put_time },
	{ "Seq", "SEQ", put_seq },
	{ "Type", "TYPE", put_type },
	{ "ID", "ID", put_id },
	{ "Name", "NAME", put_name },
	{ "Image", "IMAGE", put_image },
	{ "Attributes", "ATTRIBUTES", put_attributes },
	{ "Details", "DETAILS", put_details }, /* begins with a blank unless empty */
	{ 0 },
};

static bool is_type(const void *item, const char *value)
{
	const struct event *e = item;

	return e->type && str_eq(e->type, value);
}

static bool is_container(const void *item, const char *value)
{
	const struct event *e = item;

	return (e->name && str_eq(e->name, value)) ||
	       (e->id && *value && str_skip_prefix(e->id, value));
}

static bool is_image(const void *item, const char *value)
{
	const struct event *e = item;

	return e->image && str_eq(e->image, value);
}

static const struct filter filters_known[] = {
	{ "event", is_type },
	{ "container", is_container },
	{ "image", is_image },
	{ 0 },
};

struct reading {
	struct ctl *ctl;
	struct format *format;
	const struct events_opts *options;
	struct err *err;
};

static int put_event(const struct event *event, void *arg)
{
	struct reading *reading = arg;
	struct ctl *ctl = reading->ctl;
	int r;

	if (!filters_match(filters_known, reading->options->filters, event))
		return 0;
	r = format_row(reading->format, event, &ctl->out, reading->err);
	if (r < 0)
		return r;
	return reading->options->is_streamed ? ctl_flush(ctl, reading->err) : 0;
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	cleanup_format struct format format = { 0 };
	const struct events_opts *o = opts;
	struct events_options how = {
		.follow = o->is_streamed,
		.since = o->since,
		.until = o->until,
		.after_seq = o->after_seq > 0 ? (uint64_t)o->after_seq : 0,
	};
	struct reading reading = { context, &format, o, err };
	struct ctl *ctl = context;
	const struct backend *backend;
	int r;

	r = filters_check(filters_known, "--filter", o->filters, err);
	if (r < 0)
		return r;
	r = format_init(&format, columns, &o->list, "{{.Time}} {{.Type}}{{.Details}}",
		"{{.ID}}", err);
	if (r < 0)
		return r;
	if (how.follow && !how.since && !how.until && !how.after_seq)
		how.since = timestamp_now();
	r = ctl_backend(ctl, &backend, err);
	if (r == 0)
		r = backend->read_events(ctl, &how, put_event, &reading, err);
	if (r < 0)
		return r;
	return format_finish(&format, &ctl->out, err);
}

const struct verb_spec verb_events = {
	.name = "events",
	.section = SECTION_SYSTEM,
	.summary = "Print what happens to containers and images",
	.groups = groups,
	.options_size = sizeof(struct events_opts),
	.defaults = &defaults,
	.run = run,
};
