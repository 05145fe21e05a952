/* SPDX-License-Identifier: Apache-2.0 */
#include "common/filter.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/str.h"

#include <errno.h>

static const char *value_of(const char *filter, const char *key)
{
	const char *rest = str_skip_prefix(filter, key);

	return rest && *rest == '=' ? rest + 1 : NULL;
}

static int refuse(const struct filter *known, const char *filter, struct err *err)
{
	cleanup_buf struct buf keys = BUF_INIT;

	for (const struct filter *f = known; f->key; f++)
		buf_printf(&keys, "%s%s", f == known ? "" : ", ", f->key);
	if (buf_finish(&keys) < 0)
		return err_oom(err);
	(void)err_say(err, EINVAL, "\"%.80s\" is not understood", filter);
	(void)err_hint(err, "write KEY=VALUE with a KEY of %s", keys.data);
	return -EINVAL;
}

static int check_one(const struct filter *known, const char *filter, struct err *err)
{
	for (const struct filter *f = known; f->key; f++) {
		const char *value = value_of(filter, f->key);

		if (value)
			return f->check ? f->check(value, err) : 0;
	}
	return refuse(known, filter, err);
}

int filters_check(const struct filter *known, const char *option, char *const *filters,
	struct err *err)
{
	strv_each (filter, filters) {
		int r = check_one(known, *filter, err);

		if (r < 0) {
			(void)err_wrap(err, "%s", option);
			return r;
		}
	}
	return 0;
}

static bool holds(const struct filter *f, char *const *filters, const void *item)
{
	bool is_asked = false, is_any = false, is_each = true;

	strv_each (filter, filters) {
		const char *value = value_of(*filter, f->key);
		bool is_match;

		if (!value)
			continue;
		is_match = f->matches(item, value);
		is_asked = true;
		is_any |= is_match;
		is_each &= is_match;
	}
	return !is_asked || (f->holds_each ? is_each : is_any);
}

bool filters_match(const struct filter *known, char *const *filters, const void *item)
{
	for (const struct filter *f = known; f->key; f++) {
		if (!holds(f, filters, item))
			return false;
	}
	return true;
}

bool filters_have(char *const *filters, const char *key)
{
	strv_each (filter, filters) {
		if (value_of(*filter, key))
			return true;
	}
	return false;
}
