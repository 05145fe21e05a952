/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/url.h"

static const struct {
	const char *url, *shown;
} rows[] = {
	{ "https://a.example/b/c", "https://a.example/b/c" },
	{ "https://a.example/b?X-Signature=canary", "https://a.example/b" },
	{ "https://a.example?canary", "https://a.example" },
	{ "https://a.example/b#canary", "https://a.example/b" },
	{ "https://a.example/b#x?canary", "https://a.example/b" },
	{ "https://me:canary@a.example:5000/b", "https://a.example:5000/b" },
	{ "https://me:can@ary@a.example/b@c?d@e", "https://a.example/b@c" },
	{ "https://a.example/\x1b[2J?canary", "https://a.example/\\x1b[2J" },
	{ "/a/path?x", "/a/path?x" },
	{ "/a?x://y?z", "/a?x://y?z" },
	{ "", "" },
};

static void test_shown(void **state)
{
	char text[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(
			url_shown(rows[i].url, text, sizeof(text)), rows[i].shown);
}

static void test_short_room(void **state)
{
	char text[14];

	assert_string_equal(
		url_shown("https://a.example/b?c", text, sizeof(text)), "https://a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shown),
		cmocka_unit_test(test_short_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
