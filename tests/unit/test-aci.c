/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "images/aci-config.h"
#include "images/aci-whitelist.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int take_limit(const char *limit, struct image_appc *ret, struct err *err)
{
	char text[512];
	struct aci_manifest m = { 0 };
	int r;

	(void)snprintf(text, sizeof(text),
		"{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\",\"name\":\"a\","
		"\"app\":{\"user\":\"0\",\"group\":\"0\",\"isolators\":["
		"{\"name\":\"resource/cpu\",\"value\":{\"limit\":%s}},"
		"{\"name\":\"resource/memory\",\"value\":{\"limit\":%s}}]}}",
		limit, limit);
	r = aci_manifest_parse(text, strlen(text), &m, err);
	assert_int_equal(r, 0);
	*ret = (struct image_appc){ 0 };
	r = aci_isolators_take(&m, ret, NULL, err);
	aci_manifest_done(&m);
	return r;
}

static void test_quantities(void **state)
{
	static const struct {
		const char *text;
		uint64_t milli;
	} good[] = { { "\"500m\"", 500 }, { "\"0.5\"", 500 }, { "\"1\"", 1000 },
		{ "2", 2000 }, { "\"1.25\"", 1250 }, { "\"1.0001\"", 1000 },
		{ "\"2K\"", 2000000 }, { "\"1Ki\"", 1024000 },
		{ "\"0.5Gi\"", 536870912000 }, { "\"1T\"", 1000000000000000 } };
	static const char *const bad[] = { "\"\"", "\"m\"", "\"1X\"", "\"-1\"", "\" 1\"",
		"\"1 \"", "true", "\"18446744073709551616\"", "\"18446744073709551Ti\"",
		"\"1e3\"" };
	struct image_appc appc;
	struct err err = { 0 };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(take_limit(good[i].text, &appc, &err), 0);
		assert_int_equal(appc.cpu_limit, good[i].milli);
		assert_int_equal(appc.memory_limit, good[i].milli / 1000);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(take_limit(bad[i], &appc, &err), -EINVAL);
		assert_non_null(strstr(err.text, "resource/cpu"));
	}
}

static void test_whitelist(void **state)
{
	char *paths[] = { (char[]){ "/usr/bin/a" }, (char[]){ "//etc/./x/" },
		(char[]){ "/usr/binary" }, NULL };
	cleanup_strv strv list = NULL;

	assert_int_equal(aci_whitelist(paths, &list, NULL), 0);
	assert_true(aci_whitelist_has(list, strv_len(list), "", true));
	assert_true(aci_whitelist_has(list, strv_len(list), "usr/bin/a", false));
	assert_true(aci_whitelist_has(list, strv_len(list), "usr/bin", true));
	assert_true(aci_whitelist_has(list, strv_len(list), "usr", true));
	assert_true(aci_whitelist_has(list, strv_len(list), "etc/x", true));
	assert_false(aci_whitelist_has(list, strv_len(list), "usr", false));
	assert_false(aci_whitelist_has(list, strv_len(list), "usr/bin/a/below", false));
	assert_false(aci_whitelist_has(list, strv_len(list), "usr/bin/", true));
	assert_false(aci_whitelist_has(list, strv_len(list), "us", true));
	assert_false(aci_whitelist_has(list, strv_len(list), "usr/b", true));
	assert_false(aci_whitelist_has(list, strv_len(list), "z", true));
	assert_true(aci_whitelist_has(NULL, 0, "anything", false));
}

static void test_labels(void **state)
{
	struct aci_pair both[] = { { (char[]){ "os" }, (char[]){ "linux" } },
		{ (char[]){ "version" }, (char[]){ "1" } } };
	struct aci_pair other[] = { { (char[]){ "os" }, (char[]){ "plan9" } } };
	const struct aci_pairs none = { 0 }, one = { both, 1 }, two = { both, 2 },
			       wrong = { other, 1 };

	assert_true(aci_labels_match(&none, &two));
	assert_true(aci_labels_match(&one, &two));
	assert_true(aci_labels_match(&two, &two));
	assert_false(aci_labels_match(&two, &one));
	assert_false(aci_labels_match(&wrong, &two));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantities),
		cmocka_unit_test(test_whitelist),
		cmocka_unit_test(test_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
