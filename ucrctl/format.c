/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/format.h"

#include "common/array.h"
#include "common/json-writer.h"
#include "common/json.h"
#include "common/timestamp.h"
#include "ucrctl/print.h"

#include <errno.h>

#define COLUMN_GAP 3

const struct option_spec format_list_options[] = {
	{ "format", .arg = "FORMAT", .set = option_string,
		.offset = offsetof(struct format_options, format),
		.help = "Print \"json\", or by a template such as '{{.ID}} {{.Name}}', with "
			"\"table \" before it under headers" },
	{ "quiet", 'q', .set = option_bool,
		.offset = offsetof(struct format_options, is_quiet),
		.help = "Print ids alone" },
	{ "no-trunc", .set = option_bool,
		.offset = offsetof(struct format_options, is_full),
		.help = "Print ids and commands whole" },
	{ 0 },
};

static const struct format_column *find_column(const struct format *f, const char *name)
{
	for (const struct format_column *c = f->columns; c->name; c++) {
		if (str_eq(c->name, name))
			return c;
	}
	return NULL;
}

static int say_no_field(
	const struct format *f, const struct template_part *part, struct err *err)
{
	cleanup_free char *path = template_path(part);
	cleanup_buf struct buf names = BUF_INIT;

	for (const struct format_column *c = f->columns; c->name; c++)
		buf_printf(&names, "%s.%s", c == f->columns ? "" : " ", c->name);
	if (!path || buf_finish(&names) < 0)
		return err_oom(err);
	(void)err_say(err, EINVAL, "--format: there is no field %.80s", path);
	return err_hint(err, "the fields are %s", names.data);
}

static int check_fields(const struct format *f, struct err *err)
{
	for (size_t i = 0; i < f->template.count; i++) {
		const struct template_part *part = &f->template.parts[i];

		if (part->literal || (!part->path && part->is_json))
			continue;
		if (strv_len(part->path) != 1 || !find_column(f, part->path[0]))
			return say_no_field(f, part, err);
	}
	return 0;
}

int format_init(struct format *f, const struct format_column *columns,
	const struct format_options *options, const char *normal, const char *quiet,
	struct err *err)
{
	const char *text = options->format, *rest;
	int r;

	memset(f, 0, sizeof(*f));
	f->columns = columns;
	f->style.is_full = options->is_full;
	f->style.now = timestamp_now();
	if (!text || str_eq(text, "table"))
		text = options->is_quiet ? quiet : normal;
	f->is_json = str_eq(text, "json");
	if (f->is_json)
		return 0;
	rest = str_skip_prefix(text, "table ");
	f->is_table = rest;
	r = template_parse(rest ? rest : text, &f->template, err);
	if (r < 0)
		return err_wrap(err, "--format");
	return check_fields(f, err);
}

void format_done(struct format *f)
{
	template_done(&f->template);
	for (size_t i = 0; i < f->cell_count; i++)
		free(f->cells[i]);
	free(f->cells);
	f->cells = NULL;
	f->cell_count = 0;
}

static int column_text(const struct format *f, const struct format_column *column,
	const void *row, struct buf *ret, struct err *err)
{
	column->put(row, &f->style, ret);
	return buf_finish(ret) < 0 ? err_oom(err) : 0;
}

static int put_parsed(
	const struct buf *text, const char *key, struct json_writer *w, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	int r = json_parse(text->data, text->len, &doc, err);

	if (r == 0)
		jw_json(w, key, json_root(doc));
	return r;
}

static int put_json(const struct format *f, const struct format_column *column,
	const void *row, const char *key, struct json_writer *w, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT;
	int64_t number;
	int r;

	r = column_text(f, column, row, &text, err);
	if (r < 0)
		return r;
	if (column->is_json)
		return put_parsed(&text, key, w, err);
	if (!column->is_number)
		jw_string(w, key, text.data);
	else if (str_to_i64(text.data, &number) == 0)
		jw_i64(w, key, number);
	else
		jw_null(w, key);
	return 0;
}

static int put_object(
	const struct format *f, const void *row, struct buf *out, struct err *err)
{
	struct json_writer w = JSON_WRITER(out);
	int r;

	jw_object(&w, NULL);
	for (const struct format_column *c = f->columns; c->name; c++) {
		r = put_json(f, c, row, c->name, &w, err);
		if (r < 0)
			return r;
	}
	jw_object_end(&w);
	return 0;
}

struct row_context {
	const struct format *format;
	const void *row;
};

static int put_field(
	const struct template_part *part, void *arg, struct buf *out, struct err *err)
{
	const struct row_context *context = arg;
	const struct format *f = context->format;
	struct json_writer w = JSON_WRITER(out);
	cleanup_buf struct buf text = BUF_INIT;
	const struct format_column *column;
	int r;

	if (!part->path)
		return put_object(f, context->row, out, err);
	column = find_column(f, part->path[0]);
	if (part->is_json)
		return put_json(f, column, context->row, NULL, &w, err);
	r = column_text(f, column, context->row, &text, err);
	if (r == 0)
		print_text(out, text.data);
	return r;
}

static int add_cell(struct format *f, const char *text, size_t len, struct err *err)
{
	char *cell;

	if (array_grow(&f->cells, f->cell_count, &f->cell_room, sizeof(*f->cells)) < 0)
		return err_oom(err);
	cell = strndup(text, len);
	if (!cell)
		return err_oom(err);
	f->cells[f->cell_count++] = cell;
	return 0;
}

/* A line's cells are what the template's tabs separate. */
static int add_cells(struct format *f, const char *line, struct err *err)
{
	size_t cells = 0;
	int r;

	for (;;) {
		size_t n = strcspn(line, "\t");

		r = add_cell(f, line, n, err);
		if (r < 0)
			return r;
		cells++;
		if (!line[n])
			break;
		line += n + 1;
	}
	f->width = cells;
	return 0;
}

static int put_header(
	const struct template_part *part, void *arg, struct buf *out, struct err *err)
{
	const struct format *f = arg;

	buf_puts(out, part->path ? find_column(f, part->path[0])->header : "");
	return 0;
}

static int add_headers(struct format *f, struct err *err)
{
	cleanup_buf struct buf line = BUF_INIT;
	int r;

	r = template_apply(&f->template, put_header, f, &line, err);
	if (r < 0)
		return r;
	if (buf_finish(&line) < 0)
		return err_oom(err);
	return add_cells(f, line.data, err);
}

int format_row(struct format *f, const void *row, struct buf *out, struct err *err)
{
	struct row_context context = { f, row };
	cleanup_buf struct buf line = BUF_INIT;
	int r;

	if (f->is_table && !f->cells) {
		r = add_headers(f, err);
		if (r < 0)
			return r;
	}
	if (f->is_json)
		r = put_object(f, row, &line, err);
	else
		r = template_apply(&f->template, put_field, &context, &line, err);
	if (r < 0)
		return r;
	if (buf_finish(&line) < 0)
		return err_oom(err);
	if (f->is_table)
		return add_cells(f, line.data, err);
	buf_printf(out, "%s\n", line.data);
	return 0;
}

/* Code points, which is near enough to columns: continuation bytes take no room. */
static size_t text_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static size_t column_width(const struct format *f, size_t column)
{
	size_t width = 0;

	for (size_t i = column; i < f->cell_count; i += f->width) {
		size_t w = text_width(f->cells[i]);

		width = w > width ? w : width;
	}
	return width;
}

/* One line of the table. Blanks at its end would only be in the way of who copies it. */
static void put_line(
	const struct format *f, char *const *cells, const size_t *widths, struct buf *out)
{
	size_t last = f->width;
	size_t gap;

	while (last > 0 && !*cells[last - 1])
		last--;
	for (size_t i = 0; i < last; i++) {
		gap = i + 1 < last ? widths[i] - text_width(cells[i]) + COLUMN_GAP : 0;
		buf_printf(out, "%s%*s", cells[i], (int)gap, "");
	}
	buf_putc(out, '\n');
}

int format_finish(struct format *f, struct buf *out, struct err *err)
{
	cleanup_free size_t *widths = NULL;
	int r;

	if (!f->is_table)
		return 0;
	if (!f->cells) {
		r = add_headers(f, err);
		if (r < 0)
			return r;
	}
	widths = calloc(f->width, sizeof(*widths));
	if (!widths)
		return err_oom(err);
	for (size_t i = 0; i < f->width; i++)
		widths[i] = column_width(f, i);
	for (size_t i = 0; i < f->cell_count; i += f->width)
		put_line(f, f->cells + i, widths, out);
	return 0;
}
