/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/timestamp.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

static void test_known(void **state)
{
	char text[TIMESTAMP_MAX];
	int64_t ns;

	assert_int_equal(timestamp_parse("2016-10-06T00:17:09.669794202Z", &ns), 0);
	assert_true(ns == 1475713029669794202LL);
	assert_string_equal(timestamp_format(ns, text), "2016-10-06T00:17:09.669794202Z");
	assert_int_equal(timestamp_parse("2016-10-06T02:17:09.5+02:00", &ns), 0);
	assert_true(ns == 1475713029500000000LL);
	assert_int_equal(timestamp_parse("1970-01-02", &ns), 0);
	assert_true(ns == 86400 * TIMESTAMP_SECOND);
	assert_string_equal(timestamp_format(-5, text), "1970-01-01T00:00:00.000000000Z");
}

/* Every day that nanoseconds reach against the C library's calendar. */
static void test_calendar(void **state)
{
	char ours[TIMESTAMP_MAX], theirs[TIMESTAMP_MAX];
	struct tm tm;
	int64_t ns;

	for (time_t day = 0; day < 146097; day++) {
		time_t at = day * 86400 + day % 86400;

		if (at > INT64_MAX / TIMESTAMP_SECOND)
			break;
		assert_non_null(gmtime_r(&at, &tm));
		assert_true(strftime(theirs, sizeof(theirs),
				    "%Y-%m-%dT%H:%M:%S.000000000Z", &tm) > 0);
		(void)timestamp_format(at * TIMESTAMP_SECOND, ours);
		assert_string_equal(ours, theirs);
		assert_int_equal(timestamp_parse(ours, &ns), 0);
		assert_true(ns == at * TIMESTAMP_SECOND);
	}
}

static void test_malformed(void **state)
{
	static const char *const bad[] = { "", "2016", "2016-13-01", "2016-00-01",
		"2016-01-32", "2016-01-01T", "2016-01-01T00:00:00",
		"2016-01-01T24:00:00Z", "2016-01-01T00:00:00.Z", "2016-01-01T00:00:00Zx",
		"2016-01-01T00:00:00+2", "1969-12-31", "2263-01-01",
		"9999-12-31T23:59:59Z", "+016-01-01" };
	int64_t ns = 7;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(timestamp_parse(bad[i], &ns), -EINVAL);
	assert_true(ns == 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_calendar),
		cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
