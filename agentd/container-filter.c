/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-filter.h"

#include "common/str.h"

#include <errno.h>

static bool has_id(const struct container *c, const char *value)
{
	return str_skip_prefix(c->id, value);
}

static bool has_name(const struct container *c, const char *value)
{
	return c->name && strstr(c->name, value);
}

static bool has_image(const struct container *c, const char *value)
{
	const char *hex = c->image_id ? str_skip_prefix(c->image_id, "sha256:") : NULL;

	if (c->image && str_eq(c->image, value))
		return true;
	return c->image_id && *value &&
	       (str_skip_prefix(c->image_id, value) ||
		       (hex && str_skip_prefix(hex, value)));
}

static bool has_label(const struct container *c, const char *value)
{
	size_t len = strlen(value);

	strv_each (label, c->labels) {
		if (strncmp(*label, value, len) == 0 &&
			(!(*label)[len] || (!strchr(value, '=') && (*label)[len] == '=')))
			return true;
	}
	return false;
}

static bool has_status(const struct container *c, const char *value)
{
	return str_eq(container_status_name(c->status), value);
}

static bool has_exited(const struct container *c, const char *value)
{
	uint32_t n;

	return c->status == CONTAINER_EXITED && str_to_u32(value, &n) == 0 &&
	       c->end.exit_status == (int)n;
}

static int check_status(const char *value, struct err *err)
{
	enum container_status ignored;

	if (container_status_parse(value, &ignored) == 0)
		return 0;
	(void)err_say(err, EINVAL, "--filter: \"%.80s\" is no status", value);
	return err_hint(
		err, "a container is created, creating, running, paused, exited or lost");
}

static int check_exited(const char *value, struct err *err)
{
	uint32_t n;

	if (str_to_u32(value, &n) == 0 && n <= 255)
		return 0;
	return err_say(
		err, EINVAL, "--filter: \"%.80s\" is no exit status (0 to 255)", value);
}

static const struct filter {
	const char *key;
	bool (*matches)(const struct container *c, const char *value);
	int (*check)(const char *value, struct err *err); /* NULL: any value will do */
	bool is_about_end; /* looks at ended containers without -a */
	bool holds_each;   /* all its values have to match, not one of them */
} filters_known[] = {
	{ "id", has_id },
	{ "name", has_name },
	{ "image", has_image },
	{ "ancestor", has_image },
	{ "label", has_label, .holds_each = true },
	{ "status", has_status, check_status, .is_about_end = true },
	{ "exited", has_exited, check_exited, .is_about_end = true },
};

#define FILTER_COUNT (sizeof(filters_known) / sizeof(filters_known[0]))

static const char *value_of(const struct filter *f, const char *filter)
{
	const char *rest = str_skip_prefix(filter, f->key);

	return rest && *rest == '=' ? rest + 1 : NULL;
}

static int check_one(const char *filter, struct err *err)
{
	for (size_t i = 0; i < FILTER_COUNT; i++) {
		const char *value = value_of(&filters_known[i], filter);

		if (value)
			return filters_known[i].check ? filters_known[i].check(value, err)
						      : 0;
	}
	(void)err_say(err, EINVAL, "--filter: \"%.80s\" is not understood", filter);
	return err_hint(err,
		"write KEY=VALUE with a KEY of id, name, image, label, status, exited");
}

int container_filters_check(char *const *filters, struct err *err)
{
	int r;

	strv_each (filter, filters) {
		r = check_one(*filter, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool holds(const struct filter *f, const struct container *c, char *const *filters)
{
	bool is_asked = false, is_any = false, is_each = true;

	strv_each (filter, filters) {
		const char *value = value_of(f, *filter);
		bool is_match;

		if (!value)
			continue;
		is_match = f->matches(c, value);
		is_asked = true;
		is_any |= is_match;
		is_each &= is_match;
	}
	return !is_asked || (f->holds_each ? is_each : is_any);
}

static bool asks_about_end(char *const *filters)
{
	for (size_t i = 0; i < FILTER_COUNT; i++) {
		strv_each (filter, filters) {
			if (filters_known[i].is_about_end &&
				value_of(&filters_known[i], *filter))
				return true;
		}
	}
	return false;
}

bool container_matches(const struct container *c, char *const *filters, bool is_all)
{
	if (!is_all && !container_is_live(c) && !asks_about_end(filters))
		return false;
	for (size_t i = 0; i < FILTER_COUNT; i++) {
		if (!holds(&filters_known[i], c, filters))
			return false;
	}
	return true;
}
