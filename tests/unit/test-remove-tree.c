/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define DEEP 2000

/* Makes a chain of `count` directories below `dirfd`, each with a file. */
static void make_chain(int dirfd, const char *name, int count)
{
	int fd = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);

	for (int i = 0; i < count; i++) {
		int next = fd_mkdir_open(fd, name, 0755);
		int file = openat(next, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0000);

		assert_true(fd >= 0 && next >= 0 && file >= 0);
		(void)close(file);
		(void)close(fd);
		fd = next;
	}
	(void)close(fd);
}

/* Whoever made the tree may have taken the names that are used meanwhile. */
static void test_deeper_than_descriptors(void **state)
{
	const struct rlimit few = { 400, 400 };
	cleanup_close int fd = -1, top = -1, file = -1;
	struct stat st;
	char dir[32];

	(void)state;
	fd = unit_tmpdir(dir);
	top = fd_mkdir_open(fd, "top", 0755);
	file = openat(top, ".deep-0", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(top >= 0 && file >= 0);
	make_chain(top, ".deep-1", 3);
	make_chain(top, "d", DEEP);
	make_chain(top, "e", DEEP);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(fd_remove_tree(fd, "top"), 0);
	assert_int_equal(fstatat(fd, "top", &st, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(fd_remove_tree(AT_FDCWD, dir), 0);
}

/* A listing carries on what it takes for an interrupted removal, and may meet one at work. */
static void test_side_by_side(void **state)
{
	cleanup_close int fd = -1;
	char dir[32], name[16];
	pid_t pids[3];
	int status;

	(void)state;
	fd = unit_tmpdir(dir);
	for (int round = 0; round < 20; round++) {
		cleanup_close int top = fd_mkdir_open(fd, "top", 0755);

		for (int i = 0; i < 10; i++) {
			(void)snprintf(name, sizeof(name), "d%d", i);
			make_chain(top, name, 10);
		}
		for (int i = 0; i < 3; i++) {
			pids[i] = fork();
			assert_true(pids[i] >= 0);
			if (pids[i] == 0)
				_exit(-fd_remove_tree(fd, "top"));
		}
		for (int i = 0; i < 3; i++) {
			assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
			assert_int_equal(status, 0);
		}
	}
	assert_int_equal(fd_remove_tree(AT_FDCWD, dir), 0);
}

static void test_links_are_not_followed(void **state)
{
	cleanup_close int fd = -1, top = -1;
	struct stat st;
	char dir[32];

	(void)state;
	fd = unit_tmpdir(dir);
	make_chain(fd, "kept", 2);
	top = fd_mkdir_open(fd, "top", 0755);
	assert_int_equal(symlinkat("../kept", top, "link"), 0);
	assert_int_equal(symlinkat("kept", fd, "alias"), 0);
	assert_int_equal(fd_remove_tree(fd, "top"), 0);
	assert_int_equal(fd_remove_tree(fd, "alias"), 0);
	assert_int_equal(fd_remove_tree(fd, "absent"), 0);
	assert_int_equal(fstatat(fd, "kept/kept/file", &st, 0), 0);
	assert_int_equal(fd_remove_tree(AT_FDCWD, dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links_are_not_followed),
		cmocka_unit_test(test_side_by_side),
		cmocka_unit_test(test_deeper_than_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
