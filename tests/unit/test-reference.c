/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/fd.h"
#include "common/str.h"
#include "images/reference.h"

#include <errno.h>
#include <sys/stat.h>

#define D "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_normalize(void **state)
{
	static const char *const cases[][2] = {
		{ "alpine", "docker.io/library/alpine:latest" },
		{ "alpine:3", "docker.io/library/alpine:3" },
		{ "someone/app", "docker.io/someone/app:latest" },
		{ "docker.io/alpine", "docker.io/library/alpine:latest" },
		{ "index.docker.io/library/alpine:3", "docker.io/library/alpine:3" },
		{ "localhost/app:1", "localhost/app:1" },
		{ "localhost:5000/app", "localhost:5000/app:latest" },
		{ "[::1]:5000/app", "[::1]:5000/app:latest" },
		{ "quay.io/a/b/c:x_Y.z-1", "quay.io/a/b/c:x_Y.z-1" },
		{ "Registry/app", "Registry/app:latest" },
		{ "alpine@" D, "docker.io/library/alpine@" D },
		{ "alpine:3@" D, "docker.io/library/alpine@" D },
		{ "a__b/c---d.e_f", "docker.io/a__b/c---d.e_f:latest" },
	};
	char full[REFERENCE_NAME_MAX];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(reference_normalize(cases[i][0], full, NULL), 0);
		assert_string_equal(full, cases[i][1]);
	}
}

static void test_bad_names(void **state)
{
	static const char *const names[] = { "", ":", "alpine:", "Alpine", "a//b", "/a",
		"a/", "-a", "a-", "a..b", "a___b", "a_.b", "a:-x", "a:x/y:z w", "a b",
		"a\nb", "../a", "a@sha256:1", "a@", "a@sha512:" D, "host:port/a",
		"host:123456/a", "-x.y/a", "x..y/a", "[::1/a", "[]/a", "docker://alpine",
		"\xc3\xa4" };
	char full[REFERENCE_NAME_MAX];
	char longest[300];
	struct err err;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(reference_normalize(names[i], full, &err), -EINVAL);
		assert_non_null(strstr(err.text, "no image name"));
	}
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(reference_normalize(longest, full, &err), -ENAMETOOLONG);
	memset(longest, 't', 140);
	longest[1] = ':';
	longest[140] = '\0';
	assert_int_equal(reference_normalize(longest, full, &err), -EINVAL);
}

static void test_parts(void **state)
{
	assert_string_equal(reference_familiar("docker.io/library/alpine:3"), "alpine:3");
	assert_string_equal(reference_familiar("docker.io/some/app:3"), "some/app:3");
	assert_string_equal(reference_familiar("localhost/app:3"), "localhost/app:3");
	assert_string_equal(reference_tag_of("localhost:5000/app:3"), ":3");
	assert_string_equal(reference_tag_of("docker.io/library/a@" D), "@" D);
	assert_string_equal(reference_digest_of("a@" D), D);
	assert_null(reference_digest_of("a:b"));
}

static int make_files(char path[32])
{
	int fd = unit_tmpdir(path);

	assert_int_equal(fd_replace_file(fd, "image.tar", "x", 1, 0600, FD_NO_SYNC), 0);
	assert_int_equal(fd_replace_file(fd, "odd:name", "x", 1, 0600, FD_NO_SYNC), 0);
	assert_int_equal(mkdirat(fd, "alpine", 0700), 0);
	assert_int_equal(mkdirat(fd, "layout", 0700), 0);
	assert_int_equal(
		fd_replace_file(fd, "layout/oci-layout", "{}", 2, 0600, FD_NO_SYNC), 0);
	return fd;
}

struct parse_case {
	const char *text;
	enum reference_kind kind;
	const char *format, *path, *tag;
};

static void check_case(const struct parse_case *want, int cwd_fd)
{
	cleanup_reference struct reference ref = { 0 };
	struct err err;

	assert_int_equal(reference_parse(want->text, cwd_fd, &ref, &err), 0);
	assert_int_equal(ref.kind, want->kind);
	assert_string_equal(
		ref.format ? ref.format : "", want->format ? want->format : "");
	assert_string_equal(ref.path ? ref.path : "", want->path ? want->path : "");
	assert_string_equal(ref.tag ? ref.tag : "", want->tag ? want->tag : "");
	assert_string_equal(ref.name ? ref.name : "",
		want->kind == REFERENCE_STORE ? want->text : "");
}

static void test_parse(void **state)
{
	static const struct parse_case cases[] = {
		{ "-", REFERENCE_STDIN },
		{ "tar:-", REFERENCE_STDIN, "tar" },
		{ "image.tar", REFERENCE_PATH, NULL, "image.tar" },
		{ "./image.tar", REFERENCE_PATH, NULL, "./image.tar" },
		{ "image.tar:v1", REFERENCE_PATH, NULL, "image.tar", "v1" },
		{ "image.tar:docker.io/library/a:v1", REFERENCE_PATH, NULL, "image.tar",
			"docker.io/library/a:v1" },
		{ "odd:name", REFERENCE_PATH, NULL, "odd:name" },
		{ "odd:name:v1", REFERENCE_PATH, NULL, "odd:name", "v1" },
		{ "layout", REFERENCE_PATH, NULL, "layout" },
		{ "layout:latest", REFERENCE_PATH, NULL, "layout", "latest" },
		{ "alpine", REFERENCE_STORE },
		{ "alpine:3", REFERENCE_STORE },
		{ "./alpine", REFERENCE_PATH, NULL, "./alpine" },
		{ "missing.tar", REFERENCE_STORE },
		{ "oci:layout:latest", REFERENCE_PATH, "oci", "layout", "latest" },
		{ "oci:alpine", REFERENCE_PATH, "oci", "alpine" },
		{ "docker-archive:image.tar:a:b", REFERENCE_PATH, "docker-archive",
			"image.tar", "a:b" },
		{ "oci-archive:image.tar", REFERENCE_PATH, "oci-archive", "image.tar" },
		{ "tar:odd:name", REFERENCE_PATH, "tar", "odd:name" },
		{ "aci:image.tar", REFERENCE_PATH, "aci", "image.tar" },
	};
	char path[32];
	int fd = make_files(path);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_case(&cases[i], fd);
	(void)close(fd);
	assert_int_equal(fd_remove_tree(AT_FDCWD, path), 0);
}

static void test_parse_aci(void **state)
{
	cleanup_reference struct reference ref = { 0 };
	struct err err;

	assert_int_equal(reference_parse("aci:example.com/a/b:1.0,os=linux,env=x",
				 AT_FDCWD, &ref, &err),
		0);
	assert_int_equal(ref.kind, REFERENCE_ACI);
	assert_string_equal(ref.name, "example.com/a/b:1.0");
	assert_string_equal(ref.aci_name, "example.com/a/b");
	assert_string_equal(strv_env_get(ref.labels, "version"), "1.0");
	assert_string_equal(strv_env_get(ref.labels, "os"), "linux");
	assert_string_equal(strv_env_get(ref.labels, "env"), "x");
	assert_int_equal(strv_len(ref.labels), 3);
}

static void test_parse_errors(void **state)
{
	static const char *const texts[] = { "./missing", "/nonexistent/x",
		"../missing.tar", "tar:image.tar:v1", "oci:missing:latest",
		"docker-archive:missing", "aci:missing", "aci:example.com/a.aci" };
	struct reference ref;
	struct err err;
	char path[32];
	int fd = make_files(path);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(reference_parse(texts[i], fd, &ref, &err), -ENOENT);
		assert_non_null(strstr(err.text, "no such file"));
	}
	assert_int_equal(reference_parse("", fd, &ref, &err), -EINVAL);
	assert_int_equal(reference_parse("oci:", fd, &ref, &err), -EINVAL);
	assert_int_equal(
		reference_parse("aci:example.com/a,word", fd, &ref, &err), -EINVAL);
	assert_int_equal(
		reference_parse("aci:example.com/a,=x", fd, &ref, &err), -EINVAL);
	(void)close(fd);
	assert_int_equal(fd_remove_tree(AT_FDCWD, path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_normalize),
		cmocka_unit_test(test_bad_names),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_aci),
		cmocka_unit_test(test_parse_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
