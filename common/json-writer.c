/* SPDX-License-Identifier: Apache-2.0 */
/* The streaming writer. */
#include "common/json.h"

#include "common/str.h"

#include <inttypes.h>
#include <stdio.h>

static void new_line(struct json_writer *w)
{
	if (!w->is_pretty)
		return;
	buf_putc(w->buf, '\n');
	for (unsigned int i = 0; i < w->depth; i++)
		buf_puts(w->buf, "  ");
}

/* Escapes what RFC 8259 demands, and DEL; text that is not UTF-8 goes out as it is. */
static void put_escaped(struct buf *b, const char *s, size_t len)
{
	static const char *const named[0x80] = { ['"'] = "\\\"",
		['\\'] = "\\\\",
		['\n'] = "\\n",
		['\r'] = "\\r",
		['\t'] = "\\t" };
	size_t from = 0;

	buf_putc(b, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		buf_put(b, s + from, i - from);
		from = i + 1;
		if (named[c])
			buf_puts(b, named[c]);
		else
			buf_printf(b, "\\u%04x", c);
	}
	buf_put(b, s + from, len - from);
	buf_putc(b, '"');
}

static void begin_value(struct json_writer *w, const char *key)
{
	if (w->needs_comma)
		buf_putc(w->buf, ',');
	if (w->depth)
		new_line(w);
	w->needs_comma = true;
	if (!key)
		return;
	put_escaped(w->buf, key, strlen(key));
	buf_puts(w->buf, w->is_pretty ? ": " : ":");
}

static void open_level(struct json_writer *w, const char *key, char c)
{
	begin_value(w, key);
	buf_putc(w->buf, c);
	w->depth++;
	w->needs_comma = false;
}

static void close_level(struct json_writer *w, char c)
{
	w->depth--;
	if (w->needs_comma)
		new_line(w);
	buf_putc(w->buf, c);
	w->needs_comma = true;
}

void jw_object(struct json_writer *w, const char *key)
{
	open_level(w, key, '{');
}

void jw_object_end(struct json_writer *w)
{
	close_level(w, '}');
}

void jw_array(struct json_writer *w, const char *key)
{
	open_level(w, key, '[');
}

void jw_array_end(struct json_writer *w)
{
	close_level(w, ']');
}

void jw_string_len(struct json_writer *w, const char *key, const char *value, size_t len)
{
	begin_value(w, key);
	put_escaped(w->buf, value, len);
}

void jw_string(struct json_writer *w, const char *key, const char *value)
{
	if (value)
		jw_string_len(w, key, value, strlen(value));
	else
		jw_null(w, key);
}

void jw_strv(struct json_writer *w, const char *key, char *const *values)
{
	jw_array(w, key);
	strv_each (s, values)
		jw_string(w, NULL, *s);
	jw_array_end(w);
}

void jw_string_map(struct json_writer *w, const char *key, char *const *assignments)
{
	jw_object(w, key);
	strv_each (s, assignments) {
		size_t len = strcspn(*s, "=");

		begin_value(w, NULL);
		put_escaped(w->buf, *s, len);
		buf_puts(w->buf, w->is_pretty ? ": " : ":");
		len += (*s)[len] == '=';
		put_escaped(w->buf, *s + len, strlen(*s + len));
	}
	jw_object_end(w);
}

void jw_bool(struct json_writer *w, const char *key, bool value)
{
	begin_value(w, key);
	buf_puts(w->buf, value ? "true" : "false");
}

void jw_u64(struct json_writer *w, const char *key, uint64_t value)
{
	begin_value(w, key);
	buf_printf(w->buf, "%" PRIu64, value);
}

void jw_i64(struct json_writer *w, const char *key, int64_t value)
{
	begin_value(w, key);
	buf_printf(w->buf, "%" PRId64, value);
}

void jw_milli(struct json_writer *w, const char *key, int64_t thousandths)
{
	uint64_t value =
		thousandths < 0 ? 0 - (uint64_t)thousandths : (uint64_t)thousandths;
	unsigned int part = value % 1000, digits = 3;

	for (; digits > 1 && part % 10 == 0; digits--)
		part /= 10;
	begin_value(w, key);
	buf_printf(w->buf, "%s%" PRIu64 ".%0*u", thousandths < 0 ? "-" : "", value / 1000,
		(int)digits, part);
}

void jw_null(struct json_writer *w, const char *key)
{
	begin_value(w, key);
	buf_puts(w->buf, "null");
}

/* Recursion is bounded: a parsed tree has at most JSON_DEPTH_MAX levels. */
void jw_json(struct json_writer *w, const char *key, const struct json *value)
{
	static const char brackets[][2] = {
		[JSON_ARRAY] = { '[', ']' }, [JSON_OBJECT] = { '{', '}' }
	};

	switch (value->type) {
	case JSON_NULL: jw_null(w, key); return;
	case JSON_BOOL: jw_bool(w, key, value->is_true); return;
	case JSON_STRING: jw_string_len(w, key, value->string, value->len); return;
	case JSON_NUMBER:
		begin_value(w, key);
		buf_put(w->buf, value->string, value->len);
		return;
	case JSON_ARRAY:
	case JSON_OBJECT:
		open_level(w, key, brackets[value->type][0]);
		json_each (child, value)
			jw_json(w, child->key, child);
		close_level(w, brackets[value->type][1]);
		return;
	}
}
