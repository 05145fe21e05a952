/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/backend-agent-log.h"

#include "common/cleanup.h"
#include "ucrctl/question.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define PIECE 65536
#define LINE_MAX_BYTES (4U << 20)

static void ask_for(struct question *q, const struct container *container,
	const struct log_options *options)
{
	char tail[24];

	question_begin(q, "READ_LOGS");
	question_container(q, container->id);
	jw_bool(&q->w, "follow", options->follow);
	if (options->tail >= 0) {
		(void)snprintf(tail, sizeof(tail), "%" PRId64, options->tail);
		jw_string(&q->w, "tail", tail);
	}
	if (options->since)
		jw_i64(&q->w, "since", options->since);
	if (options->until)
		jw_i64(&q->w, "until", options->until);
}

/* What is done with a line; what it returns but 0 ends reading. */
typedef int (*take_fn)(const char *line, size_t len, void *arg, struct err *err);

/* Those that are whole. */
static int take_lines(struct buf *text, take_fn take, void *arg, struct err *err)
{
	size_t at = 0;
	int r = 0;

	while (r == 0 && at < text->len) {
		const char *start = text->data + at;
		const char *end = memchr(start, '\n', text->len - at);

		if (!end)
			break;
		at += (size_t)(end - start) + 1;
		r = take(start, (size_t)(end - start), arg, err);
	}
	buf_consume(text, at);
	if (r == 0 && text->len > LINE_MAX_BYTES)
		r = err_say(err, EPROTO, "a line has no end");
	return r;
}

/* Until the agent has no more, or `take` has had enough. */
static int read_lines(
	struct question *q, struct ctl *ctl, take_fn take, void *arg, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT;
	int r = question_open(q, ctl, err);

	while (r == 0) {
		char *room = buf_room(&text, PIECE);
		ssize_t n = room ? http_client_read(q->client, room, PIECE, err)
				 : err_oom(err);

		if (n <= 0)
			return (int)n;
		buf_add(&text, (size_t)n);
		r = take_lines(&text, take, arg, err);
	}
	return r;
}

/* ---- logs ---- */

struct log_copy {
	backend_line_fn fn;
	void *arg;
};

/* What is none of a log is passed over, as in the files. */
static int take_log_line(const char *text, size_t len, void *arg, struct err *err)
{
	const struct log_copy *copy = arg;
	struct log_line line;

	return log_line_parse(text, len, &line) ? copy->fn(&line, copy->arg, err) : 0;
}

int remote_read_log(struct ctl *ctl, struct container *container,
	const struct log_options *options, backend_line_fn fn, void *arg, struct err *err)
{
	cleanup_question struct question q;
	struct log_copy copy = { fn, arg };
	int r;

	ask_for(&q, container, options);
	r = read_lines(&q, ctl, take_log_line, &copy, err);
	return r < 0 ? err_wrap(err, "read the log") : r;
}

/* ---- events ---- */

struct events_copy {
	const struct events_options *options;
	events_fn fn;
	void *arg;
};

static int take_event(const char *text, size_t len, void *arg, struct err *err)
{
	const struct events_copy *copy = arg;

	return event_take_line(copy->options, text, len, copy->fn, copy->arg);
}

int remote_read_events(struct ctl *ctl, const struct events_options *options,
	events_fn fn, void *arg, struct err *err)
{
	cleanup_question struct question q;
	struct events_copy copy = { options, fn, arg };

	question_begin(&q, "READ_EVENTS");
	jw_bool(&q.w, "follow", options->follow);
	if (options->after_seq)
		jw_u64(&q.w, "after_seq", options->after_seq);
	if (options->since)
		jw_i64(&q.w, "since", options->since);
	if (options->until)
		jw_i64(&q.w, "until", options->until);
	return read_lines(&q, ctl, take_event, &copy, err);
}
