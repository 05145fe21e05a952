/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-filter.h"

#include "common/filter.h"
#include "common/str.h"

#include <errno.h>

static bool has_id(const void *item, const char *value)
{
	const struct container *c = item;

	return str_skip_prefix(c->id, value);
}

static bool has_name(const void *item, const char *value)
{
	const struct container *c = item;

	return c->name && strstr(c->name, value);
}

static bool has_image(const void *item, const char *value)
{
	const struct container *c = item;
	const char *hex = c->image_id ? str_skip_prefix(c->image_id, "sha256:") : NULL;

	if (c->image && str_eq(c->image, value))
		return true;
	return c->image_id && *value &&
	       (str_skip_prefix(c->image_id, value) ||
		       (hex && str_skip_prefix(hex, value)));
}

static bool has_label(const void *item, const char *value)
{
	const struct container *c = item;
	size_t len = strlen(value);

	strv_each (label, c->labels) {
		if (strncmp(*label, value, len) == 0 &&
			(!(*label)[len] || (!strchr(value, '=') && (*label)[len] == '=')))
			return true;
	}
	return false;
}

static bool has_status(const void *item, const char *value)
{
	const struct container *c = item;

	return str_eq(container_status_name(c->status), value);
}

static bool has_exited(const void *item, const char *value)
{
	const struct container *c = item;
	uint32_t n;

	return c->status == CONTAINER_EXITED && str_to_u32(value, &n) == 0 &&
	       c->end.exit_status == (int)n;
}

static int check_status(const char *value, struct err *err)
{
	enum container_status ignored;

	if (container_status_parse(value, &ignored) == 0)
		return 0;
	(void)err_say(err, EINVAL, "\"%.80s\" is no status", value);
	return err_hint(
		err, "a container is created, creating, running, paused, exited or lost");
}

static int check_exited(const char *value, struct err *err)
{
	uint32_t n;

	if (str_to_u32(value, &n) == 0 && n <= 255)
		return 0;
	return err_say(err, EINVAL, "\"%.80s\" is no exit status (0 to 255)", value);
}

static const struct filter filters_known[] = {
	{ "id", has_id },
	{ "name", has_name },
	{ "image", has_image },
	{ "ancestor", has_image },
	{ "label", has_label, .holds_each = true },
	{ "status", has_status, check_status },
	{ "exited", has_exited, check_exited },
	{ 0 },
};

int container_filters_check(const char *option, char *const *filters, struct err *err)
{
	return filters_check(filters_known, option, filters, err);
}

bool container_matches(const struct container *c, char *const *filters, bool is_all)
{
	bool is_about_end =
		filters_have(filters, "status") || filters_have(filters, "exited");

	return (is_all || is_about_end || container_is_live(c)) &&
	       filters_match(filters_known, filters, c);
}
