/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/progress.h"

#include "common/fd.h"
#include "common/json-writer.h"
#include "common/str.h"
#include "ucrctl/human.h"
#include "ucrctl/print.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>

#define REDRAW_NS 100000000LL /* ten times a second at most */
#define CLEAR_BELOW "\r\033[J"
#define BAR_CELLS 24
#define LINES_DEFAULT 24

const char *const progress_names[] = { "auto", "bar", "plain", "json", "none", NULL };

bool progress_is_terminal(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && !str_empty(term) && !str_eq(term, "dumb");
}

bool progress_init(struct progress *progress, enum progress_kind kind)
{
	if (kind == PROGRESS_AUTO)
		kind = progress_is_terminal() ? PROGRESS_BARS : PROGRESS_NONE;
	progress->kind = kind;
	progress->layers = progress->drawn = 0;
	for (size_t i = 0; i < 1 + IMAGE_LAYERS_MAX; i++)
		progress->rows[i] = (struct progress_row){ 0 };
	return kind != PROGRESS_NONE;
}

static int64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* A lost line of progress is no failure of the work it tells of. */
static void write_text(struct buf *text)
{
	if (buf_finish(text) == 0)
		(void)!fd_write_all(STDERR_FILENO, text->data, text->len);
}

static void put_amount(struct buf *out, const struct progress_row *row)
{
	if (!row->done && !row->total)
		return;
	human_bytes(out, row->done);
	if (!row->total)
		return;
	buf_puts(out, " of ");
	human_bytes(out, row->total);
}

/* ---- bars ---- */

static void put_bar(struct buf *out, const struct progress_row *row)
{
	/* Compressed layers may turn out longer than they were said to be. */
	double part =
		row->done >= row->total ? 1 : (double)row->done / (double)row->total;
	int full = (int)(part * BAR_CELLS);

	if (!row->total)
		return;
	buf_putc(out, '[');
	for (int i = 0; i < BAR_CELLS; i++)
		buf_putc(out, i < full ? '=' : i == full ? '>' : ' ');
	buf_printf(out, "] %3d%%  ", (int)(part * 100));
}

static void put_row(struct buf *out, const struct progress *progress, size_t n)
{
	const struct progress_row *row = &progress->rows[n];
	size_t before = out->len;

	if (n)
		buf_printf(out, "layer %zu/%zu  ", n, progress->layers);
	print_text(out, row->what);
	while (out->len - before < 24)
		buf_putc(out, ' ');
	buf_putc(out, ' ');
	put_bar(out, row);
	put_amount(out, row);
	buf_putc(out, '\n');
}

static size_t lines_of_terminal(void)
{
	struct winsize size = { 0 };

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row < 2)
		return LINES_DEFAULT;
	return size.ws_row;
}

static void to_top(struct buf *out, const struct progress *progress)
{
	if (progress->drawn)
		buf_printf(out, "\033[%zuA", progress->drawn);
	buf_puts(out, CLEAR_BELOW);
}

static bool is_over(const struct progress_row *row)
{
	return row->total && row->done >= row->total && str_eq(row->what, "unpack");
}

/* More rows than lines: finished layers are left out first. */
static void draw(struct progress *progress)
{
	cleanup_buf struct buf out = BUF_INIT;
	size_t rows = 0, room = lines_of_terminal() - 1, drawn = 0;

	to_top(&out, progress);
	for (size_t i = 0; i <= progress->layers; i++)
		rows += *progress->rows[i].what != '\0';
	for (size_t i = 0; i <= progress->layers && drawn < room; i++) {
		const struct progress_row *row = &progress->rows[i];

		if (!*row->what || (rows > room && is_over(row)))
			continue;
		put_row(&out, progress, i);
		drawn++;
	}
	progress->drawn = drawn;
	write_text(&out);
}

/* ---- lines ---- */

static void put_plain(const struct progress *progress, size_t n)
{
	const struct progress_row *row = &progress->rows[n];
	cleanup_buf struct buf out = BUF_INIT;

	if (n)
		buf_printf(&out, "layer %zu/%zu: ", n, progress->layers);
	print_text(&out, row->what);
	if (row->total) {
		buf_puts(&out, " ");
		human_bytes(&out, row->total);
	}
	buf_putc(&out, '\n');
	write_text(&out);
}

static void put_json(const struct progress *progress, size_t n)
{
	const struct progress_row *row = &progress->rows[n];
	cleanup_buf struct buf out = BUF_INIT;
	struct json_writer w = JSON_WRITER(&out);

	jw_object(&w, NULL);
	jw_string(&w, "what", row->what);
	if (n) {
		jw_u64(&w, "layer", n);
		jw_u64(&w, "layers", progress->layers);
	}
	jw_u64(&w, "done", row->done);
	if (row->total)
		jw_u64(&w, "total", row->total);
	jw_object_end(&w);
	buf_putc(&out, '\n');
	write_text(&out);
}

/* ---- */

static struct progress_row *take(struct progress *progress, const char *what,
	size_t layer, size_t layers, bool *ret_is_new)
{
	size_t n = layers ? layer + 1 : 0;
	struct progress_row *row;

	if (layers > IMAGE_LAYERS_MAX || n > layers)
		return NULL;
	if (layers)
		progress->layers = layers;
	row = &progress->rows[n];
	*ret_is_new = !str_eq(row->what, what);
	(void)snprintf(row->what, sizeof(row->what), "%s", what);
	return row;
}

void progress_show(const char *what, size_t layer, size_t layers, uint64_t done,
	uint64_t total, void *arg)
{
	struct progress *progress = arg;
	struct progress_row *row;
	int64_t now = now_ns();
	bool is_new = false;

	row = take(progress, what, layer, layers, &is_new);
	if (!row)
		return;
	row->done = done;
	row->total = total;
	if (progress->kind == PROGRESS_JSON)
		put_json(progress, layers ? layer + 1 : 0);
	else if (progress->kind == PROGRESS_PLAIN && is_new)
		put_plain(progress, layers ? layer + 1 : 0);
	if (progress->kind != PROGRESS_BARS ||
		(progress->drawn && now - progress->last_ns < REDRAW_NS))
		return;
	progress->last_ns = now;
	draw(progress);
}

void progress_done(struct progress *progress)
{
	cleanup_buf struct buf out = BUF_INIT;

	if (!progress->drawn)
		return;
	to_top(&out, progress);
	write_text(&out);
	progress->drawn = 0;
}
