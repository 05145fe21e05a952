/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "agentd/bundle-secrets.h"
#include "common/fd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define V(...) ((char **)(uintptr_t)(const char *[]){ __VA_ARGS__, NULL })

static void test_decode(void **state)
{
	const struct run_options run = { .secrets = V("/run/a=aGVsbG8=", "//b/../c=AAE="),
		.secret_env = V("TOKEN=c2VjcmV0") };
	struct bundle_secrets secrets;

	assert_int_equal(bundle_secrets(&run, &secrets, NULL), 0);
	assert_int_equal(secrets.list.count, 3);
	assert_string_equal(secrets.items[0].path, "/run/a");
	assert_string_equal(secrets.items[0].data, "hello");
	assert_string_equal(secrets.items[1].path, "/c");
	assert_int_equal(secrets.items[1].len, 2);
	assert_memory_equal(secrets.items[1].data, "\0\1", 2);
	assert_string_equal(secrets.items[2].name, "TOKEN");
	assert_string_equal(secrets.items[2].data, "secret");
	bundle_secrets_done(&secrets);
}

/* And no message repeats what may be one. */
static void test_wrong(void **state)
{
	const struct run_options wrong[] = {
		{ .secrets = V("hunter2") },
		{ .secrets = V("=aHVudGVyMg==") },
		{ .secrets = V("relative=aHVudGVyMg==") },
		{ .secrets = V("/=aHVudGVyMg==") },
		{ .secrets = V("/x=hunter2!") },
		{ .secrets = V("/x=aHVudGVyMg") },
		{ .secret_env = V("X=AAE=") },
		{ .secret_env = V("X=*hunter2*") },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct bundle_secrets secrets;
		struct err err = { 0 };

		assert_true(bundle_secrets(&wrong[i], &secrets, &err) < 0);
		assert_null(strstr(err.text, "hunter2"));
		assert_null(strstr(err.text, "aHVudGVyMg"));
		assert_non_null(strstr(err.text, "secret"));
	}
}

static void test_read(void **state)
{
	char dir[32], option[64];
	int dirfd = unit_tmpdir(dir);
	char *text = NULL;

	assert_int_equal(fd_replace_file(dirfd, "f", "hello", 5, 0600, FD_NO_SYNC), 0);
	(void)snprintf(option, sizeof(option), "name=%s/f", dir);
	assert_int_equal(bundle_secret_read(option, &text, NULL), 0);
	assert_string_equal(text, "/run/secrets/name=aGVsbG8=");
	free(text);
	(void)snprintf(option, sizeof(option), "/etc/k=%s/f", dir);
	assert_int_equal(bundle_secret_read(option, &text, NULL), 0);
	assert_string_equal(text, "/etc/k=aGVsbG8=");
	free(text);
	assert_int_equal(bundle_secret_read("name", &text, NULL), -EINVAL);
	assert_int_equal(bundle_secret_read("name=", &text, NULL), -EINVAL);
	(void)snprintf(option, sizeof(option), "name=%s/none", dir);
	assert_int_equal(bundle_secret_read(option, &text, NULL), -ENOENT);
	(void)close(dirfd);
	(void)!fd_remove_tree(AT_FDCWD, dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
