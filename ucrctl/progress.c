/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/progress.h"

#include "common/fd.h"
#include "common/str.h"
#include "ucrctl/human.h"
#include "ucrctl/print.h"

#include <time.h>

#define REDRAW_NS 100000000LL /* ten times a second at most */
#define CLEAR_LINE "\r\033[K"

bool progress_is_wanted(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && !str_empty(term) && !str_eq(term, "dumb");
}

static int64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* A lost line of progress is no failure of the work it tells of. */
static void write_line(struct buf *line)
{
	if (buf_finish(line) < 0 ||
		fd_write_all(STDERR_FILENO, line->data, line->len) < 0)
		return;
}

void progress_show(const char *what, size_t layer, size_t layers, uint64_t done,
	uint64_t total, void *arg)
{
	cleanup_buf struct buf line = BUF_INIT;
	struct progress *progress = arg;
	int64_t now = now_ns();

	if (progress->is_shown && now - progress->last_ns < REDRAW_NS)
		return;
	progress->is_shown = true;
	progress->last_ns = now;
	buf_puts(&line, CLEAR_LINE);
	print_text(&line, what);
	if (layers)
		buf_printf(&line, " layer %zu/%zu", layer + 1, layers);
	buf_puts(&line, "  ");
	human_bytes(&line, done);
	if (total) {
		buf_puts(&line, " of ");
		human_bytes(&line, total);
		/* Compressed layers may turn out longer than they were said to be. */
		buf_printf(&line, "  %d%%",
			done >= total ? 100 : (int)((double)done * 100 / (double)total));
	}
	write_line(&line);
}

void progress_done(struct progress *progress)
{
	cleanup_buf struct buf line = BUF_INIT;

	if (!progress->is_shown)
		return;
	buf_puts(&line, CLEAR_LINE);
	write_line(&line);
	progress->is_shown = false;
}
