/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "agentd/bundle-private.h"
#include "agentd/launch-share.h"
#include "common/cleanup.h"

/* One that is there is replaced, one that is not is added. */
static void test_namespaces(void **state)
{
	cleanup_spec struct spec *spec = spec_new();
	struct err err = { 0 };

	assert_int_equal(str_set(&bundle_grow(&spec->linux_.namespaces)->type, "ipc"), 0);
	assert_true(launch_share_has_namespace(spec, "ipc"));
	assert_false(launch_share_has_namespace(spec, "network"));
	assert_int_equal(launch_share_namespace(spec, "ipc", 7, &err), 0);
	assert_int_equal(launch_share_namespace(spec, "network", 8, &err), 0);
	assert_int_equal(spec->linux_.namespaces.count, 2);
	assert_string_equal(spec->linux_.namespaces.items[0].path, "/proc/self/fd/7");
	assert_string_equal(spec->linux_.namespaces.items[1].type, "network");
	assert_string_equal(spec->linux_.namespaces.items[1].path, "/proc/self/fd/8");
}

static void test_mounts(void **state)
{
	cleanup_spec struct spec *spec = spec_new();
	cleanup_free int *fds = NULL;
	struct err err = { 0 };

	assert_int_equal(launch_share_find_mount(spec, "/a"), -1);
	assert_int_equal(
		bundle_add_mount(&spec->mounts, "tmpfs", "x", "/a", "ro", &err), 0);
	assert_int_equal(
		bundle_add_mount(&spec->mounts, "tmpfs", "x", "/b", "ro", &err), 0);
	assert_int_equal(launch_share_find_mount(spec, "/b"), 1);
	assert_int_equal(launch_share_find_mount(spec, "/"), -1);
	fds = launch_share_no_fds(spec);
	assert_non_null(fds);
	assert_int_equal(fds[0], -1);
	assert_int_equal(fds[1], -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_mounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
