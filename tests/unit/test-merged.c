/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/fd.h"
#include "images/merged.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LAYERS 3

struct fixture {
	char path[32];
	int dirfd, layers[LAYERS]; /* lowest first */
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char name[16];

	assert_non_null(f);
	f->dirfd = unit_tmpdir(f->path);
	for (int i = 0; i < LAYERS; i++) {
		(void)snprintf(name, sizeof(name), "%d", i);
		f->layers[i] = fd_mkdir_open(f->dirfd, name, 0755);
		assert_true(f->layers[i] >= 0);
	}
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < LAYERS; i++)
		(void)close(f->layers[i]);
	(void)close(f->dirfd);
	assert_int_equal(fd_remove_tree(AT_FDCWD, f->path), 0);
	free(f);
	return 0;
}

static void make_dir(struct fixture *f, int layer, const char *name)
{
	assert_int_equal(mkdirat(f->layers[layer], name, 0755), 0);
}

static void make_file(struct fixture *f, int layer, const char *name)
{
	assert_int_equal(
		fd_replace_file(f->layers[layer], name, "", 0, 0600, FD_NO_SYNC), 0);
}

static void make_whiteout(struct fixture *f, int layer, const char *name)
{
	assert_int_equal(mknodat(f->layers[layer], name, S_IFCHR, makedev(0, 0)), 0);
}

/* The names of a directory, as "name:layer " and "name/:layers ". */
static void assert_merged(struct fixture *f, const char *path,
	const struct merged_stack *stack, const char *want)
{
	cleanup_merged_dir struct merged_dir dir = { 0 };
	cleanup_buf struct buf b = BUF_INIT;
	struct err err;

	assert_int_equal(merged_dir_open(f->layers, path, stack, &dir, &err), 0);
	for (size_t i = 0; i < dir.count; i++) {
		const struct merged_name *name = &dir.names[i];

		buf_printf(&b, "%s%s:", name->name, name->is_directory ? "/" : "");
		if (!name->is_directory)
			buf_printf(&b, "%d", name->layer);
		for (size_t n = 0; name->stack && n < name->stack->count; n++)
			buf_printf(&b, "%d", name->stack->layers[n]);
		buf_putc(&b, ' ');
		assert_true(merged_dir_fd(&dir, name->layer) >= 0);
	}
	assert_int_equal(buf_finish(&b), 0);
	assert_string_equal(b.data, want);
}

static const struct merged_stack all = { .layers = { 2, 1, 0 }, .count = LAYERS };

static void test_topmost_counts(void **state)
{
	struct fixture *f = *state;

	make_file(f, 0, "a");
	make_file(f, 1, "a");
	make_file(f, 0, "b");
	make_file(f, 2, "c");
	assert_merged(f, ".", &all, "a:1 b:0 c:2 ");
}

static void test_whiteouts(void **state)
{
	struct fixture *f = *state;

	make_file(f, 0, "a");
	make_whiteout(f, 1, "a");
	make_file(f, 0, "b");
	make_whiteout(f, 1, "b");
	make_file(f, 2, "b");
	make_whiteout(f, 2, "absent");
	assert_merged(f, ".", &all, "b:2 ");
}

/* A directory is one down to what is none. */
static void test_directories(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < LAYERS; i++)
		make_dir(f, i, "all");
	make_dir(f, 0, "cut");
	make_file(f, 1, "cut");
	make_dir(f, 2, "cut");
	make_dir(f, 0, "gone");
	make_whiteout(f, 1, "gone");
	make_dir(f, 2, "gone");
	make_dir(f, 0, "file");
	make_file(f, 2, "file");
	assert_merged(f, ".", &all, "all/:210 cut/:2 file:2 gone/:2 ");
}

static void test_opaque(void **state)
{
	struct fixture *f = *state;
	cleanup_close int fd = -1;

	for (int i = 0; i < LAYERS; i++)
		make_dir(f, i, "d");
	make_file(f, 0, "d/0");
	make_file(f, 1, "d/1");
	make_file(f, 2, "d/2");
	assert_merged(f, "d", &all, "0:0 1:1 2:2 ");
	fd = openat(f->layers[1], "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	if (fsetxattr(fd, "user.overlay.opaque", "y", 1, 0) < 0)
		skip();
	assert_merged(f, "d", &all, "1:1 2:2 ");
}

/* No link leads out, not even one that takes a directory's place. */
static void test_links(void **state)
{
	struct fixture *f = *state;
	struct merged_dir dir;
	struct err err;

	assert_int_equal(symlinkat("/", f->layers[2], "l"), 0);
	assert_merged(f, ".", &all, "l:2 ");
	assert_int_equal(merged_dir_open(f->layers, "l", &all, &dir, &err), -ELOOP);
	assert_int_equal(merged_dir_open(f->layers, "..", &all, &dir, &err), -EXDEV);
}

#define merged_test(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		merged_test(test_topmost_counts),
		merged_test(test_whiteouts),
		merged_test(test_directories),
		merged_test(test_opaque),
		merged_test(test_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
