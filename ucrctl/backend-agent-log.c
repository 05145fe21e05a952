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

/* The lines that are whole. What is none of a log is passed over, as in the files. */
static int take_lines(struct buf *text, backend_line_fn fn, void *arg, struct err *err)
{
	size_t at = 0;
	int r = 0;

	while (r == 0 && at < text->len) {
		const char *start = text->data + at;
		const char *end = memchr(start, '\n', text->len - at);
		struct log_line line;

		if (!end)
			break;
		at += (size_t)(end - start) + 1;
		if (log_line_parse(start, (size_t)(end - start), &line))
			r = fn(&line, arg, err);
	}
	buf_consume(text, at);
	if (r == 0 && text->len > LINE_MAX_BYTES)
		r = err_say(err, EPROTO, "a line of the log has no end");
	return r;
}

int remote_read_log(struct ctl *ctl, struct container *container,
	const struct log_options *options, backend_line_fn fn, void *arg, struct err *err)
{
	cleanup_question struct question q;
	cleanup_buf struct buf text = BUF_INIT;
	int r;

	ask_for(&q, container, options);
	r = question_open(&q, ctl, err);
	while (r == 0) {
		char *room = buf_room(&text, PIECE);
		ssize_t n = room ? http_client_read(q.client, room, PIECE, err)
				 : err_oom(err);

		if (n <= 0)
			return n < 0 ? err_wrap(err, "read the log") : 0;
		buf_add(&text, (size_t)n);
		r = take_lines(&text, fn, arg, err);
	}
	return r;
}
