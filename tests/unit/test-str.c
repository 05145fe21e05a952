/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/str.h"

#include <errno.h>

static void test_bytes(void **state)
{
	uint64_t n = 7;

	assert_int_equal(str_to_bytes("512", &n), 0);
	assert_int_equal(n, 512);
	assert_int_equal(str_to_bytes("64k", &n), 0);
	assert_int_equal(n, 65536);
	assert_int_equal(str_to_bytes("1.5g", &n), 0);
	assert_int_equal(n, 1536ULL << 20);
	assert_int_equal(str_to_bytes("2GiB", &n), 0);
	assert_int_equal(n, 2ULL << 30);
	assert_int_equal(str_to_bytes("", &n), -EINVAL);
	assert_int_equal(str_to_bytes("-1", &n), -EINVAL);
	assert_int_equal(str_to_bytes("1x", &n), -EINVAL);
	assert_int_equal(str_to_bytes("1..5g", &n), -EINVAL);
	assert_int_equal(str_to_bytes("99999999999p", &n), -ERANGE);
	assert_int_equal(n, 2ULL << 30);
}

static void test_durations(void **state)
{
	uint64_t ms;

	assert_int_equal(str_to_ms("10", &ms), 0);
	assert_int_equal(ms, 10000);
	assert_int_equal(str_to_ms("1h30m", &ms), 0);
	assert_int_equal(ms, 5400000);
	assert_int_equal(str_to_ms("0.25s", &ms), 0);
	assert_int_equal(ms, 250);
	assert_int_equal(str_to_ms("", &ms), -EINVAL);
	assert_int_equal(str_to_ms("5y", &ms), -EINVAL);
}

static void test_ids(void **state)
{
	uint32_t id;

	assert_int_equal(str_to_id("4294967294", &id), 0);
	assert_int_equal(str_to_id("4294967295", &id), -ERANGE);
	assert_int_equal(str_to_id("4294967296", &id), -ERANGE);
	assert_int_equal(str_to_id("+1", &id), -EINVAL);
	assert_int_equal(str_to_id(" 1", &id), -EINVAL);
	assert_int_equal(str_to_id("1 ", &id), -EINVAL);
}

static void test_signed(void **state)
{
	int64_t n;

	assert_int_equal(str_to_i64("-9223372036854775808", &n), 0);
	assert_true(n == INT64_MIN);
	assert_int_equal(str_to_i64("9223372036854775808", &n), -ERANGE);
	assert_int_equal(str_to_i64("--1", &n), -EINVAL);
}

static void test_names(void **state)
{
	assert_true(str_is_name("web-1.example_x+y"));
	assert_false(str_is_name(""));
	assert_false(str_is_name(".hidden"));
	assert_false(str_is_name("a/b"));
	assert_false(str_is_name("a\nb"));
}

static void test_vectors(void **state)
{
	cleanup_strv strv v = NULL, copy = NULL;

	for (int i = 0; i < 100; i++)
		assert_int_equal(strv_take(&v, str_printf("K%d=%d", i, i)), 0);
	assert_int_equal(strv_len(v), 100);
	assert_int_equal(strv_env_set(&v, "K7=seven"), 0);
	assert_int_equal(strv_len(v), 100);
	assert_string_equal(strv_env_get(v, "K7"), "seven");
	assert_null(strv_env_get(v, "K"));
	assert_int_equal(strv_copy(v, &copy), 0);
	assert_string_equal(copy[99], "K99=99");
}

static void assert_printable(const char *text, const char *shown)
{
	char out[64];

	str_printable(text, out, sizeof(out));
	assert_string_equal(out, shown);
}

static void test_printable(void **state)
{
	assert_printable("a\x1b[31mb\n", "a\\x1b[31mb\\x0a");
	assert_printable("\x7f\t", "\\x7f\\x09");
}

static void test_printable_keeps_utf8(void **state)
{
	static const char *const texts[] = { "h\xc3\xa9", "\xc2\xa0", "\xe2\x82\xac",
		"\xed\x9f\xbf", "\xef\xbf\xbd", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_printable(texts[i], texts[i]);
}

static void test_printable_escapes_c1(void **state)
{
	/* CSI and OSC of eight bits, alone and in UTF-8, start a terminal's commands. */
	assert_printable("\x9bH", "\\x9bH");
	assert_printable("\xc2\x9bH", "\\xc2\\x9bH");
	assert_printable("\xc2\x80\xc2\x9f", "\\xc2\\x80\\xc2\\x9f");
}

static void test_printable_escapes_what_is_no_utf8(void **state)
{
	assert_printable("\xff\xfe", "\\xff\\xfe");
	assert_printable("\xc0\x9b", "\\xc0\\x9b");		      /* overlong */
	assert_printable("\xe0\x80\x9b", "\\xe0\\x80\\x9b");	      /* overlong */
	assert_printable("\xed\xa0\x80", "\\xed\\xa0\\x80");	      /* a surrogate */
	assert_printable("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
	assert_printable("\xc3", "\\xc3");			      /* cut off */
	assert_printable("\xe2\x82", "\\xe2\\x82");
	assert_printable("\xe2\x82z", "\\xe2\\x82z");
}

static void test_printable_has_bounds(void **state)
{
	char out[11];

	for (size_t room = 1; room <= sizeof(out); room++) {
		memset(out, '#', sizeof(out));
		str_printable("\xe2\x82\xac\x01\xe2\x82\xac", out, room);
		assert_true(strlen(out) < room);
		assert_true(room == sizeof(out) || out[room] == '#');
		assert_true(strlen(out) == 0 || strlen(out) == 3 || strlen(out) == 7 ||
			    strlen(out) == 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_signed),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_printable),
		cmocka_unit_test(test_printable_keeps_utf8),
		cmocka_unit_test(test_printable_escapes_c1),
		cmocka_unit_test(test_printable_escapes_what_is_no_utf8),
		cmocka_unit_test(test_printable_has_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
