/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "agentd/sandbox.h"

#include <errno.h>

static const struct {
	const char *text, *value, *output_file, *kind;
	bool is_executable, is_cached;
} good[] = {
	{ "a", "a", "a", "file", false, false },
	{ "/d/a.tar.gz", "/d/a.tar.gz", "a.tar.gz", "tar", false, false },
	{ "a.gz", "a.gz", "a.gz", "gzip", false, false },
	{ "a.jar", "a.jar", "a.jar", "file", false, false },
	{ "a.zip,extract=false", "a.zip", "a.zip", "file", false, false },
	{ "a.zip,executable=true", "a.zip", "a.zip", "file", true, false },
	{ "a.zip,output_file=b/c", "a.zip", "b/c", "file", false, false },
	{ "a,output_file=b.tgz", "a", "b.tgz", "tar", false, false },
	{ "a,b=c", "a,b=c", "a,b=c", "file", false, false },
	{ "file:///d/a,cache=true", "file:///d/a", "a", "file", false, false },
	{ "https://h/d/a.zip?x=/y#z,cache=true", "https://h/d/a.zip?x=/y#z", "a.zip",
		"zip", false, true },
	{ ".zip", ".zip", ".zip", "file", false, false },
};

static void test_good(void **state)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct sandbox_uri uri;
		struct err err = { 0 };

		assert_int_equal(sandbox_uri_parse(good[i].text, &uri, &err), 0);
		assert_string_equal(uri.value, good[i].value);
		assert_string_equal(uri.output_file, good[i].output_file);
		assert_string_equal(uri.kind, good[i].kind);
		assert_int_equal(uri.is_executable, good[i].is_executable);
		assert_int_equal(uri.is_cached, good[i].is_cached);
		sandbox_uri_done(&uri);
	}
}

static const char *const bad[] = { "", "/", "https://h/", "hdfs://h/a", "ftp://h/a",
	"file://h/a", "a,extract=", "a,extract=yes", "a,cache=1",
	"a,output_file=", "a,output_file=/b", "a,output_file=..", "a,output_file=../b",
	"a,output_file=b/../c", "a,output_file=b//c", "a,output_file=b/",
	"a,output_file=./b", "d/.." };

static void test_bad(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct sandbox_uri uri;
		struct err err = { 0 };

		assert_true(sandbox_uri_parse(bad[i], &uri, &err) < 0);
		assert_non_null(strstr(err.text, "--uri"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
