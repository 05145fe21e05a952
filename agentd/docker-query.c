/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/docker-query.h"

#include "common/json.h"
#include "common/timestamp.h"

#include <errno.h>

#define NANOSECOND_DIGITS 9
#define SECONDS_MAX (INT64_MAX / 1000000000 - 1)

static int decode_one(
	const struct query_field *field, const char *value, void *out, struct err *err)
{
	int r = field->decode(value, (char *)out + field->offset, err);

	return r < 0 ? err_wrap(err, "%s", field->key) : 0;
}

int query_decode(
	char *const *query, const struct query_field *fields, void *out, struct err *err)
{
	for (; fields->key; fields++) {
		const char *value = strv_env_get(query, fields->key);
		int r = value ? decode_one(fields, value, out, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

int query_string(const char *text, void *out, struct err *err)
{
	return str_set(out, *text ? text : NULL) < 0 ? err_oom(err) : 0;
}

int query_bool(const char *text, void *out, struct err *err)
{
	static const char *const no[] = { "", "0", "no", "false", "False", "none", NULL };
	bool value = true;

	for (size_t i = 0; no[i]; i++)
		value &= !str_eq(no[i], text);
	*(bool *)out = value;
	return 0;
}

int query_u32(const char *text, void *out, struct err *err)
{
	if (!*text || str_to_u32(text, out) == 0)
		return 0;
	return err_say(err, EINVAL, "want a number, not \"%.40s\"", text);
}

/* What follows the point, as nanoseconds; -1: not digits. */
static int64_t read_fraction(const char *digits)
{
	int64_t ns = 0;

	for (int i = 0; i < NANOSECOND_DIGITS; i++) {
		if (*digits && (*digits < '0' || *digits > '9'))
			return -1;
		ns = ns * 10 + (*digits ? *digits++ - '0' : 0);
	}
	return *digits ? -1 : ns;
}

int query_time(const char *text, void *out, struct err *err)
{
	const char *point = strchr(text, '.');
	cleanup_free char *whole =
		point ? strndup(text, (size_t)(point - text)) : strdup(text);
	int64_t seconds = 0, ns = point ? read_fraction(point + 1) : 0;

	if (!whole)
		return err_oom(err);
	if (!*text || timestamp_parse(text, out) == 0)
		return 0;
	if (ns < 0 || str_to_i64(whole, &seconds) < 0 || seconds < 0 ||
		seconds > SECONDS_MAX)
		return err_say(err, EINVAL,
			"want seconds since 1970 or a time as 2006-01-02T15:04:05Z, not \"%.40s\"",
			text);
	*(int64_t *)out = seconds * TIMESTAMP_SECOND + ns;
	return 0;
}

static int add_filter(strv *filters, const char *key, const char *value, struct err *err)
{
	return strv_take(filters, str_printf("%s=%s", key, value)) < 0 ? err_oom(err) : 0;
}

static int add_filters(strv *filters, const struct json *values, struct err *err)
{
	int r = 0;

	if (values->type != JSON_ARRAY && values->type != JSON_OBJECT)
		return err_say(
			err, EINVAL, "%.40s must be an array of strings", values->key);
	json_each (value, values) {
		if (!value->key && value->type != JSON_STRING)
			return err_say(err, EINVAL, "%.40s must be an array of strings",
				values->key);
		if (!value->key || value->is_true)
			r = add_filter(filters, values->key,
				value->key ? value->key : value->string, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int query_filters(const char *text, void *out, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	int r;

	if (!*text)
		return 0;
	r = json_parse(text, strlen(text), &doc, err);
	if (r < 0)
		return r;
	if (json_root(doc)->type != JSON_OBJECT)
		return err_say(err, EINVAL, "want an object, as {\"label\":[\"a=b\"]}");
	json_each (values, json_root(doc)) {
		if (r == 0)
			r = add_filters(out, values, err);
	}
	return r;
}
