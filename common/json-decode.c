/* SPDX-License-Identifier: Apache-2.0 */
/* Decode tables: from a JSON tree to structs. */
#include "common/json.h"

#include "common/str.h"

#include <errno.h>
#include <stdio.h>

/* Puts "key." or "[index]" before the path with which every message of a decoder begins.
 */
static int prefix_path(struct err *err, int r, const char *step)
{
	struct err inner;
	char first;

	if (!err)
		return r;
	inner = *err;
	first = inner.text[0];
	(void)snprintf(err->text, sizeof(err->text), "%.99s%s%.640s", step,
		first == '[' || first == ' ' ? "" : ".", inner.text);
	return r;
}

int json_decode(
	const struct json *v, const struct json_field *fields, void *out, struct err *err)
{
	const struct json *member;
	int r;

	if (v->type != JSON_OBJECT)
		return err_say(err, EINVAL, " must be an object");
	for (const struct json_field *f = fields; f->key; f++) {
		member = json_get(v, f->key);
		if (!member || member->type == JSON_NULL) {
			if (!f->required)
				continue;
			return err_say(err, EINVAL, "%s is missing", f->key);
		}
		r = f->decode(member, (char *)out + f->offset, f->arg, err);
		if (r < 0)
			return prefix_path(err, r, f->key);
	}
	return 0;
}

int json_string(const struct json *v, void *out, const void *arg, struct err *err)
{
	if (v->type != JSON_STRING)
		return err_say(err, EINVAL, " must be a string");
	if (strlen(v->string) != v->len)
		return err_say(err, EINVAL, " must not hold a NUL character");
	return str_set(out, v->string) < 0 ? err_oom(err) : 0;
}

int json_strv(const struct json *v, void *out, const void *arg, struct err *err)
{
	strv *list = out, at;
	size_t count = 0;
	char step[32];
	int r;

	if (v->type != JSON_ARRAY)
		return err_say(err, EINVAL, " must be an array of strings");
	json_each (item, v)
		count++;
	if (!count)
		return 0;
	strv_free(*list);
	at = *list = strv_new(count);
	if (!at)
		return err_oom(err);
	json_each (item, v) {
		r = json_string(item, at, NULL, err);
		if (r < 0) {
			(void)snprintf(step, sizeof(step), "[%zu]", (size_t)(at - *list));
			return prefix_path(err, r, step);
		}
		at++;
	}
	return 0;
}

int json_string_map(const struct json *v, void *out, const void *arg, struct err *err)
{
	int r;

	if (v->type != JSON_OBJECT)
		return err_say(err, EINVAL, " must be an object of strings");
	json_each (member, v) {
		cleanup_free char *value = NULL;

		if (member->type == JSON_NULL)
			continue;
		r = json_string(member, &value, NULL, err);
		if (r < 0)
			return prefix_path(err, r, member->key);
		if (strv_take(out, str_printf("%s=%s", member->key, value)) < 0)
			return err_oom(err);
	}
	return 0;
}

int json_bool(const struct json *v, void *out, const void *arg, struct err *err)
{
	if (v->type != JSON_BOOL)
		return err_say(err, EINVAL, " must be true or false");
	*(bool *)out = v->is_true;
	return 0;
}

static int number_error(const struct json *v, int r, const char *range, struct err *err)
{
	if (v->type != JSON_NUMBER || r == -EINVAL)
		return err_say(err, EINVAL, " must be a whole number%s", range);
	return err_say(err, EINVAL, " is out of range: %s", v->string);
}

int json_u64(const struct json *v, void *out, const void *arg, struct err *err)
{
	int r = v->type == JSON_NUMBER ? str_to_u64(v->string, out) : -EINVAL;

	return r < 0 ? number_error(v, r, " of 0 or more", err) : 0;
}

int json_i64(const struct json *v, void *out, const void *arg, struct err *err)
{
	int r = v->type == JSON_NUMBER ? str_to_i64(v->string, out) : -EINVAL;

	return r < 0 ? number_error(v, r, "", err) : 0;
}

int json_u32(const struct json *v, void *out, const void *arg, struct err *err)
{
	int r = v->type == JSON_NUMBER ? str_to_u32(v->string, out) : -EINVAL;

	return r < 0 ? number_error(v, r, " of 0 or more", err) : 0;
}

int json_i32(const struct json *v, void *out, const void *arg, struct err *err)
{
	int64_t n = 0;
	int r = v->type == JSON_NUMBER ? str_to_i64(v->string, &n) : -EINVAL;

	if (r == 0 && (n < INT32_MIN || n > INT32_MAX))
		r = -ERANGE;
	if (r < 0)
		return number_error(v, r, "", err);
	*(int32_t *)out = (int32_t)n;
	return 0;
}

int json_object(const struct json *v, void *out, const void *arg, struct err *err)
{
	return json_decode(v, arg, out, err);
}

int json_present(const struct json *v, void *out, const void *arg, struct err *err)
{
	*(bool *)out = true;
	return json_decode(v, arg, out, err);
}

/* Makes room for one item per child; > 0 when there is something to decode. */
static int make_items(
	const struct json *v, struct json_items *items, size_t item_size, struct err *err)
{
	size_t count = 0;

	json_each (item, v)
		count++;
	if (!count || items->items)
		return 0;
	items->items = calloc(count, item_size);
	if (!items->items)
		return err_oom(err);
	items->count = count;
	return 1;
}

int json_array(const struct json *v, void *out, const void *arg, struct err *err)
{
	const struct json_array_of *of = arg;
	struct json_items *items = out;
	size_t i = 0;
	char step[32];
	int r;

	if (v->type != JSON_ARRAY)
		return err_say(err, EINVAL, " must be an array");
	r = make_items(v, items, of->item_size, err);
	if (r <= 0)
		return r;
	json_each (item, v) {
		void *at = (char *)items->items + i * of->item_size;

		r = of->fields ? json_decode(item, of->fields, at, err)
			       : of->decode(item, at, NULL, err);
		if (r < 0) {
			(void)snprintf(step, sizeof(step), "[%zu]", i);
			return prefix_path(err, r, step);
		}
		i++;
	}
	return 0;
}

int json_members(const struct json *v, void *out, const void *arg, struct err *err)
{
	const struct json_array_of *of = arg;
	struct json_items *items = out;
	char *at;
	int r;

	if (v->type != JSON_OBJECT)
		return err_say(err, EINVAL, " must be an object");
	r = make_items(v, items, of->item_size, err);
	if (r <= 0)
		return r;
	at = items->items;
	json_each (member, v) {
		if (str_set((char **)at, member->key) < 0)
			return err_oom(err);
		r = json_decode(member, of->fields, at, err);
		if (r < 0)
			return prefix_path(err, r, member->key);
		at += of->item_size;
	}
	return 0;
}
