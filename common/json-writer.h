/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON out: a streaming writer over struct buf. Commas and escapes are its business;
 * numbers are written as given. A value inside an object takes its key, inside an array
 * NULL. Running out of memory is sticky, as in struct buf: buf_finish() tells.
 */
#ifndef UCR_COMMON_JSON_WRITER_H
#define UCR_COMMON_JSON_WRITER_H

#include "common/buf.h"

#include <stdint.h>

struct json;

struct json_writer {
	struct buf *buf;
	unsigned int depth;
	bool needs_comma;
	bool is_pretty; /* two spaces a level, for people */
};

#define JSON_WRITER(b)                                                                   \
	{                                                                                \
		.buf = (b)                                                               \
	}

void jw_object(struct json_writer *w, const char *key);
void jw_object_end(struct json_writer *w);
void jw_array(struct json_writer *w, const char *key);
void jw_array_end(struct json_writer *w);
void jw_string(
	struct json_writer *w, const char *key, const char *value); /* NULL: null */
void jw_string_len(struct json_writer *w, const char *key, const char *value, size_t len);
void jw_strv(struct json_writer *w, const char *key, char *const *values);
void jw_string_map(struct json_writer *w, const char *key, char *const *assignments);
void jw_bool(struct json_writer *w, const char *key, bool value);
void jw_u64(struct json_writer *w, const char *key, uint64_t value);
void jw_i64(struct json_writer *w, const char *key, int64_t value);
/* A decimal of thousandths: 4.0, 0.25. */
void jw_milli(struct json_writer *w, const char *key, int64_t thousandths);
void jw_null(struct json_writer *w, const char *key);
void jw_json(struct json_writer *w, const char *key, const struct json *value);

#endif
