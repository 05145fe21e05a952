/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fd.h"
#include "common/timestamp.h"
#include "ucrctl/backend.h"
#include "ucrctl/human.h"
#include "ucrctl/verbs.h"

#include <errno.h>

#define CHUNK 65536

struct logs_options {
	bool is_followed, has_timestamps;
	int64_t tail, since, until;
};

static int set_tail(
	const struct option_spec *option, const char *value, void *dst, struct err *err)
{
	int64_t *tail = dst;
	uint32_t n;

	if (str_eq(value, "all")) {
		*tail = -1;
		return 0;
	}
	if (str_to_u32(value, &n) < 0)
		return err_say(err, EINVAL,
			"\"%.80s\" is neither a number of lines nor \"all\"", value);
	*tail = n;
	return 0;
}

static const struct option_spec options[] = {
	{ "follow", 'f', .set = option_bool,
		.offset = offsetof(struct logs_options, is_followed),
		.help = "Go on with what is still to come, until the container has ended" },
	{ "tail", 'n', .arg = "LINES", .set = set_tail,
		.offset = offsetof(struct logs_options, tail),
		.help = "Only the last LINES lines (default: all)" },
	{ "since", .arg = "TIME", .set = option_moment,
		.offset = offsetof(struct logs_options, since),
		.help = "Only what was written since TIME: 2026-01-31T08:00:00Z, or 10m ago as 10m" },
	{ "until", .arg = "TIME", .set = option_moment,
		.offset = offsetof(struct logs_options, until),
		.help = "Only what was written before TIME" },
	{ "timestamps", 't', .set = option_bool,
		.offset = offsetof(struct logs_options, has_timestamps),
		.help = "Print when each line was written" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };
static const struct logs_options defaults = { .tail = -1 };

/* What waits to be written: one stream at a time, so that the order of both is kept. */
struct pending {
	struct buf text;
	int stream;
	bool is_inside[3]; /* a line of that stream (by descriptor) was begun, not ended
			    */
};

static int write_pending(struct pending *p, struct err *err)
{
	int r;

	r = buf_finish(&p->text);
	if (r < 0)
		return err_oom(err);
	r = fd_write_all(p->stream, p->text.data, p->text.len);
	buf_reset(&p->text);
	return r < 0 ? err_set(err, -r, "write the log") : 0;
}

/* The bytes go out as the container wrote them, as they would have with attach. */
static void put_line(
	struct pending *p, const struct logs_options *o, const struct log_line *line)
{
	bool *is_inside = &p->is_inside[line->stream];
	char time[TIMESTAMP_MAX];

	if (o->has_timestamps && !*is_inside)
		buf_printf(&p->text, "%s ", timestamp_format(line->time, time));
	buf_put(&p->text, line->text, line->len);
	if (!line->is_partial)
		buf_putc(&p->text, '\n');
	*is_inside = line->is_partial;
}

struct copying {
	const struct logs_options *options;
	struct pending pending;
};

static int copy_line(const struct log_line *from, void *arg, struct err *err)
{
	struct copying *copying = arg;
	struct pending *p = &copying->pending;
	struct log_line line = *from;
	int r = 0;

	line.stream = line.stream == STDERR_FILENO ? STDERR_FILENO : STDOUT_FILENO;
	if (line.stream != p->stream || p->text.len >= CHUNK)
		r = write_pending(p, err);
	if (r < 0)
		return r;
	p->stream = line.stream;
	put_line(p, copying->options, &line);
	/* The next line may be long in coming. */
	return copying->options->is_followed ? write_pending(p, err) : 0;
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	cleanup_container struct container *container = NULL;
	const struct logs_options *o = opts;
	struct log_options how = { .follow = o->is_followed,
		.tail = o->tail,
		.since = o->since,
		.until = o->until };
	struct copying copying = { o, { .stream = STDOUT_FILENO } };
	const struct backend *backend;
	int r;

	r = ctl_find(context, args[0], &backend, &container, err);
	if (r == 0)
		r = backend->read_log(context, container, &how, copy_line, &copying, err);
	if (r == 0)
		r = write_pending(&copying.pending, err);
	buf_done(&copying.pending.text);
	return r;
}

const struct verb_spec verb_logs = {
	.name = "logs",
	.section = SECTION_CONTAINERS,
	.summary = "Print what a container wrote",
	.args = "CONTAINER",
	.args_min = 1,
	.args_max = 1,
	.complete = COMPLETE_CONTAINER,
	.groups = groups,
	.options_size = sizeof(struct logs_options),
	.defaults = &defaults,
	.run = run,
};
