/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/subids.h"

#include "common/cleanup.h"
#include "common/str.h"

#include <errno.h>

/* Splits "a:b:c" in place; false unless it has exactly three fields. */
static bool split_line(char *line, char *fields[3])
{
	for (int i = 0; i < 3; i++) {
		fields[i] = strsep(&line, ":");
		if (!fields[i] || !*fields[i])
			return false;
	}
	return !line;
}

static bool is_for_user(const char *field, const char *name, uint32_t uid)
{
	uint32_t id;

	return (name && str_eq(field, name)) || (str_to_id(field, &id) == 0 && id == uid);
}

/* A usable range of a line, or false. */
static bool parse_line(
	char *line, const char *name, uint32_t uid, struct spec_id_map *ret)
{
	char *fields[3];

	if (!split_line(line, fields) || !is_for_user(fields[0], name, uid))
		return false;
	if (str_to_id(fields[1], &ret->host_id) < 0 ||
		str_to_u32(fields[2], &ret->size) < 0)
		return false;
	return ret->size > 0 && ret->size <= UINT32_MAX - ret->host_id;
}

static int append(struct spec_id_maps *maps, const struct spec_id_map *map)
{
	struct spec_id_map *items;

	items = reallocarray(maps->items, maps->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	items[maps->count++] = *map;
	maps->items = items;
	return 0;
}

int subids_append(const char *text, const char *name, uint32_t uid, uint32_t first,
	struct spec_id_maps *maps)
{
	cleanup_free char *copy = strdup(text);
	char *at = copy, *line;
	size_t found = 0;

	if (!copy)
		return -ENOMEM;
	while ((line = strsep(&at, "\n")) && found < SUBIDS_RANGES_MAX) {
		struct spec_id_map map = { .container_id = first };

		if (!parse_line(line, name, uid, &map) || map.size > UINT32_MAX - first)
			continue;
		if (append(maps, &map) < 0)
			return -ENOMEM;
		first += map.size;
		found++;
	}
	return 0;
}
