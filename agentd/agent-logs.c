/* SPDX-License-Identifier: Apache-2.0 */
/* READ_LOGS: the worker stays, and writes lines into a pipe until there are none any more or nobody
 * reads. */
#include "agentd/agent-own-ops.h"

#include "agentd/log.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/timestamp.h"

#include <errno.h>
#include <fcntl.h>

#define CHUNK 32768

static int write_lines(struct buf *lines, int fd)
{
	int r = buf_finish(lines);

	if (r == 0)
		r = fd_write_all(fd, lines->data, lines->len);
	buf_reset(lines);
	return r;
}

/* As they stand in the files. */
static void put_line(struct buf *lines, const struct log_line *line)
{
	char time[TIMESTAMP_MAX];

	buf_printf(lines, "%s %s %c ", timestamp_format(line->time, time),
		line->stream == STDERR_FILENO ? "stderr" : "stdout",
		line->is_partial ? 'P' : 'F');
	buf_put(lines, line->text, line->len);
	buf_putc(lines, '\n');
}

static void copy_log(struct log_reader *reader, bool is_followed, int fd)
{
	cleanup_buf struct buf lines = BUF_INIT;
	struct log_line line;
	struct err ignored;
	int r = 0;

	while (r == 0 && log_next(reader, &line, &ignored) > 0) {
		put_line(&lines, &line);
		/* The next one may be long in coming. */
		if (is_followed || lines.len >= CHUNK)
			r = write_lines(&lines, fd);
	}
	if (r == 0)
		(void)!write_lines(&lines, fd);
}

static void follow(struct agent *agent, const struct agent_call *call, int fd)
{
	cleanup_container struct container *container = NULL;
	struct log_options options = { .follow = call->log.is_followed,
		.tail = -1,
		.since = call->log.since,
		.until = call->log.until,
		.gone_fd = fd };
	struct log_reader *reader;
	struct err ignored;
	uint32_t lines;

	if (call->log.tail && str_to_u32(call->log.tail, &lines) == 0)
		options.tail = lines;
	if (agent_find(agent, call, call->container, &container, &ignored) < 0 ||
		log_open(container->dirfd, &options, &reader, &ignored) < 0)
		return;
	copy_log(reader, options.follow, fd);
	log_free(reader);
}

int agent_logs(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	int fds[2], r = agent_find(agent, call, call->container, &container, err);

	if (r < 0)
		return r;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(err, errno, "make a pipe");
	answer->flow = AGENT_FLOW_BYTES;
	answer->fd = fds[0];
	answer->type = "text/plain; charset=utf-8";
	answer->follow = follow;
	answer->follow_fd = fds[1];
	return 0;
}
