/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/cli.h"

#include "common/fd.h"
#include "common/json-writer.h"
#include "common/timestamp.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void put_line(
	const struct cli *cli, const char *level, const char *msg, struct buf *b)
{
	struct json_writer w = JSON_WRITER(b);
	char now[TIMESTAMP_MAX];

	(void)timestamp_format(timestamp_now(), now);
	if (cli->log_format == CLI_LOG_JSON) {
		jw_object(&w, NULL);
		jw_string(&w, "level", level);
		jw_string(&w, "msg", msg);
		jw_string(&w, "time", now);
		jw_object_end(&w);
	} else {
		buf_printf(b, "time=\"%s\" level=%s msg=", now, level);
		jw_string(&w, NULL, msg);
	}
	buf_putc(b, '\n');
}

static void append_to_log(const struct cli *cli, const struct buf *b)
{
	cleanup_close int fd = -1;

	fd = open(cli->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || fd_write_all(fd, b->data, b->len) < 0)
		(void)dprintf(
			STDERR_FILENO, "ucr: cannot write to the log %s: %m\n", cli->log);
}

void cli_report_error(const struct cli *cli, const char *verb, const struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	char text[ERR_TEXT_MAX * 2], hint[ERR_HINT_MAX * 2];

	str_printable(err->text, text, sizeof(text));
	str_printable(err->hint, hint, sizeof(hint));
	if (cli->log || cli->log_format == CLI_LOG_JSON) {
		put_line(cli, "error", err->text, &b);
		if (buf_finish(&b) == 0 && cli->log)
			append_to_log(cli, &b);
	}
	if (!cli->log && cli->log_format == CLI_LOG_JSON) {
		(void)dprintf(STDERR_FILENO, "%s", b.data ? b.data : "");
		return;
	}
	(void)dprintf(
		STDERR_FILENO, "ucr%s%s: %s\n", verb ? " " : "", verb ? verb : "", text);
	if (*hint)
		(void)dprintf(STDERR_FILENO, "  hint: %s\n", hint);
}

void cli_report_notes(const struct cli *cli)
{
	cleanup_buf struct buf b = BUF_INIT;

	strv_each (line, cli->notes.lines)
		put_line(cli, "warning", *line, &b);
	if (!b.len || buf_finish(&b) < 0)
		return;
	if (cli->log)
		append_to_log(cli, &b);
	if (!cli->log || cli->is_debug)
		(void)dprintf(STDERR_FILENO, "%s", b.data);
}
