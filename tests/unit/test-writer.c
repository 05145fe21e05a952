/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/fd.h"
#include "common/str.h"
#include "images/writer.h"

#include <errno.h>
#include <sys/stat.h>

struct fixture {
	char path[32];
	int root_fd;
	struct lower lower;
	struct notes notes;
	struct unpack_limits limits;
	struct sink *sink;
	struct writer *writer;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fd;

	assert_non_null(f);
	(void)umask(0);
	fd = unit_tmpdir(f->path);
	f->root_fd = fd_mkdir_open(fd, "root", 0700);
	assert_true(f->root_fd >= 0);
	(void)close(fd);
	unpack_limits_init(&f->limits);
	assert_int_equal(sink_dir_new(f->root_fd, &f->notes, &f->sink, NULL), 0);
	assert_int_equal(
		writer_new(f->sink, &f->lower, &f->notes, &f->limits, &f->writer, NULL),
		0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	writer_free(f->writer);
	sink_free(f->sink);
	(void)close(f->root_fd);
	assert_int_equal(fd_remove_tree(AT_FDCWD, f->path), 0);
	free(f);
	return 0;
}

static struct member_facts mine(mode_t mode, const char *member)
{
	return (struct member_facts){ .attributes = { .mode = mode,
					      .uid = geteuid(),
					      .gid = getegid(),
					      .mtime = { 1234, 567 } },
		.member = member };
}

static void parse(struct fixture *f, const char *text, struct writer_path *ret)
{
	assert_int_equal(writer_path_parse(text, &f->limits, ret, NULL), 0);
}

/* A directory in the current one, "" for that itself: ours, so that the test needs no rights. */
static void describe(struct fixture *f, const char *name, mode_t mode)
{
	struct member_facts m = mine(S_IFDIR | mode, name);

	assert_int_equal(writer_dir(f->writer, name, &m, NULL), 0);
}

static void test_paths(void **state)
{
	static const char *const refused[] = { "..", "a/..", "../a", "/..", "a/../b" };
	struct fixture *f = *state;
	struct writer_path path;
	char long_name[300];

	parse(f, "//./a//b/./c/", &path);
	assert_string_equal(path.text, "a/b/c");
	assert_int_equal(path.dir_len, 3);
	assert_string_equal(path.base, "c");
	parse(f, "./", &path);
	assert_string_equal(path.text, "");
	parse(f, "...", &path);
	assert_string_equal(path.base, "...");
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		assert_int_equal(
			writer_path_parse(refused[i], &f->limits, &path, NULL), -EPERM);
	memset(long_name, 'x', sizeof(long_name));
	long_name[256] = '\0';
	assert_int_equal(
		writer_path_parse(long_name, &f->limits, &path, NULL), -ENAMETOOLONG);
	f->limits.depth = 2;
	assert_int_equal(
		writer_path_parse("a/b/c", &f->limits, &path, NULL), -ENAMETOOLONG);
	f->limits.path = 3;
	assert_int_equal(
		writer_path_parse("abcd", &f->limits, &path, NULL), -ENAMETOOLONG);
}

static void test_directories_at_the_end(void **state)
{
	struct fixture *f = *state;
	struct member_facts m = mine(S_IFREG | 0640, "file");
	const struct piece piece = { .data = "x", .len = 1 };
	struct writer_path path;
	struct stat st;
	int file = -1;

	parse(f, "d/e/file", &path);
	describe(f, "", 0700);
	describe(f, "d", 0500);
	assert_int_equal(writer_enter(f->writer, &path, path.dir_len, NULL), 0);
	describe(f, "", 0755);
	assert_int_equal(writer_file_open(f->writer, "file", &m, &file, NULL), 0);
	assert_int_equal(writer_file_write(f->writer, file, &piece, "file", NULL), 0);
	assert_int_equal(writer_file_end(f->writer, file, 3, 1, &m, NULL), 0);
	writer_file_close(f->writer, file);
	assert_int_equal(writer_finish(f->writer, NULL), 0);
	assert_int_equal(fstatat(f->root_fd, "d", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0500);
	assert_int_equal(st.st_mtim.tv_sec, 1234);
	assert_int_equal(st.st_mtim.tv_nsec, 567);
	assert_int_equal(fstatat(f->root_fd, "d/e/file", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_size, 3);
	assert_int_equal(st.st_mtim.tv_sec, 1234);
	assert_int_equal(fchmodat(f->root_fd, "d", 0700, 0), 0);
}

static void test_links_lead_nowhere(void **state)
{
	struct fixture *f = *state;
	struct member_facts m = mine(S_IFLNK | 0777, "link");
	struct writer_path path;
	struct err err = { 0 };
	mode_t mode = 0;

	parse(f, "up/escaped", &path);
	assert_int_equal(writer_symlink(f->writer, "up", "..", &m, NULL), 0);
	assert_int_equal(
		writer_enter(f->writer, &path, path.dir_len, &err), WRITER_NOT_DIR);
	assert_non_null(strstr(err.text, "up/escaped"));
	assert_int_equal(writer_look(f->writer, "up", &mode), 0);
	assert_true(S_ISLNK(mode));
}

static void test_replace(void **state)
{
	struct fixture *f = *state;
	struct member_facts m = mine(S_IFLNK | 0777, "link");
	struct writer_path path;
	mode_t mode = 0;
	struct stat st;

	parse(f, "x/y/z", &path);
	assert_int_equal(writer_enter(f->writer, &path, strlen(path.text), NULL), 0);
	parse(f, "x", &path);
	assert_int_equal(writer_enter(f->writer, &path, 0, NULL), 0);
	assert_int_equal(writer_symlink(f->writer, "x", "target", &m, NULL), 0);
	assert_int_equal(writer_look(f->writer, "x", &mode), 0);
	assert_true(S_ISLNK(mode));
	describe(f, "", 0700);
	describe(f, "x", 0755);
	assert_int_equal(writer_look(f->writer, "x", &mode), 0);
	assert_true(S_ISDIR(mode));
	/* what was recorded of x/y/z is gone with it */
	assert_int_equal(writer_finish(f->writer, NULL), 0);
	assert_int_equal(fstatat(f->root_fd, "x/y", &st, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_directories_at_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links_lead_nowhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replace, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
