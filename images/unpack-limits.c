/* SPDX-License-Identifier: Apache-2.0 */
#include "images/unpack-limits.h"

#include "common/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static const struct limit_row {
	const char *name;
	size_t offset;
	uint64_t value;
} rows[] = {
	{ "bytes", offsetof(struct unpack_limits, bytes), 256ULL << 30 },
	{ "entries", offsetof(struct unpack_limits, entries), 8000000 },
	{ "path", offsetof(struct unpack_limits, path), 4095 },
	{ "depth", offsetof(struct unpack_limits, depth), 256 },
	{ "xattr", offsetof(struct unpack_limits, xattr), 65536 },
	{ "ratio", offsetof(struct unpack_limits, ratio), 250 },
	{ "ratio_from", offsetof(struct unpack_limits, ratio_from), 1ULL << 30 },
	{ 0 },
};

static uint64_t *limit_of(struct unpack_limits *limits, const struct limit_row *row)
{
	return (uint64_t *)((char *)limits + row->offset);
}

void unpack_limits_init(struct unpack_limits *ret)
{
	for (const struct limit_row *row = rows; row->name; row++)
		*limit_of(ret, row) = row->value;
}

int unpack_limits_decode(const struct json *v, struct unpack_limits *ret, struct err *err)
{
	int r;

	for (const struct limit_row *row = rows; row->name; row++) {
		const struct json *member = json_get(v, row->name);

		if (!member || member->type == JSON_NULL)
			continue;
		r = json_u64(member, limit_of(ret, row), NULL, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int unpack_usage_bytes(
	struct unpack_usage *u, uint64_t more, const char *member, struct err *err)
{
	char show[SHOWN_MAX];

	if (more <= u->limits->bytes - u->bytes) {
		u->bytes += more;
		return 0;
	}
	return err_say(err, EFBIG,
		"the image unpacks to more than %" PRIu64 " bytes, the limit (at %s)",
		u->limits->bytes, shown(member, show));
}

int unpack_usage_entry(struct unpack_usage *u, const char *member, struct err *err)
{
	char show[SHOWN_MAX];

	if (u->entries < u->limits->entries) {
		u->entries++;
		return 0;
	}
	return err_say(err, EFBIG,
		"the image has more than %" PRIu64 " members, the limit (at %s)",
		u->limits->entries, shown(member, show));
}

/* str_printable() stops where an escaped character might no longer fit. */
#define SHOWN_SLACK 8

const char *shown(const char *name, char ret[SHOWN_MAX])
{
	const size_t keep = SHOWN_MAX / 2;
	size_t len;

	str_printable(name, ret, SHOWN_MAX);
	len = strlen(ret);
	if (len + SHOWN_SLACK >= SHOWN_MAX)
		(void)snprintf(ret + keep, SHOWN_MAX - keep, "…");
	return ret;
}
