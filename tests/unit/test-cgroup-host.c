/* SPDX-License-Identifier: Apache-2.0 */
/* Which hierarchies a host has, and where a container's cgroup belongs in them. */
#include "tests/unit/cgroup-fake.h"

#include "isolators/cgroup-tree.h"

#include <errno.h>

static const char v1_lines[] = "12:name=systemd:/user.slice\n"
			       "7:perf_event:/\n"
			       "5:cpuacct,cpu:/jobs\n"
			       "4:memory:/jobs/seven\n"
			       "3:pids:/gone\n"
			       "2:freezer:/\n"
			       "1:devices:/\n";

static void make_v1(struct fake *fake)
{
	fake_put(fake->root_dirfd, "cpu/tasks", "");
	fake_put(fake->root_dirfd, "cpu/jobs/tasks", "");
	fake_put(fake->root_dirfd, "memory/tasks", "");
	fake_put(fake->root_dirfd, "memory/jobs/seven/tasks", "");
	fake_put(fake->root_dirfd, "pids/tasks", "");
	fake_put(fake->root_dirfd, "freezer/tasks", "");
	fake_put(fake->root_dirfd, "devices/tasks", "");
}

static void make_v2(struct fake *fake, const char *place)
{
	cleanup_free char *lines = str_printf("0::%s\n", place);

	fake_put(fake->root_dirfd, "cgroup.controllers", "cpuset cpu io memory pids\n");
	fake_open(fake, lines);
}

static void expect_path(struct fake *fake, const char *asked, const char *path)
{
	cleanup_free char *chosen = NULL;

	assert_int_equal(cgroup_choose_path(fake->host, asked, "web", &chosen, NULL), 0);
	assert_string_equal(chosen, path);
}

static void expect_place(
	struct fake *fake, const char *path, uint32_t bit, const char *place)
{
	char room[CGROUP_PATH_ROOM];

	assert_int_equal(
		cgroup_path_in(path, cgroup_host_find(fake->host, bit), room, NULL), 0);
	assert_string_equal(room, place);
}

static void test_v1(void **state)
{
	struct fake *fake = *state;
	cleanup_strv strv names = NULL;

	make_v1(fake);
	fake_open(fake, v1_lines);
	assert_string_equal(cgroup_host_name(fake->host), "v1");
	assert_int_equal(cgroup_host_controllers(fake->host, &names), 0);
	assert_int_equal(strv_len(names), 6);
	assert_string_equal(names[0], "cpu");
	/* The mount's folder has another name than the list in /proc. */
	assert_string_equal(cgroup_host_find(fake->host, CGROUP_CPUACCT)->folder, "cpu");
	assert_null(cgroup_host_find(fake->host, CGROUP_UNIFIED));
}

/* Below the caller in each hierarchy; a place that cannot be seen is the top. */
static void test_v1_paths(void **state)
{
	struct fake *fake = *state;
	static const char path[] = "/jobs/ucr-web\nmemory:/jobs/seven/ucr-web\n"
				   "pids:/ucr-web\nfreezer:/ucr-web\ndevices:/ucr-web";

	make_v1(fake);
	fake_open(fake, v1_lines);
	expect_path(fake, NULL, path);
	expect_path(fake, "/a//b/./c", "/a/b/c");
	expect_place(fake, path, CGROUP_CPU, "cpu/jobs/ucr-web");
	expect_place(fake, path, CGROUP_MEMORY, "memory/jobs/seven/ucr-web");
	expect_place(fake, path, CGROUP_DEVICES, "devices/ucr-web");
	expect_place(fake, "/a/b", CGROUP_MEMORY, "memory/a/b");
}

static void test_v2(void **state)
{
	struct fake *fake = *state;

	fake_put(fake->root_dirfd, "user/shell/cgroup.procs", "");
	fake_put(fake->root_dirfd, "user/cgroup.procs", "");
	make_v2(fake, "/user/shell");
	assert_string_equal(cgroup_host_name(fake->host), "v2");
	assert_non_null(cgroup_host_find(fake->host, CGROUP_DEVICES));
	expect_path(fake, NULL, "/user/ucr-web"); /* beside */
	expect_path(fake, "pod/one", "/user/pod/one");
	expect_place(fake, "/user/ucr-web", CGROUP_MEMORY, "./user/ucr-web");
}

static void test_v2_at_the_top(void **state)
{
	struct fake *fake = *state;

	make_v2(fake, "/");
	expect_path(fake, NULL, "/ucr-web");
}

/* Only the caller's own directory is writable (here: has the file at all). */
static void test_v2_delegated(void **state)
{
	struct fake *fake = *state;

	fake_put(fake->root_dirfd, "system/scope/cgroup.procs", "");
	make_v2(fake, "/system/scope");
	expect_path(fake, NULL, "/system/scope/ucr-web");
}

static void test_outside_the_namespace(void **state)
{
	struct fake *fake = *state;

	make_v2(fake, "/../../other");
	expect_path(fake, NULL, "/ucr-web");
}

static void test_hybrid(void **state)
{
	struct fake *fake = *state;

	make_v1(fake);
	fake_put(fake->root_dirfd, "unified/cgroup.controllers", "hugetlb\n");
	fake_open(fake, "4:memory:/\n2:freezer:/\n1:devices:/\n0::/\n");
	assert_string_equal(cgroup_host_name(fake->host), "hybrid");
	assert_string_equal(
		cgroup_host_find(fake->host, CGROUP_FREEZER)->folder, "unified");
	assert_string_equal(
		cgroup_host_find(fake->host, CGROUP_HUGETLB)->folder, "unified");
	assert_string_equal(
		cgroup_host_find(fake->host, CGROUP_DEVICES)->folder, "devices");
	assert_string_equal(
		cgroup_host_find(fake->host, CGROUP_MEMORY)->folder, "memory");
	expect_path(fake, NULL, "/ucr-web");
}

static void test_nothing(void **state)
{
	struct fake *fake = *state;
	struct cgroup *cgroup;

	fake_open(fake, "4:memory:/\n0::/\nnonsense\n1:x\n2::relative\n");
	assert_string_equal(cgroup_host_name(fake->host), "none");
	assert_int_equal(
		cgroup_create(fake->host, "/x", NULL, &cgroup, NULL), CGROUP_UNAVAILABLE);
	assert_int_equal(cgroup_open(fake->host, "/x", &cgroup, NULL), -ENOENT);
}

static void test_systemd_paths(void **state)
{
	struct fake *fake = *state;

	make_v2(fake, "/");
	expect_path(fake, "system.slice:ucr:web", "/system.slice/ucr-web.scope");
	expect_path(fake, "a-b-c.slice::web", "/a.slice/a-b.slice/a-b-c.slice/web.scope");
	expect_path(fake, ":ucr:web", "/system.slice/ucr-web.scope");
	expect_path(fake, "what:ever:web", "/what:ever:web"); /* a name with colons */
}

static void test_refused_paths(void **state)
{
	static const char *const paths[] = { "..", "../x", "/a/../b", "/a/..", "a/..",
		"/", "", "//", "/./.", ".", "/a\nmemory:/b", "x.slice:../../y:z" };
	struct fake *fake = *state;
	char *chosen = NULL;
	struct err err;

	make_v2(fake, "/");
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_int_equal(
			cgroup_choose_path(fake->host, paths[i], "web", &chosen, &err),
			-EINVAL);
	assert_null(chosen);
	expect_path(fake, "..a/b..", "/..a/b..");
}

/* What was stored could have been changed. */
static void test_refused_stored_paths(void **state)
{
	static const char *const paths[] = { "", "/", "x", "/../x", "/a/..",
		"/a\nunified:x", "/a\nunified:/../x" };
	struct fake *fake = *state;
	struct cgroup *cgroup;
	struct err err;

	make_v2(fake, "/");
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_int_equal(
			cgroup_open(fake->host, paths[i], &cgroup, &err), -EINVAL);
}

static void test_missing_controller(void **state)
{
	struct spec_resources r = { .pids_limit = { true, 5 } };
	struct fake *fake = *state;
	struct cgroup *cgroup;
	struct err err = { 0 };

	fake_put(fake->root_dirfd, "memory/tasks", "");
	fake_open(fake, "4:memory:/\n");
	assert_int_equal(cgroup_create(fake->host, "/x", &r, &cgroup, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "controller pids"));
	assert_true(err.hint[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAKE(test_v1),
		FAKE(test_v1_paths),
		FAKE(test_v2),
		FAKE(test_v2_at_the_top),
		FAKE(test_v2_delegated),
		FAKE(test_outside_the_namespace),
		FAKE(test_hybrid),
		FAKE(test_nothing),
		FAKE(test_systemd_paths),
		FAKE(test_refused_paths),
		FAKE(test_refused_stored_paths),
		FAKE(test_missing_controller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
