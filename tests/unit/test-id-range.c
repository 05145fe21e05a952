/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "agentd/id-range.h"
#include "common/fd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir_path[32];
static int leases;

static int make_dir(void **state)
{
	leases = unit_tmpdir(dir_path);
	return 0;
}

static int remove_dir(void **state)
{
	(void)close(leases);
	return fd_remove_tree(AT_FDCWD, dir_path);
}

static void test_pool(void **state)
{
	static const struct {
		const char *text;
		uint32_t first, last; /* 0: refused */
	} cases[] = {
		{ "65536-131071", 65536, 131071 },
		{ "100000-300000", 131072, 262143 }, /* whole ones alone */
		{ "1879048192-2147483647", 1879048192, 2147483647 },
		{ "65536-4294967294", 65536, 4294901759 },
		{ .text = "0-131071" }, /* the host's own */
		{ .text = "100000-165535" },
		{ .text = "131072-131071" },
		{ .text = "65536-4294967295" },
		{ .text = "65536" },
		{ .text = "-" },
		{ .text = "65536-131071x" },
		{ .text = "" },
	};
	struct id_pool pool;
	struct err err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r = id_pool_parse(cases[i].text, &pool, &err);

		assert_int_equal(r, cases[i].first ? 0 : -EINVAL);
		if (r < 0)
			continue;
		assert_int_equal(pool.first, cases[i].first);
		assert_int_equal(pool.last, cases[i].last);
	}
}

static void write_file(const char *name, const char *text)
{
	assert_int_equal(
		fd_replace_file(leases, name, text, strlen(text), 0600, FD_NO_SYNC), 0);
}

static void test_default_pool(void **state)
{
	struct id_pool pool;

	assert_int_equal(id_pool_default(leases, &pool, NULL), 0);
	assert_int_equal(pool.first, 0x70000000);
	assert_int_equal(pool.last, 0x7fffffff);
	/* What only one of the files gives is not ours. */
	write_file("subuid", "joe:65536:65536\nucr:200000:65536\nucr:262144:262144\n");
	assert_int_equal(id_pool_default(leases, &pool, NULL), 0);
	assert_int_equal(pool.first, 0x70000000);
	write_file("subgid", "ucr:200000:65536\nucr:262144:262144\n");
	assert_int_equal(id_pool_default(leases, &pool, NULL), 0);
	assert_int_equal(pool.first, 262144);
	assert_int_equal(pool.last, 524287);
}

/* The path of a directory that is there. */
static const char *holder(const char *name, char ret[128])
{
	(void)snprintf(ret, 128, "%s/%s", dir_path, name);
	(void)mkdirat(leases, name, 0700);
	return ret;
}

static void test_leases(void **state)
{
	static const struct id_pool pool = { 65536, 65536 + 3 * 65536 - 1 };
	struct id_range ranges[3], again;
	char path[128];
	struct err err;

	for (int i = 0; i < 3; i++) {
		char name[] = { (char)('a' + i), '\0' };

		assert_int_equal(id_range_take(leases, &pool, holder(name, path),
					 &ranges[i], &err),
			0);
		assert_int_equal(ranges[i].count, ID_RANGE_SIZE);
		for (int k = 0; k < i; k++)
			assert_int_not_equal(ranges[i].first, ranges[k].first);
	}
	assert_int_equal(
		id_range_take(leases, &pool, holder("d", path), &again, &err), -ENOSPC);
	assert_non_null(strstr(err.hint, "--id-range"));
	/* Not by another's word. */
	id_range_release(leases, &ranges[1], holder("d", path));
	assert_int_equal(id_range_take(leases, &pool, path, &again, &err), -ENOSPC);
	id_range_release(leases, &ranges[1], holder("b", path));
	assert_int_equal(
		id_range_take(leases, &pool, holder("d", path), &again, &err), 0);
	assert_int_equal(again.first, ranges[1].first);
	/* A holder that is gone has given back. */
	assert_int_equal(unlinkat(leases, "c", AT_REMOVEDIR), 0);
	assert_int_equal(
		id_range_take(leases, &pool, holder("e", path), &again, &err), 0);
	assert_int_equal(again.first, ranges[2].first);
}

/* By who has it, as when nobody wrote down which it was. */
static void test_find(void **state)
{
	static const struct id_pool pool = { 65536, 65536 + 3 * 65536 - 1 };
	struct id_range one, two, found;
	char path[128];
	struct err err;

	assert_int_equal(id_range_find(leases, holder("a", path), &found, &err), -ENOENT);
	assert_int_equal(id_range_take(leases, &pool, path, &one, &err), 0);
	assert_int_equal(id_range_take(leases, &pool, holder("b", path), &two, &err), 0);
	assert_int_equal(id_range_find(leases, holder("a", path), &found, &err), 0);
	assert_int_equal(found.first, one.first);
	assert_int_equal(found.count, ID_RANGE_SIZE);
	id_range_release(leases, &one, path);
	assert_int_equal(id_range_find(leases, path, &found, &err), -ENOENT);
	assert_int_equal(id_range_find(leases, holder("b", path), &found, &err), 0);
	assert_int_equal(found.first, two.first);
}

static void test_not_again_soon(void **state)
{
	static const struct id_pool pool = { 65536, 65536 + 8 * 65536 - 1 };
	struct id_range one, two;
	char path[128];

	holder("a", path);
	assert_int_equal(id_range_take(leases, &pool, path, &one, NULL), 0);
	id_range_release(leases, &one, path);
	assert_int_equal(id_range_take(leases, &pool, path, &two, NULL), 0);
	assert_int_not_equal(one.first, two.first);
}

static void test_keep(void **state)
{
	static const struct id_pool pool = { 65536, 2 * 65536 - 1 };
	struct id_range range;
	struct err err;
	char a[128], b[128];

	holder("a", a);
	holder("b", b);
	assert_int_equal(id_range_take(leases, &pool, a, &range, NULL), 0);
	assert_int_equal(id_range_keep(leases, &range, a, NULL), 0);
	assert_int_equal(id_range_keep(leases, &range, b, &err), -EBUSY);
	assert_non_null(strstr(err.text, "65536"));
	id_range_release(leases, &range, a);
	assert_int_equal(id_range_keep(leases, &range, b, NULL), 0);
	assert_int_equal(id_range_keep(leases, &range, a, NULL), -EBUSY);
	/* What the system refuses is not another's. */
	assert_int_equal(id_range_keep(-1, &range, a, &err), -EBADF);
	assert_non_null(strstr(err.text, "65536"));
	assert_int_equal(id_range_take(-1, &pool, a, &range, &err), -EBADF);
	assert_non_null(strstr(err.text, "65536"));
}

static void test_map(void **state)
{
	const struct id_range range = { 131072, 65536, false };

	assert_int_equal(id_range_map(&range, 0), 131072);
	assert_int_equal(id_range_map(&range, 65535), 196607);
	assert_int_equal(id_range_map(&range, 65536), 65536);
	assert_int_equal(id_range_map(NULL, 7), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pool),
		cmocka_unit_test_setup_teardown(test_default_pool, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_leases, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_find, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			test_not_again_soon, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_keep, make_dir, remove_dir),
		cmocka_unit_test(test_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
