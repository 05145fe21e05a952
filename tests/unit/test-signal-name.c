/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/signal-name.h"

#include <errno.h>
#include <signal.h>

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int signal;
	} cases[] = { { "SIGTERM", 15 }, { "term", 15 }, { "15", 15 }, { "sigkill", 9 },
		{ "CHLD", 17 }, { "SIGIOT", 6 }, { "RTMIN", 34 }, { "SIGRTMIN+3", 37 },
		{ "RTMAX-1", 63 }, { "RTMAX", 64 }, { "64", 64 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int n = 0;

		assert_int_equal(signal_parse(cases[i].text, &n), 0);
		assert_int_equal(n, cases[i].signal);
	}
}

static void test_refuse(void **state)
{
	static const char *const cases[] = { "", "0", "65", "-1", "SIG", "SIGSIGTERM",
		"TERMX", "RTMIN+31", "RTMIN-1", "RTMIN+", "4294967311", " 15" };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int n = 7;

		assert_int_equal(signal_parse(cases[i], &n), -EINVAL);
		assert_int_equal(n, 7);
	}
}

static void test_name(void **state)
{
	char name[SIGNAL_NAME_MAX];
	int n;

	assert_string_equal(signal_name(SIGTERM, name), "SIGTERM");
	assert_string_equal(signal_name(37, name), "SIGRTMIN+3");
	assert_string_equal(signal_name(99, name), "99");
	for (int i = 1; i <= 64; i++) {
		assert_int_equal(signal_parse(signal_name(i, name), &n), 0);
		assert_int_equal(n, i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
