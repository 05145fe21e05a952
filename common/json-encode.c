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

static void encode_members(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	const struct json_array_of *of = arg;
	const struct json_items *items = in;

	if (!items->count && !required)
		return;
	jw_object(w, key);
	for (size_t i = 0; i < items->count; i++) {
		const void *at = (const char *)items->items + i * of->item_size;

		jw_object(w, *(char *const *)at);
		json_encode(w, of->fields, at);
		jw_object_end(w);
	}
	jw_object_end(w);
}

static void encode_present(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	if (!*(const bool *)in)
		return;
	jw_object(w, key);
	json_encode(w, arg, in);
	jw_object_end(w);
}

static void release_string(void *at, const void *arg)
{
	free(*(char **)at);
	*(char **)at = NULL;
}

static void release_strv(void *at, const void *arg)
{
	strv_free(*(strv *)at);
	*(strv *)at = NULL;
}

static void release_object(void *at, const void *arg)
{
	json_release(arg, at);
}

static void release_items(
	const struct json_items *items, const struct json_array_of *of, bool has_names)
{
	for (size_t i = 0; i < items->count; i++) {
		char *at = (char *)items->items + i * of->item_size;

		if (has_names)
			release_string(at, NULL);
		if (of->fields)
			json_release(of->fields, at);
		else if (of->decode == json_string)
			release_string(at, NULL);
	}
	free(items->items);
}

static void release_array(void *at, const void *arg)
{
	release_items(at, arg, false);
	*(struct json_items *)at = (struct json_items){ 0 };
}

static void release_members(void *at, const void *arg)
{
	release_items(at, arg, true);
	*(struct json_items *)at = (struct json_items){ 0 };
}

struct kind {
	int (*decode)(const struct json *v, void *out, const void *arg, struct err *err);
	encode_fn encode;
	void (*release)(void *at, const void *arg);
};

static const struct kind kinds[] = {
	{ json_string, encode_string, release_string },
	{ json_strv, encode_strv, release_strv },
	{ json_string_map, encode_string_map, release_strv },
	{ json_bool, encode_bool, NULL },
	{ json_u64, encode_u64, NULL },
	{ json_i64, encode_i64, NULL },
	{ json_u32, encode_u32, NULL },
	{ json_i32, encode_i32, NULL },
	{ json_object, encode_object, release_object },
	{ json_present, encode_present, release_object },
	{ json_array, encode_array, release_array },
	{ json_members, encode_members, release_members },
};

static const struct kind *find_kind(const struct json_field *field)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].decode == field->decode)
			return &kinds[i];
	}
	return NULL;
}

void json_release(const struct json_field *fields, void *out)
{
	const struct kind *kind;

	for (const struct json_field *f = fields; f->key; f++) {
		kind = find_kind(f);
		if (kind && kind->release)
			kind->release((char *)out + f->offset, f->arg);
	}
}

static void encode_nothing(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
}

static encode_fn find_encoder(const struct json_field *field)
{
	const struct kind *kind = find_kind(field);

	if (field->encode)
		return field->encode;
	return kind ? kind->encode : encode_nothing;
}

void json_encode(struct json_writer *w, const struct json_field *fields, const void *in)
{
	for (const struct json_field *f = fields; f->key; f++)
		find_encoder(f)(
			w, f->key, (const char *)in + f->offset, f->arg, f->required);
}
