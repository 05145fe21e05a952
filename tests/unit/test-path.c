/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/path.h"
#include "common/str.h"

#include <errno.h>
#include <linux/openat2.h>
#include <sys/stat.h>

static int setup(void **state)
{
	char *dir = malloc(32);
	int fd = unit_tmpdir(dir);

	assert_int_equal(mkdirat(fd, "root", 0755), 0);
	assert_int_equal(symlinkat("/", fd, "root/up"), 0);
	assert_int_equal(symlinkat("../../../../etc", fd, "root/etc-link"), 0);
	assert_int_equal(symlinkat("/proc/self/fd/0", fd, "root/magic"), 0);
	(void)close(fd);
	*state = dir;
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(fd_remove_tree(AT_FDCWD, *state), 0);
	free(*state);
	return 0;
}

static int open_root(void **state)
{
	cleanup_free char *path = str_printf("%s/root", (char *)*state);

	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void test_links_stay_inside(void **state)
{
	cleanup_close int root = open_root(state), fd = -1;
	struct stat st, root_st;

	assert_int_equal(mkdirat(root, "etc", 0755), 0);
	fd = path_mkdir_in_root(root, "etc-link/deep/er", 0700, 0, 0);
	assert_true(fd >= 0);
	assert_int_equal(fstatat(root, "etc/deep/er", &st, 0), 0);
	(void)close(take_fd(&fd));
	fd = path_open_in_root(root, "up/..", O_PATH | O_DIRECTORY, 0);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(fstat(root, &root_st), 0);
	assert_int_equal(st.st_ino, root_st.st_ino);
}

static void test_beneath_follows_nothing(void **state)
{
	cleanup_close int root = open_root(state);

	assert_int_equal(path_open_beneath(root, "up", O_RDONLY, 0), -ELOOP);
	assert_int_equal(path_open_beneath(root, "../root", O_RDONLY, 0), -EXDEV);
	assert_int_equal(path_open_beneath(root, "/etc/passwd", O_RDONLY, 0), -EXDEV);
}

static void test_scope_of_callers(void **state)
{
	cleanup_close int root = open_root(state), fd = -1;

	assert_int_equal(mkdirat(root, "etc", 0755), 0);
	assert_int_equal(symlinkat("etc", root, "inside"), 0);
	fd = path_open_scoped(root, "inside/../inside", O_PATH, 0, RESOLVE_BENEATH);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(path_open_scoped(root, "inside", O_PATH, 0,
				 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS),
		-ELOOP);
	assert_int_equal(
		path_open_scoped(root, "etc-link", O_PATH, 0, RESOLVE_BENEATH), -EXDEV);
	/* Whatever the scope is. */
	assert_int_equal(
		path_open_scoped(AT_FDCWD, "/proc/self/fd/0", O_PATH, 0, 0), -ELOOP);
}

static void test_magic_links_refused(void **state)
{
	cleanup_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(path_open_in_root(proc, "self/fd/0", O_PATH, 0), -ELOOP);
}

static void test_make_target(void **state)
{
	cleanup_close int root = open_root(state), dir = -1, file = -1;
	struct stat st;

	dir = path_make_target(root, "/a/b", 0);
	file = path_make_target(root, "/a/c/file", 1);
	assert_true(dir >= 0 && file >= 0);
	assert_int_equal(fstatat(root, "a/b", &st, 0), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(fstatat(root, "a/c/file", &st, 0), 0);
	assert_true(S_ISREG(st.st_mode));
}

/* As a system without its tmpfs has them: /etc/resolv.conf -> ../run/resolv.conf. */
static void test_target_behind_links(void **state)
{
	cleanup_close int root = open_root(state), file = -1;
	struct stat st;

	assert_int_equal(mkdirat(root, "etc", 0755), 0);
	assert_int_equal(symlinkat("../../../run/conf", root, "etc/conf"), 0);
	assert_int_equal(symlinkat("/etc/conf", root, "again"), 0);
	assert_int_equal(symlinkat("circle", root, "circle"), 0);
	file = path_make_target(root, "/again", 1);
	assert_true(file >= 0);
	assert_int_equal(fstatat(root, "run/conf", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(path_make_target(root, "/circle", 1), -ELOOP);
}

static void test_clean(void **state)
{
	static const char *const cases[][2] = { { "", "/" }, { "/", "/" },
		{ "a//b/./c", "/a/b/c" }, { "/a/../../b", "/b" }, { "..", "/" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_free char *clean = path_clean(cases[i][0]);

		assert_string_equal(clean, cases[i][1]);
	}
}

static void test_below(void **state)
{
	static const struct {
		const char *path, *dir, *rest;
	} cases[] = {
		{ "/a", "/a", "" },
		{ "/a/b/c", "/a", "b/c" },
		{ "/a/b", "/a/", "b" },
		{ "/a/b", "/", "a/b" },
		{ "/", "/", "" },
		{ "/a", "", "a" },
		{ "", "", "" },
		{ "/ab", "/a", NULL },
		{ "/a", "/a/b", NULL },
		{ "/a", "/a/", NULL },
		{ "/b", "/a", NULL },
		{ "/", "/a", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *rest = path_below(cases[i].path, cases[i].dir);

		if (!rest != !cases[i].rest || (rest && !str_eq(rest, cases[i].rest)))
			fail_msg("%s below %s: %s", cases[i].path, cases[i].dir, rest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_links_stay_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_beneath_follows_nothing, setup, teardown),
		cmocka_unit_test(test_magic_links_refused),
		cmocka_unit_test_setup_teardown(test_make_target, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_target_behind_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_scope_of_callers, setup, teardown),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
