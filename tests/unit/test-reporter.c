/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/reporter.h"
#include "common/str.h"

#include <errno.h>

static void test_good(void **state)
{
	static const struct {
		const char *text, *host, *port, *prefix;
		uint64_t ms;
	} rows[] = {
		{ "graphite=tcp://g.example:2004/prefix=a.b-c&interval=30", "g.example",
			"2004", "a.b-c", 30000 },
		{ "graphite=tcp://192.0.2.1", "192.0.2.1", "2003", "ucr.h_x", 10000 },
		{ "graphite=tcp://[2001:db8::1]:1/", "2001:db8::1", "1", "ucr.h_x",
			10000 },
		{ "graphite=tcp://[::1]/interval=1500ms&", "::1", "2003", "ucr.h_x",
			1500 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reporter r = { 0 };

		assert_int_equal(reporter_parse(rows[i].text, "h.x", &r, NULL), 0);
		assert_string_equal(r.host, rows[i].host);
		assert_string_equal(r.port, rows[i].port);
		assert_string_equal(r.prefix, rows[i].prefix);
		assert_int_equal(r.interval_ms, rows[i].ms);
		reporter_done(&r);
	}
}

static void test_bad(void **state)
{
	static const char *const rows[] = { "", "graphite", "graphite=udp://h",
		"graphite=tcp://", "graphite=tcp://:2003", "graphite=tcp://h:0",
		"graphite=tcp://h:70000", "graphite=tcp://h:x", "graphite=tcp://[::1",
		"graphite=tcp://[::1]x", "graphite=tcp://u@h",
		"graphite=tcp://h/prefix=", "graphite=tcp://h/prefix=a..b",
		"graphite=tcp://h/prefix=a b", "graphite=tcp://h/prefix=.a",
		"graphite=tcp://h/prefix=a.", "graphite=tcp://h/interval=0",
		"graphite=tcp://h/interval=2d5", "graphite=tcp://h/interval=999h",
		"graphite=tcp://h/what=1" };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reporter r = { 0 };
		struct err err = { 0 };

		assert_int_equal(reporter_parse(rows[i], "h", &r, &err), -EINVAL);
		assert_non_null(strstr(err.text, "want"));
		assert_null(r.host);
	}
}

/* What config-check shows means the same when it is read again. */
static void test_write(void **state)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct json_writer w = JSON_WRITER(&out);
	struct reporter r = { 0 };

	assert_int_equal(
		reporter_parse("graphite=tcp://[::1]/interval=2", "h", &r, NULL), 0);
	reporter_write(&w, NULL, &r);
	reporter_done(&r);
	assert_int_equal(buf_finish(&out), 0);
	assert_string_equal(
		out.data, "\"graphite=tcp://[::1]:2003/prefix=ucr.h&interval=2\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
