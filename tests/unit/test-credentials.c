/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/fd.h"
#include "images/credentials.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#define HELPER                                                                           \
	"#!/bin/sh\n"                                                                    \
	"read -r key\n"                                                                  \
	"echo \"$1 $key\" >>\"$0.log\"\n"                                                \
	"case \"$1 $key\" in\n"                                                          \
	"get*known.example) echo '{\"Username\":\"hu\",\"Secret\":\"hs\"}' ;;\n"         \
	"get*token.example) echo '{\"Username\":\"<token>\",\"Secret\":\"it\"}' ;;\n"    \
	"get*broken.example) echo 'keychain is locked'; exit 1 ;;\n"                     \
	"get*) echo 'credentials not found in native keychain'; exit 1 ;;\n"             \
	"esac\n"

struct fixture {
	char dir[32], file[64], second[64];
	int dirfd;
	char *files[3];
	struct registry_endpoint endpoint;
	struct registry_access access;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char path[256];

	f->dirfd = unit_tmpdir(f->dir);
	(void)snprintf(f->file, sizeof(f->file), "%s/config.json", f->dir);
	(void)snprintf(f->second, sizeof(f->second), "%s/second.json", f->dir);
	f->files[0] = f->file;
	f->files[1] = f->second;
	(void)snprintf(path, sizeof(path), "%s:/usr/bin:/bin", f->dir);
	assert_int_equal(setenv("PATH", path, 1), 0);
	*state = f;
	return 0;
}

static void forget(struct fixture *f)
{
	free(f->endpoint.username);
	free(f->endpoint.password);
	free(f->endpoint.identity_token);
	f->endpoint = (struct registry_endpoint){ 0 };
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	forget(f);
	assert_int_equal(fd_remove_tree(AT_FDCWD, f->dir), 0);
	(void)close(f->dirfd);
	free(f);
	return 0;
}

static void put(struct fixture *f, const char *name, const char *text, mode_t mode)
{
	assert_int_equal(
		fd_replace_file(f->dirfd, name, text, strlen(text), mode, FD_NO_SYNC), 0);
}

static int find(struct fixture *f, const char *host)
{
	static char url[] = "https://unused";

	forget(f);
	f->endpoint.url = url;
	f->access.host = (char *)(uintptr_t)host;
	f->access.endpoints.items = &f->endpoint;
	f->access.endpoints.count = 1;
	return credentials_find(f->files, &f->access, &f->err);
}

static void assert_login(struct fixture *f, const char *user, const char *password)
{
	assert_non_null(f->endpoint.username);
	assert_string_equal(f->endpoint.username, user);
	assert_string_equal(f->endpoint.password, password);
}

static void test_auths(void **state)
{
	struct fixture *f = *state;

	/* "u:p:q", "hub:pw" */
	put(f, "config.json",
		"{\"auths\":{\"a.example:5000\":{\"auth\":\"dTpwOnE=\"},"
		"\"https://index.docker.io/v1/\":{\"auth\":\"aHViOnB3\"},"
		"\"https://b.example/v2/\":{\"username\":\"bu\",\"password\":\"bp\"},"
		"\"t.example\":{\"identitytoken\":\"tok\"},\"e.example\":{}}}",
		0600);
	assert_int_equal(find(f, "a.example:5000"), 0);
	assert_login(f, "u", "p:q");
	assert_int_equal(find(f, "docker.io"), 0);
	assert_login(f, "hub", "pw");
	assert_int_equal(find(f, "b.example"), 0);
	assert_login(f, "bu", "bp");
	assert_int_equal(find(f, "t.example"), 0);
	assert_string_equal(f->endpoint.identity_token, "tok");
	assert_int_equal(find(f, "a.example"), 0);
	assert_null(f->endpoint.username);
	assert_int_equal(find(f, "e.example"), 0);
	assert_null(f->endpoint.username);
}

static void test_second_file(void **state)
{
	struct fixture *f = *state;

	put(f, "config.json", "{\"auths\":{\"x.example\":{}}}", 0600);
	put(f, "second.json", "{\"auths\":{\"x.example\":{\"auth\":\"dTpw\"}}}", 0600);
	assert_int_equal(find(f, "x.example"), 0);
	assert_login(f, "u", "p");
}

static void test_damaged(void **state)
{
	static const char *const texts[] = { "{",
		"{\"auths\":{\"x\":{\"auth\":\"???\"}}}",
		"{\"auths\":{\"x\":{\"auth\":\"dXA=\"}}}" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put(f, "config.json", texts[i], 0600);
		assert_true(find(f, "x") < 0);
		assert_non_null(strstr(f->err.text, f->file));
	}
}

static void test_helper(void **state)
{
	struct fixture *f = *state;

	put(f, "docker-credential-test", HELPER, 0700);
	put(f, "config.json",
		"{\"credsStore\":\"test\",\"auths\":{\"own.example\":{\"auth\":\"dTpw\"}},"
		"\"credHelpers\":{\"gone.example\":\"missing\",\"bad.example\":\"../x\"}}",
		0600);
	assert_int_equal(find(f, "known.example"), 0);
	assert_login(f, "hu", "hs");
	assert_int_equal(find(f, "token.example"), 0);
	assert_string_equal(f->endpoint.identity_token, "it");
	assert_int_equal(find(f, "own.example"), 0); /* the helper knows nothing of it */
	assert_login(f, "u", "p");
	assert_int_equal(find(f, "broken.example"), -EIO);
	assert_non_null(strstr(f->err.text, "keychain is locked"));
	assert_int_equal(find(f, "gone.example"), -ENOENT);
	assert_int_equal(find(f, "bad.example"), -EINVAL);
}

/* Its output is over, but the program itself is not. */
static void test_helper_that_stays(void **state)
{
	struct fixture *f = *state;

	put(f, "docker-credential-test", "#!/bin/sh\nexec >&- 2>&-\nexec sleep 60\n",
		0700);
	put(f, "config.json", "{\"credsStore\":\"test\"}", 0600);
	assert_int_equal(find(f, "known.example"), -ETIMEDOUT);
	assert_non_null(strstr(f->err.text, "docker-credential-test"));
}

static void test_store_and_erase(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *text = NULL;
	struct stat st;
	size_t len;

	assert_int_equal(
		credentials_erase(f->file, "r.example", &f->err), CREDENTIALS_ABSENT);
	assert_int_equal(
		credentials_store(f->file, "r.example", "me", "pass:word", &f->err), 0);
	assert_int_equal(fstatat(f->dirfd, "config.json", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(find(f, "r.example"), 0);
	assert_login(f, "me", "pass:word");
	put(f, "config.json",
		"{\"HttpHeaders\":{\"a\":[1,true]},\"auths\":{\"x\":{\"auth\":\"dTpw\"}}}",
		0600);
	assert_int_equal(
		credentials_store(f->file, "docker.io", "hub", "pw", &f->err), 0);
	assert_int_equal(find(f, "x"), 0);
	assert_login(f, "u", "p");
	assert_int_equal(find(f, "docker.io"), 0);
	assert_login(f, "hub", "pw");
	assert_int_equal(credentials_erase(f->file, "docker.io", &f->err), 0);
	assert_int_equal(find(f, "docker.io"), 0);
	assert_null(f->endpoint.username);
	assert_int_equal(fd_read_file(f->dirfd, "config.json", 65536, &text, &len), 0);
	assert_non_null(strstr(text, "HttpHeaders"));
	assert_int_equal(credentials_store(f->file, "r", "a:b", "pw", &f->err), -EINVAL);
}

static void test_erase_every_spelling(void **state)
{
	struct fixture *f = *state;

	put(f, "config.json",
		"{\"auths\":{\"r.example\":{\"auth\":\"dTpw\"},"
		"\"https://r.example/v1/\":{\"auth\":\"dTpw\"},\"x\":{\"auth\":\"dTpw\"}}}",
		0600);
	assert_int_equal(credentials_erase(f->file, "r.example", &f->err), 0);
	assert_int_equal(
		credentials_erase(f->file, "r.example", &f->err), CREDENTIALS_ABSENT);
	assert_int_equal(find(f, "x"), 0);
	assert_login(f, "u", "p");
}

static void test_store_by_helper(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *log = NULL;
	size_t len;

	put(f, "docker-credential-test", HELPER, 0700);
	put(f, "config.json", "{\"credsStore\":\"test\"}", 0600);
	assert_int_equal(credentials_store(f->file, "r.example", "me", "pw", &f->err), 0);
	assert_int_equal(credentials_erase(f->file, "r.example", &f->err), 0);
	assert_int_equal(
		fd_read_file(f->dirfd, "docker-credential-test.log", 65536, &log, &len),
		0);
	assert_non_null(strstr(log, "store {\"ServerURL\":\"r.example\""));
	assert_non_null(strstr(log, "erase r.example"));
}

#define credentials_test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		credentials_test(test_auths),
		credentials_test(test_second_file),
		credentials_test(test_damaged),
		credentials_test(test_helper),
		credentials_test(test_helper_that_stays),
		credentials_test(test_store_and_erase),
		credentials_test(test_erase_every_spelling),
		credentials_test(test_store_by_helper),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
