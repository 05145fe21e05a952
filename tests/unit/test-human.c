/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/timestamp.h"
#include "ucrctl/human.h"

#include <errno.h>

static void test_bytes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = { { 0, "0B" }, { 1023, "1023B" }, { 1024, "1.0KiB" },
		{ 1536, "1.5KiB" }, { 100 << 10, "100KiB" }, { 5 << 20, "5.0MiB" },
		{ UINT64_MAX, "15.9EiB" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_buf struct buf out = BUF_INIT;

		human_bytes(&out, cases[i].bytes);
		assert_int_equal(buf_finish(&out), 0);
		assert_string_equal(out.data, cases[i].text);
	}
}

static void test_durations(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = { { -5, "0 seconds" }, { 1, "1 second" }, { 59, "59 seconds" },
		{ 119, "119 seconds" }, { 120, "2 minutes" }, { 5400, "90 minutes" },
		{ 7200, "2 hours" }, { 86400 * 13, "13 days" }, { 86400 * 14, "2 weeks" },
		{ 86400 * 800, "2 years" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_buf struct buf out = BUF_INIT;

		human_duration(&out, cases[i].seconds * TIMESTAMP_SECOND);
		assert_int_equal(buf_finish(&out), 0);
		assert_string_equal(out.data, cases[i].text);
	}
}

static void test_moments(void **state)
{
	const int64_t now = 1000000 * TIMESTAMP_SECOND;
	int64_t t = 7;

	assert_int_equal(human_moment("10m", now, &t), 0);
	assert_true(t == now - 600 * TIMESTAMP_SECOND);
	assert_int_equal(human_moment("1700000000", now, &t), 0);
	assert_true(t == 1700000000 * TIMESTAMP_SECOND);
	assert_int_equal(human_moment("1970-01-02T00:00:00Z", now, &t), 0);
	assert_true(t == 86400 * TIMESTAMP_SECOND);
	assert_int_equal(human_moment("yesterday", now, &t), -EINVAL);
	assert_int_equal(human_moment("", now, &t), -EINVAL);
	assert_int_equal(human_moment("99999999999999999999", now, &t), -ERANGE);
	assert_int_equal(human_moment("90000d", now, &t), -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_moments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
