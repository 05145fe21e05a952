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

/* The size that is set aside for it; 0: there is no such volume. */
static uint64_t bytes_of(const char *name)
{
	cleanup_volume_list struct volume_list list = { 0 };
	uint64_t bytes = 0;

	assert_int_equal(volume_list(engine, &list, &err), 0);
	for (size_t i = 0; i < list.count; i++) {
		if (strcmp(list.items[i].name, name) == 0)
			bytes = list.items[i].bytes;
	}
	return bytes;
}

static void test_life(void **state)
{
	assert_int_equal(create("data", "*", 4096), 0);
	assert_int_equal(create("data", "*", 4096), -EEXIST);
	assert_int_equal(volume_grow(engine, "data", "*", 8192, &err), 0);
	assert_int_equal(bytes_of("data"), 4096 + 8192);
	assert_int_equal(volume_destroy(engine, "data", "*", &err), 0);
	assert_int_equal(bytes_of("data"), 0);
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

/* Between the reading of the directory and of the record; and what is none at all. */
static void test_list_without_record(void **state)
{
	cleanup_close int dirfd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;

	assert_int_equal(create("a", "*", 1), 0);
	assert_int_equal(create("going", "*", 2), 0);
	assert_int_equal(unlinkat(dirfd, "volumes/going/volume.json", 0), 0);
	fd = openat(dirfd, "volumes/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(bytes_of("a"), 1);
	assert_int_equal(bytes_of("going"), 0);
}

/* What is there and cannot be read is not left out in silence. */
static void test_list_unreadable(void **state)
{
	cleanup_close int dirfd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	cleanup_volume_list struct volume_list list = { 0 };

	assert_int_equal(create("broken", "*", 1), 0);
	fd = openat(dirfd, "volumes/broken/volume.json", O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(write(fd, "{", 1), 1);
	assert_true(volume_list(engine, &list, &err) < 0);
	assert_non_null(strstr(err.text, "volume broken"));
}

static void test_sweep(void **state)
{
	static const char *const begun[] = { "volumes/.new-1", "volumes/.gone-2" };
	cleanup_close int dirfd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(create("data", "*", 1), 0);
	for (size_t i = 0; i < 2; i++) {
		cleanup_close int fd = fd_mkdir_open(dirfd, begun[i], 0700);

		assert_int_equal(mkdirat(fd, "data", 0755), 0);
	}
	volume_sweep(engine);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(faccessat(dirfd, begun[i], F_OK, 0), -1);
	assert_int_equal(bytes_of("data"), 1);
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
		TEST(test_list_without_record),
		TEST(test_list_unreadable),
		TEST(test_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
