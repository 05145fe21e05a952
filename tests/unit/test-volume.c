/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "agentd/volume.h"
#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[32];
static struct engine *engine;
static struct err err;

static int open_engine(void **state)
{
	(void)close(unit_tmpdir(root));
	return engine_open(&(struct engine_options){ .root_path = root }, &engine, NULL);
}

static int close_engine(void **state)
{
	engine_free(engine);
	return fd_remove_tree(AT_FDCWD, root);
}

static int create(const char *name, const char *role, uint64_t bytes)
{
	const struct volume volume = { .name = (char *)(uintptr_t)name,
		.role = (char *)(uintptr_t)role,
		.bytes = bytes };

	return volume_create(engine, &volume, &err);
}

static void test_life(void **state)
{
	cleanup_volume struct volume volume = { 0 };

	assert_int_equal(create("data", "*", 4096), 0);
	assert_int_equal(create("data", "*", 4096), -EEXIST);
	assert_int_equal(volume_grow(engine, "data", "*", 8192, &err), 0);
	assert_int_equal(volume_find(engine, "data", NULL, &volume, &err), 0);
	assert_int_equal(volume.bytes, 4096 + 8192);
	assert_int_equal(volume_destroy(engine, "data", "*", &err), 0);
	assert_int_equal(volume_destroy(engine, "data", "*", &err), -ENOENT);
}

static void test_refused(void **state)
{
	static const char *const names[] = { "", ".", "..", "a/b", ".x", "a b" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(create(names[i], "*", 0), -EINVAL);
	assert_int_equal(create("huge", "*", UINT64_MAX / 2), -ENOSPC);
	assert_int_equal(volume_open(engine, "none", "*", &err), -ENOENT);
	assert_int_equal(volume_grow(engine, "none", "*", 1, &err), -ENOENT);
}

static void test_role(void **state)
{
	int fd;

	assert_int_equal(create("web", "web", 0), 0);
	assert_int_equal(volume_open(engine, "web", NULL, &err), -EACCES);
	assert_int_equal(volume_open(engine, "web", "db", &err), -EACCES);
	assert_int_equal(volume_destroy(engine, "web", "db", &err), -EACCES);
	fd = volume_open(engine, "web", "web", &err);
	assert_true(fd >= 0);
	(void)close(fd);
}

static void test_in_use(void **state)
{
	int one, two;

	assert_int_equal(create("data", "*", 0), 0);
	one = volume_open(engine, "data", "*", &err);
	two = volume_open(engine, "data", "*", &err);
	assert_true(one >= 0 && two >= 0);
	(void)close(one);
	assert_int_equal(volume_destroy(engine, "data", "*", &err), -EBUSY);
	(void)close(two);
	assert_int_equal(volume_destroy(engine, "data", "*", &err), 0);
}

static void test_list(void **state)
{
	cleanup_volume_list struct volume_list list = { 0 };

	assert_int_equal(create("a", "*", 1), 0);
	assert_int_equal(create("b", "r", 2), 0);
	assert_int_equal(volume_list(engine, &list, &err), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.items[0].bytes + list.items[1].bytes, 3);
}

static void test_sweep(void **state)
{
	static const char *const begun[] = { "volumes/.new-1", "volumes/.gone-2" };
	cleanup_close int dirfd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_volume struct volume volume = { 0 };

	assert_int_equal(create("data", "*", 0), 0);
	for (size_t i = 0; i < 2; i++) {
		cleanup_close int fd = fd_mkdir_open(dirfd, begun[i], 0700);

		assert_int_equal(mkdirat(fd, "data", 0755), 0);
	}
	volume_sweep(engine);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(faccessat(dirfd, begun[i], F_OK, 0), -1);
	assert_int_equal(volume_find(engine, "data", NULL, &volume, &err), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, open_engine, close_engine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_life),
		TEST(test_refused),
		TEST(test_role),
		TEST(test_in_use),
		TEST(test_list),
		TEST(test_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
