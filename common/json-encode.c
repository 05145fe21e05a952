/* SPDX-License-Identifier: Apache-2.0 */
/* Decode tables read backwards: from structs to JSON. */
#include "common/json.h"

#include "common/str.h"

typedef void (*encode_fn)(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required);

static void encode_string(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	const char *s = *(char *const *)in;

	if (s || required)
		jw_string(w, key, s ? s : "");
}

static void encode_strv(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	strv v = *(const strv *)in;

	if (strv_len(v) || required)
		jw_strv(w, key, v);
}

static void encode_string_map(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	strv v = *(const strv *)in;

	if (strv_len(v) || required)
		jw_string_map(w, key, v);
}

static void encode_bool(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	if (*(const bool *)in || required)
		jw_bool(w, key, *(const bool *)in);
}

static void encode_u64(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	if (*(const uint64_t *)in || required)
		jw_u64(w, key, *(const uint64_t *)in);
}

static void encode_i64(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	if (*(const int64_t *)in || required)
		jw_i64(w, key, *(const int64_t *)in);
}

static void encode_u32(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	if (*(const uint32_t *)in || required)
		jw_u64(w, key, *(const uint32_t *)in);
}

static void encode_i32(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	if (*(const int32_t *)in || required)
		jw_i64(w, key, *(const int32_t *)in);
}

/* An object whose members are all absent is left out again. */
static void encode_object(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	struct json_writer before = *w;
	size_t len = w->buf->len, inside;

	jw_object(w, key);
	inside = w->buf->len;
	json_encode(w, arg, in);
	if (w->buf->len == inside && !required && !w->buf->failed) {
		w->buf->len = len;
		w->buf->data[len] = '\0';
		*w = before;
		return;
	}
	jw_object_end(w);
}

static encode_fn find_encoder(const struct json_field *field);

static void encode_array(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	const struct json_array_of *of = arg;
	const struct json_items *items = in;

	if (!items->count && !required)
		return;
	jw_array(w, key);
	for (size_t i = 0; i < items->count; i++) {
		const void *at = (const char *)items->items + i * of->item_size;

		if (of->fields) {
			jw_object(w, NULL);
			json_encode(w, of->fields, at);
			jw_object_end(w);
		} else {
			struct json_field field = { .decode = of->decode };

			find_encoder (&field)(w, NULL, at, NULL, true);
		}
	}
	jw_array_end(w);
}

static const struct {
	int (*decode)(const struct json *v, void *out, const void *arg, struct err *err);
	encode_fn encode;
} encoders[] = {
	{ json_string, encode_string },
	{ json_strv, encode_strv },
	{ json_string_map, encode_string_map },
	{ json_bool, encode_bool },
	{ json_u64, encode_u64 },
	{ json_i64, encode_i64 },
	{ json_u32, encode_u32 },
	{ json_i32, encode_i32 },
	{ json_object, encode_object },
	{ json_array, encode_array },
};

static void encode_nothing(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
}

static encode_fn find_encoder(const struct json_field *field)
{
	if (field->encode)
		return field->encode;
	for (size_t i = 0; i < sizeof(encoders) / sizeof(encoders[0]); i++) {
		if (encoders[i].decode == field->decode)
			return encoders[i].encode;
	}
	return encode_nothing;
}

void json_encode(struct json_writer *w, const struct json_field *fields, const void *in)
{
	for (const struct json_field *f = fields; f->key; f++)
		find_encoder(f)(
			w, f->key, (const char *)in + f->offset, f->arg, f->required);
}
