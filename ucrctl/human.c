/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/human.h"

#include "common/str.h"
#include "common/timestamp.h"

#include <errno.h>

void human_bytes(struct buf *out, uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB",
		"EiB" };
	uint64_t rest = 0;
	size_t unit = 0;

	while (bytes >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		rest = bytes % 1024;
		bytes /= 1024;
		unit++;
	}
	if (unit == 0 || bytes >= 100)
		buf_printf(out, "%llu%s", (unsigned long long)bytes, units[unit]);
	else
		buf_printf(out, "%llu.%llu%s", (unsigned long long)bytes,
			(unsigned long long)(rest * 10 / 1024), units[unit]);
}

static const struct {
	const char *name;
	int64_t seconds;
} time_units[] = {
	{ "year", 365 * 86400 },
	{ "month", 30 * 86400 },
	{ "week", 7 * 86400 },
	{ "day", 86400 },
	{ "hour", 3600 },
	{ "minute", 60 },
	{ "second", 1 },
};

void human_duration(struct buf *out, int64_t ns)
{
	int64_t seconds = ns > 0 ? ns / TIMESTAMP_SECOND : 0, n;
	size_t i = 0;

	/* Two of a unit are needed, so that "90 minutes" is not "1 hour". */
	while (time_units[i].seconds > 1 && seconds < 2 * time_units[i].seconds)
		i++;
	n = seconds / time_units[i].seconds;
	buf_printf(out, "%lld %s%s", (long long)n, time_units[i].name, n == 1 ? "" : "s");
}

int human_moment(const char *text, int64_t now, int64_t *ret)
{
	uint64_t n;
	int r;

	if (timestamp_parse(text, ret) == 0)
		return 0;
	if (str_to_u64(text, &n) == 0) {
		if (n > (uint64_t)(INT64_MAX / TIMESTAMP_SECOND))
			return -ERANGE;
		*ret = (int64_t)n * TIMESTAMP_SECOND;
		return 0;
	}
	r = str_to_ms(text, &n);
	if (r < 0)
		return r;
	if (n > (uint64_t)(now / 1000000))
		return -ERANGE;
	*ret = now - (int64_t)n * 1000000;
	return 0;
}

int option_moment(
	const struct option_spec *option, const char *value, void *dst, struct err *err)
{
	int r;

	r = human_moment(value, timestamp_now(), dst);
	if (r < 0)
		return err_say(err, -r,
			"\"%.80s\" is not a moment (use for example 10m for ten minutes ago, or "
			"2026-01-31T08:00:00Z)",
			value);
	return 0;
}
