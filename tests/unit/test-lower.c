/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "images/lower.h"
#include "images/unpack-proto.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

struct fixture {
	char path[32];
	int fds[3];
	struct lower lower;
};

static void make_file(int dirfd, const char *name)
{
	assert_int_equal(
		fd_replace_file(dirfd, name, name, strlen(name), 0644, FD_NO_SYNC), 0);
}

static int make_dir(int dirfd, const char *name)
{
	int fd = fd_mkdir_open(dirfd, name, 0755);

	assert_true(fd >= 0);
	return fd;
}

/* 0: dir/{a,b}, file; 1: nothing of them; 2: what a test adds. */
static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fd = unit_tmpdir(f->path), dir;

	for (int i = 0; i < 3; i++) {
		char name[2] = { (char)('0' + i), '\0' };

		f->fds[i] = make_dir(fd, name);
	}
	(void)close(fd);
	dir = make_dir(f->fds[0], "dir");
	make_file(dir, "a");
	make_file(dir, "b");
	(void)close(dir);
	make_file(f->fds[0], "file");
	f->lower = (struct lower){ f->fds, 3 };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++)
		(void)close(f->fds[i]);
	assert_int_equal(fd_remove_tree(AT_FDCWD, f->path), 0);
	free(f);
	return 0;
}

static int find(struct fixture *f, const char *path, struct lower_file *ret)
{
	return lower_find(&f->lower, path, ret, NULL);
}

static void test_topmost_wins(void **state)
{
	struct fixture *f = *state;
	struct lower_file file = { 0 };
	int dir;

	assert_int_equal(find(f, "dir/a", &file), 0);
	assert_int_equal(file.layer_fd, f->fds[0]);
	dir = make_dir(f->fds[2], "dir");
	make_file(dir, "a");
	(void)close(dir);
	assert_int_equal(find(f, "dir/a", &file), 0);
	assert_int_equal(file.layer_fd, f->fds[2]);
	assert_int_equal(find(f, "dir/b", &file), 0);
	assert_int_equal(file.layer_fd, f->fds[0]);
	assert_int_equal(find(f, "", &file), 0);
	assert_true(S_ISDIR(file.st.st_mode));
	assert_int_equal(find(f, "absent/x", &file), LOWER_ABSENT);
	assert_int_equal(find(f, "file/x", &file), LOWER_ABSENT);
}

static void test_whiteout_hides(void **state)
{
	struct fixture *f = *state;
	struct lower_file file;

	if (mknodat(f->fds[1], "dir", S_IFCHR, makedev(0, 0)) < 0)
		skip();
	assert_int_equal(find(f, "dir", &file), LOWER_ABSENT);
	assert_int_equal(find(f, "dir/a", &file), LOWER_ABSENT);
	assert_int_equal(find(f, "file", &file), 0);
}

static void test_opaque_hides(void **state)
{
	struct fixture *f = *state;
	struct lower_file file;
	int dir = make_dir(f->fds[1], "dir"), r;

	make_file(dir, "own");
	r = fsetxattr(dir, UNPACK_OPAQUE_XATTR, "y", 1, 0);
	(void)close(dir);
	if (r < 0)
		skip();
	assert_int_equal(find(f, "dir/own", &file), 0);
	assert_int_equal(find(f, "dir/a", &file), LOWER_ABSENT);
	assert_int_equal(find(f, "dir", &file), 0);
	assert_int_equal(file.layer_fd, f->fds[1]);
}

static void test_file_hides_directory(void **state)
{
	struct fixture *f = *state;
	struct lower_file file;

	make_file(f->fds[1], "dir");
	(void)close(make_dir(f->fds[2], "dir"));
	assert_int_equal(find(f, "dir/a", &file), LOWER_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_topmost_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whiteout_hides, setup, teardown),
		cmocka_unit_test_setup_teardown(test_opaque_hides, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_file_hides_directory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
