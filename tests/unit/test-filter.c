/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/filter.h"
#include "common/str.h"

#include <errno.h>

/* An item is a word. */
static bool begins(const void *item, const char *value)
{
	return str_skip_prefix(item, value);
}

static bool contains(const void *item, const char *value)
{
	return strstr(item, value);
}

static int check_letter(const char *value, struct err *err)
{
	return strlen(value) == 1 ? 0
				  : err_say(err, EINVAL, "\"%s\" is no letter", value);
}

static const struct filter known[] = {
	{ "begin", begins },
	{ "letter", contains, check_letter, .holds_each = true },
	{ 0 },
};

static bool matches(const char *word, const char *a, const char *b)
{
	char *filters[] = { (char *)a, (char *)b, NULL };

	assert_int_equal(filters_check(known, "--filter", filters, NULL), 0);
	return filters_match(known, filters, word);
}

static void test_match(void **state)
{
	assert_true(filters_match(known, NULL, "abc"));
	assert_true(matches("abc", "begin=ab", NULL));
	assert_false(matches("abc", "begin=bc", NULL));
	/* An empty value is one, too. */
	assert_true(matches("abc", "begin=", NULL));
	/* One of the values, where the key does not want each. */
	assert_true(matches("abc", "begin=x", "begin=a"));
	assert_true(matches("abc", "letter=a", "letter=c"));
	assert_false(matches("abc", "letter=a", "letter=x"));
	/* All the keys. */
	assert_true(matches("abc", "begin=a", "letter=c"));
	assert_false(matches("abc", "begin=x", "letter=c"));
	assert_false(matches("abc", "begin=a", "letter=x"));
}

static void test_have(void **state)
{
	char *filters[] = { (char *)"begin=letter=a", NULL };

	assert_true(filters_have(filters, "begin"));
	assert_false(filters_have(filters, "letter"));
	assert_false(filters_have(filters, "beg"));
	assert_false(filters_have(NULL, "begin"));
}

static void test_refused(void **state)
{
	static const struct {
		const char *filter, *text;
	} cases[] = {
		{ "", "filters: \"\" is not understood" },
		{ "begin", "filters: \"begin\" is not understood" },
		{ "beg=a", "filters: \"beg=a\" is not understood" },
		{ "begin2=a", "filters: \"begin2=a\" is not understood" },
		{ "=a", "filters: \"=a\" is not understood" },
		{ "letter=ab", "filters: \"ab\" is no letter" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *filters[] = { (char *)"begin=a", (char *)cases[i].filter, NULL };
		struct err err = { 0 };

		assert_int_equal(filters_check(known, "filters", filters, &err), -EINVAL);
		assert_string_equal(err.text, cases[i].text);
		if (strstr(err.text, "understood"))
			assert_string_equal(
				err.hint, "write KEY=VALUE with a KEY of begin, letter");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_have),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
