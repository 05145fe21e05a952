/* SPDX-License-Identifier: Apache-2.0 */
/* The setters: one kind of value each. */
#include "common/options.h"
#include "common/str.h"

#include <errno.h>

/* 0, or the sentence for a value that a parser of common/str.h refused. */
static int judge(
	int r, const char *value, const char *what, const char *example, struct err *err)
{
	if (r == -ERANGE)
		return err_say(
			err, ERANGE, "\"%.80s\" is out of range (%s)", value, example);
	if (r < 0)
		return err_say(
			err, EINVAL, "\"%.80s\" is not %s (%s)", value, what, example);
	return 0;
}

int option_string(
	const struct option_spec *option, const char *value, void *dst, struct err *err)
{
	*(const char **)dst = value;
	return 0;
}

int option_json(
	const struct option_spec *option, const char *value, void *dst, struct err *err)
{
	return option_string(option, value, dst, err);
}

int option_strv(
	const struct option_spec *option, const char *value, void *dst, struct err *err)
{
	return strv_add(dst, value) < 0 ? err_oom(err) : 0;
}

/* The words that Go's strconv.ParseBool takes, which scripts written for docker use. */
static const struct {
	const char *word;
	bool value;
} bool_words[] = {
	{ "true", true },
	{ "1", true },
	{ "t", true },
	{ "T", true },
	{ "TRUE", true },
	{ "True", true },
	{ "false", false },
	{ "0", false },
	{ "f", false },
	{ "F", false },
	{ "FALSE", false },
	{ "False", false },
};

int option_bool(
	const struct option_spec *option, const char *value, void *dst, struct err *err)
{
	if (!value) {
		*(bool *)dst = true;
		return 0;
	}
	for (size_t i = 0; i < sizeof(bool_words) / sizeof(bool_words[0]); i++) {
		if (str_eq(bool_words[i].word, value)) {
			*(bool *)dst = bool_words[i].value;
			return 0;
		}
	}
	return err_say(err, EINVAL, "\"%.80s\" is neither true nor false", value);
}

int option_u32(
	const struct option_spec *option, const char *value, void *dst, struct err *err)
{
	return judge(str_to_u32(value, dst), value, "a number", "0 to 4294967295", err);
}

int option_i64(
	const struct option_spec *option, const char *value, void *dst, struct err *err)
{
	return judge(str_to_i64(value, dst), value, "a number",
		"use for example 100 or -1", err);
}

int option_bytes(
	const struct option_spec *option, const char *value, void *dst, struct err *err)
{
	return judge(str_to_bytes(value, dst), value, "a size",
		"use for example 64m or 1.5g", err);
}

int option_ms(
	const struct option_spec *option, const char *value, void *dst, struct err *err)
{
	return judge(str_to_ms(value, dst), value, "a time",
		"use for example 10, 1.5s or 2m", err);
}

int option_choice(
	const struct option_spec *option, const char *value, void *dst, struct err *err)
{
	const char *const *names = option->param;
	cleanup_buf struct buf list = BUF_INIT;

	for (unsigned int i = 0; names[i]; i++) {
		if (str_eq(names[i], value)) {
			*(unsigned int *)dst = i;
			return 0;
		}
		buf_printf(&list, "%s%s", i ? ", " : "", names[i]);
	}
	if (buf_finish(&list) < 0)
		return err_oom(err);
	return err_say(err, EINVAL, "\"%.80s\" is not one of %s", value, list.data);
}

int option_name(
	const struct option_spec *option, const char *value, void *dst, struct err *err)
{
	if (!str_is_name(value))
		return err_say(err, EINVAL,
			"\"%.80s\" is not a name (letters, digits, \"_\", \"-\", \".\")",
			value);
	if (*value == '-')
		return err_say(err, EINVAL,
			"\"%.80s\" begins with \"-\": other verbs would take it for an option",
			value);
	*(const char **)dst = value;
	return 0;
}
