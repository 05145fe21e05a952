/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/print.h"

#include "common/fd.h"
#include "common/str.h"

/* Colour helps on a terminal and harms everywhere else (https://no-color.org). */
static bool wants_color(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && str_empty(getenv("NO_COLOR")) &&
	       !str_empty(term) && !str_eq(term, "dumb");
}

static void put_prefix(struct buf *out, const char *verb, bool is_error)
{
	bool has_color = is_error && wants_color();

	buf_printf(out, "%sucrctl%s%s:%s ", has_color ? "\033[1;31m" : "",
		verb ? " " : "", verb ? verb : "", has_color ? "\033[0m" : "");
}

static void write_stderr(struct buf *out)
{
	/* When not even this can be written there is nowhere left to say so. */
	if (buf_finish(out) < 0 || fd_write_all(STDERR_FILENO, out->data, out->len) < 0)
		return;
}

void print_text(struct buf *out, const char *text)
{
	/* A byte becomes four at most, and str_printable() wants five spare. */
	size_t room = 4 * strlen(text) + 6;
	char *at = buf_room(out, room);

	if (!at)
		return;
	str_printable(text, at, room);
	buf_add(out, strlen(at));
}

void print_err(const char *verb, const struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT;

	put_prefix(&out, verb, true);
	print_text(&out, err->text);
	buf_putc(&out, '\n');
	if (err->hint[0]) {
		buf_puts(&out, "hint: ");
		print_text(&out, err->hint);
		buf_putc(&out, '\n');
	}
	write_stderr(&out);
}

void print_note(const char *text)
{
	cleanup_buf struct buf out = BUF_INIT;

	put_prefix(&out, NULL, false);
	print_text(&out, text);
	buf_putc(&out, '\n');
	write_stderr(&out);
}
