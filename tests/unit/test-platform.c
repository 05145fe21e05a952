/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "images/platform.h"

static int distance(const char *want_variant, const char *arch, const char *variant)
{
	const struct platform want = { "linux", arch, want_variant };
	const struct platform offer = { "linux", arch, variant };

	return platform_distance(&want, &offer);
}

static void test_variants(void **state)
{
	assert_int_equal(distance("v7", "arm", "v7"), 0);
	assert_true(distance("v7", "arm", "v6") < distance("v7", "arm", "v5"));
	assert_true(distance("v7", "arm", "v6") > 0);
	assert_int_equal(distance("v6", "arm", "v7"), -1);
	assert_int_equal(distance("v7", "arm", NULL), 0);
	assert_int_equal(distance("v6", "arm", ""), -1);
	assert_int_equal(distance("v8", "arm64", NULL), 0);
	assert_int_equal(distance("v8", "arm64", "v8.2"), -1);
	assert_int_equal(distance("v9", "arm64", "v8.2") > 0, 1);
}

static void test_no_newer_processor(void **state)
{
	assert_int_equal(distance("v1", "amd64", "v3"), -1);
	assert_int_equal(distance("v1", "amd64", NULL), 0);
	assert_true(distance("v3", "amd64", "v2") < distance("v3", "amd64", NULL));
	assert_int_equal(distance("v3", "amd64", "odd"), -1);
	assert_int_equal(distance("odd", "amd64", "odd"), 0);
}

static void test_other_platforms(void **state)
{
	const struct platform want = { "linux", "amd64", "v1" };
	const struct platform windows = { "windows", "amd64", NULL };
	const struct platform arm = { "linux", "arm64", NULL };
	const struct platform none = { 0 };

	assert_int_equal(platform_distance(&want, &windows), -1);
	assert_int_equal(platform_distance(&want, &arm), -1);
	assert_int_equal(platform_distance(&want, &none), -1);
}

static void test_resolve(void **state)
{
	const struct platform nothing = { 0 }, arm = { .architecture = "arm" };
	const struct platform given = { "linux", "arm", "v5" };
	struct platform p = platform_resolve(&nothing);

	assert_string_equal(p.os, "linux");
	assert_true(*p.architecture);
	assert_int_equal(platform_distance(&p, &p), 0);
	p = platform_resolve(&arm);
	assert_string_equal(p.variant, "v7");
	p = platform_resolve(&given);
	assert_string_equal(p.variant, "v5");
}

static void test_text(void **state)
{
	const struct platform hostile = { "li\033nux", "a", "b\n" },
			      plain = { "linux", "386", "" };
	char text[PLATFORM_TEXT_MAX];

	assert_null(strchr(platform_text(&hostile, text), '\033'));
	assert_null(strchr(text, '\n'));
	assert_string_equal(platform_text(&plain, text), "linux/386");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_variants),
		cmocka_unit_test(test_no_newer_processor),
		cmocka_unit_test(test_other_platforms),
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
