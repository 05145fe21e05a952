/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/agent-docker.h"

#include "agentd/log.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/timestamp.h"

#include <errno.h>

#define HEAD_BYTES 8

struct logs {
	const struct docker_options *options;
	struct log_reader *reader;
	bool has_terminal, is_partial; /* the last line had no end */
};

static void put_text(
	const struct logs *logs, const struct log_line *line, struct buf *out)
{
	char stamp[TIMESTAMP_MAX];

	if (logs->options->has_timestamps && !logs->is_partial)
		buf_printf(out, "%s ", timestamp_format(line->time, stamp));
	buf_put(out, line->text, line->len);
	if (!line->is_partial)
		buf_puts(out, logs->has_terminal ? "\r\n" : "\n");
}

/* What a terminal wrote comes as it is, all else in frames that name the stream. */
static void put_line(
	const struct logs *logs, const struct log_line *line, struct buf *out)
{
	cleanup_buf struct buf text = BUF_INIT;
	size_t len;

	put_text(logs, line, &text);
	len = text.len;
	if (!logs->has_terminal) {
		const unsigned char head[HEAD_BYTES] = { (unsigned char)line->stream, 0,
			0, 0, (unsigned char)(len >> 24), (unsigned char)(len >> 16),
			(unsigned char)(len >> 8), (unsigned char)len };

		buf_put(out, head, sizeof(head));
	}
	buf_put(out, text.data, len);
	out->failed |= text.failed;
}

static bool is_wanted(const struct docker_options *o, const struct log_line *line)
{
	return line->stream == STDERR_FILENO ? o->has_stderr : o->has_stdout;
}

static int write_line(struct logs *logs, const struct log_line *line, int fd)
{
	cleanup_buf struct buf b = BUF_INIT;
	int r;

	if (!is_wanted(logs->options, line))
		return 0;
	put_line(logs, line, &b);
	logs->is_partial = line->is_partial;
	r = buf_finish(&b);
	return r < 0 ? r : fd_write_all(fd, b.data, b.len);
}

static void copy(struct logs *logs, int fd)
{
	struct log_line line;
	struct err ignored;

	while (log_next(logs->reader, &line, &ignored) > 0 &&
		write_line(logs, &line, fd) == 0)
		;
	log_free(logs->reader);
}

static void follow(struct agent *agent, const struct agent_call *call, int fd)
{
	cleanup_container struct container *container = NULL;
	const struct docker_options *o = &call->docker;
	const struct log_options options = {
		.follow = o->is_followed,
		.tail = o->has_tail ? (int64_t)o->tail : -1,
		.since = o->since,
		.until = o->until,
		.gone_fd = fd,
	};
	struct logs logs = { .options = o };
	struct err ignored;

	if (agent_docker_find(agent, call, &container, &ignored) < 0 ||
		log_open(container->dirfd, &options, &logs.reader, &ignored) < 0)
		return;
	logs.has_terminal = container->has_terminal;
	copy(&logs, fd);
}

int agent_docker_logs(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	const struct docker_options *o = &call->docker;
	int r;

	if (!o->has_stdout && !o->has_stderr)
		return err_say(err, EINVAL,
			"you must choose at least one stream: stdout or stderr");
	r = agent_docker_find(agent, call, &container, err);
	if (r == 0)
		r = agent_docker_pipe(answer, follow, err);
	answer->type = r == 0 && container->has_terminal ? DOCKER_STREAM_RAW
							 : DOCKER_STREAM_FRAMES;
	return r;
}
