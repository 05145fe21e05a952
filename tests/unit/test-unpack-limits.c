/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/str.h"
#include "images/unpack-limits.h"

#include <errno.h>

static void test_decode(void **state)
{
	static const char text[] = "{\"entries\":3,\"ratio\":null,\"other\":1}";
	struct unpack_limits limits, defaults;
	struct json_doc *doc;
	struct err err;

	unpack_limits_init(&defaults);
	unpack_limits_init(&limits);
	assert_int_equal(json_parse(text, sizeof(text) - 1, &doc, &err), 0);
	assert_int_equal(unpack_limits_decode(json_root(doc), &limits, &err), 0);
	json_free(doc);
	assert_int_equal(limits.entries, 3);
	assert_int_equal(limits.ratio, defaults.ratio);
	assert_int_equal(json_parse("{\"bytes\":-1}", 12, &doc, &err), 0);
	assert_true(unpack_limits_decode(json_root(doc), &limits, &err) < 0);
	json_free(doc);
}

static void test_usage(void **state)
{
	struct unpack_limits limits = { .bytes = 10, .entries = 2 };
	struct unpack_usage usage = { .limits = &limits };
	struct err err = { 0 };

	assert_int_equal(unpack_usage_bytes(&usage, 10, "m", &err), 0);
	assert_int_equal(unpack_usage_bytes(&usage, 0, "m", &err), 0);
	assert_int_equal(unpack_usage_bytes(&usage, 1, "the\033one", &err), -EFBIG);
	assert_non_null(strstr(err.text, "one"));
	assert_null(strchr(err.text, '\033'));
	assert_int_equal(unpack_usage_bytes(&usage, UINT64_MAX, "m", &err), -EFBIG);
	assert_int_equal(unpack_usage_entry(&usage, "m", &err), 0);
	assert_int_equal(unpack_usage_entry(&usage, "m", &err), 0);
	assert_int_equal(unpack_usage_entry(&usage, "m", &err), -EFBIG);
}

static void test_shown(void **state)
{
	char name[1000], show[SHOWN_MAX];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_true(strlen(shown(name, show)) < SHOWN_MAX);
	assert_true(str_has_suffix(show, "…"));
	assert_string_equal(shown("short", show), "short");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
