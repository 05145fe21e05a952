/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "agentd/profile.h"

#include <string.h>

static struct profile_stack stacks[] = {
	{ (char *)(uintptr_t) "init", 1 },
	{ (char *)(uintptr_t) "init\nmain\na<b>", 30 },
	{ (char *)(uintptr_t) "init\nmain\na<b>\nread_[k]", 10 },
	{ (char *)(uintptr_t) "init\nmain\nz", 9 },
	{ (char *)(uintptr_t) "sh\n[unknown]", 50 },
};
static const struct profile profile = { stacks, 5, 100, 3 };

static size_t occurrences(const char *text, const char *word)
{
	size_t count = 0;

	for (const char *p = strstr(text, word); p; p = strstr(p + 1, word))
		count++;
	return count;
}

static void test_fold(void **state)
{
	cleanup_buf struct buf out = BUF_INIT;

	profile_fold(&profile, &out);
	assert_int_equal(buf_finish(&out), 0);
	assert_string_equal(out.data,
		"init 1\ninit;main;a<b> 30\ninit;main;a<b>;read_[k] 10\n"
		"init;main;z 9\nsh;[unknown] 50\n");
}

/* Each function once, as wide as all that it and those it called were met. */
static void test_draw(void **state)
{
	static const char *const titles[] = { "<title>all (100 samples, 100.00%)</title>",
		"<title>init (50 samples, 50.00%)</title>",
		"<title>main (49 samples, 49.00%)</title>",
		"<title>a&lt;b&gt; (40 samples, 40.00%)</title>",
		"<title>read_[k] (10 samples, 10.00%)</title>",
		"<title>z (9 samples, 9.00%)</title>",
		"<title>sh (50 samples, 50.00%)</title>",
		"<title>[unknown] (50 samples, 50.00%)</title>" };
	cleanup_buf struct buf out = BUF_INIT;

	profile_draw(&profile, "a & b", &out);
	assert_int_equal(buf_finish(&out), 0);
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		assert_int_equal(occurrences(out.data, titles[i]), 1);
	assert_int_equal(occurrences(out.data, "<title>"), 8);
	assert_non_null(strstr(out.data, "a &amp; b"));
	assert_non_null(strstr(out.data, "100 samples, 3 lost"));
	assert_null(strstr(out.data, "<script"));
}

static void test_empty(void **state)
{
	const struct profile none = { 0 };
	cleanup_buf struct buf out = BUF_INIT;

	profile_draw(&none, "nothing", &out);
	assert_int_equal(buf_finish(&out), 0);
	assert_non_null(strstr(out.data, "</svg>"));
}

/* Deeper than any that is drawn, and names of more bytes than there is room for. */
static void test_deep(void **state)
{
	cleanup_buf struct buf name = BUF_INIT, out = BUF_INIT;
	struct profile_stack stack = { .count = 1 };
	const struct profile deep = { &stack, 1, 1, 0 };

	for (int i = 0; i < 1000; i++)
		buf_puts(&name, i ? "\n\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4" : "p");
	assert_int_equal(buf_finish(&name), 0);
	stack.frames = name.data;
	profile_draw(&deep, "deep", &out);
	assert_int_equal(buf_finish(&out), 0);
	assert_in_range(occurrences(out.data, "<title>"), 100, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_draw),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
