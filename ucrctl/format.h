/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists for people and for scripts, from one table of columns each: aligned under headers
 * (`table …`, the default), by a template, or one JSON object a line (`json`).
 */
#ifndef UCR_UCRCTL_FORMAT_H
#define UCR_UCRCTL_FORMAT_H

#include "common/options.h"
#include "ucrctl/template.h"

struct format_style {
	bool is_full; /* --no-trunc: whole ids and commands */
	int64_t now;  /* nanoseconds since the epoch, for "2 minutes ago" */
};

struct format_column {
	const char *name;   /* "ID", in {{.ID}} and in JSON */
	const char *header; /* "CONTAINER ID" */
	/* Appends the value as plain text; what is not printable is cared for later. */
	void (*put)(const void *row, const struct format_style *style, struct buf *out);
	bool is_number; /* an integer, and one in JSON too */
	bool is_json;	/* JSON, and the same in JSON too */
};

/* The options --format, -q and --no-trunc, which lists have in common. */
struct format_options {
	const char *format;
	bool is_quiet;
	bool is_full;
};
extern const struct option_spec format_list_options[];

struct format {
	const struct format_column *columns; /* ended by an empty row */
	struct format_style style;
	struct template template;
	bool is_table, is_json;
	char **cells; /* of a table, row after row */
	size_t cell_count, cell_room;
	size_t width; /* columns of the table */
};

#define cleanup_format cleanup_with(format_done)

/* `normal`: the template without --format; `quiet`: with -q. */
int format_init(struct format *f, const struct format_column *columns,
	const struct format_options *options, const char *normal, const char *quiet,
	struct err *err) __attribute__((warn_unused_result));
void format_done(struct format *f);

/* Writes a row, or keeps it until format_finish() aligns the table. */
int format_row(struct format *f, const void *row, struct buf *out, struct err *err)
	__attribute__((warn_unused_result));
int format_finish(struct format *f, struct buf *out, struct err *err)
	__attribute__((warn_unused_result));

#endif
