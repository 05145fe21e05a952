/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/str.h"
#include "runtime/lookup.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_tree(char *dir)
{
	int fd = unit_tmpdir(dir);

	assert_int_equal(mkdirat(fd, "a", 0755), 0);
	assert_int_equal(mkdirat(fd, "b", 0755), 0);
	assert_int_equal(mkdirat(fd, "b/folder", 0755), 0);
	assert_true(close(openat(fd, "a/plain", O_CREAT | O_WRONLY, 0644)) == 0);
	assert_true(close(openat(fd, "b/tool", O_CREAT | O_WRONLY, 0755)) == 0);
	assert_true(close(openat(fd, "b/plain", O_CREAT | O_WRONLY, 0755)) == 0);
	return fd;
}

static void remove_tree(int fd, const char *dir)
{
	assert_int_equal(unlinkat(fd, "a/plain", 0), 0);
	assert_int_equal(unlinkat(fd, "b/tool", 0), 0);
	assert_int_equal(unlinkat(fd, "b/plain", 0), 0);
	assert_int_equal(unlinkat(fd, "b/folder", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(fd, "a", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(fd, "b", AT_REMOVEDIR), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void expect(char *const *env, const char *name, int outcome, const char *told)
{
	struct err err = { 0 };
	char *path = NULL;

	assert_int_equal(lookup_program(env, name, &path, &err), outcome);
	if (outcome == 0)
		assert_true(str_has_suffix(path, told));
	else
		assert_non_null(strcasestr(err.text, told));
	free(path);
}

static void test_path(void **state)
{
	cleanup_free char *path = NULL, *only_a = NULL;
	char dir[32], *env[] = { NULL, NULL };
	int fd = make_tree(dir);

	path = str_printf("PATH=::relative:%s/none:%s/a:%s/b", dir, dir, dir);
	env[0] = path;
	expect(env, "tool", 0, "/b/tool");
	expect(env, "plain", 0, "/b/plain"); /* goes on past what is not executable */
	expect(env, "nosuch", RUNTIME_NO_PROGRAM, "executable file not found in $PATH");
	expect(env, "nosuch", RUNTIME_NO_PROGRAM, "no such file or directory");
	expect(env, "", RUNTIME_NO_PROGRAM, "exec");
	only_a = str_printf("PATH=%s/a", dir);
	env[0] = only_a;
	expect(env, "plain", RUNTIME_NOT_EXECUTABLE, "permission denied");
	remove_tree(fd, dir);
}

static void test_direct(void **state)
{
	cleanup_free char *tool = NULL, *plain = NULL, *folder = NULL, *under = NULL;
	char dir[32], *env[] = { NULL };
	int fd = make_tree(dir);

	tool = str_printf("%s/b/tool", dir);
	plain = str_printf("%s/a/plain", dir);
	folder = str_printf("%s/b/folder", dir);
	under = str_printf("%s/b/tool/under", dir);
	expect(env, tool, 0, "/b/tool");
	expect(env, plain, RUNTIME_NOT_EXECUTABLE, "permission denied");
	expect(env, folder, RUNTIME_NOT_EXECUTABLE, "permission denied");
	expect(env, under, RUNTIME_NO_PROGRAM, "not a directory");
	remove_tree(fd, dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_direct),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
