/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/buf.h"
#include "common/fd.h"
#include "common/json-writer.h"
#include "images/registries.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#define PEM "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"

struct fixture {
	char dir[32], config[64], certs[64];
	int dirfd;
	char *config_list[2], *certs_list[2];
	struct registries_paths paths;
	struct registry_access access;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->dirfd = unit_tmpdir(f->dir);
	(void)snprintf(f->config, sizeof(f->config), "%s/registries.json", f->dir);
	(void)snprintf(f->certs, sizeof(f->certs), "%s/certs.d", f->dir);
	f->config_list[0] = f->config;
	f->certs_list[0] = f->certs;
	f->paths.config = f->config_list;
	f->paths.certs = f->certs_list;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	registry_access_done(&f->access);
	assert_int_equal(fd_remove_tree(AT_FDCWD, f->dir), 0);
	(void)close(f->dirfd);
	free(f);
	return 0;
}

static void put(struct fixture *f, const char *name, const char *text)
{
	assert_int_equal(
		fd_replace_file(f->dirfd, name, text, strlen(text), 0600, FD_NO_SYNC), 0);
}

static int load(struct fixture *f, const char *host)
{
	registry_access_done(&f->access);
	return registries_load(&f->paths, host, &f->access, &f->err);
}

static void test_defaults(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f, "docker.io"), 0);
	assert_int_equal(f->access.endpoints.count, 1);
	assert_string_equal(
		f->access.endpoints.items[0].url, "https://registry-1.docker.io");
	assert_false(f->access.endpoints.items[0].may_use_http);
	assert_int_equal(f->access.max_concurrent, REGISTRY_CONCURRENT_DEFAULT);
	assert_int_equal(f->access.stall_seconds, REGISTRY_STALL_DEFAULT_S);
	f->paths.is_config_required = true;
	assert_int_equal(load(f, "docker.io"), -ENOENT);
}

static void test_loopback(void **state)
{
	struct fixture *f = *state;
	static const char *const local[] = { "localhost", "localhost:5000",
		"127.0.0.1:5000", "127.9.9.9", "[::1]:80" };
	static const char *const other[] = { "localhost.example", "127.0.0.1.example",
		"128.0.0.1", "127.example:5000", "[::2]" };

	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		assert_true(registry_host_is_loopback(local[i]));
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		assert_false(registry_host_is_loopback(other[i]));
	assert_int_equal(load(f, "localhost:5000"), 0);
	assert_true(f->access.endpoints.items[0].may_use_http);
	assert_false(f->access.endpoints.items[0].is_unverified);
}

static void test_mirrors(void **state)
{
	struct fixture *f = *state;

	put(f, "registries.json",
		"{\"registries\":{\"docker.io\":{\"mirrors\":[\"https://m.example:5000/\","
		"\"http://n.example\"]},\"m.example:5000\":{\"insecure\":true}},"
		"\"rate\":\"1k\",\"max_concurrent\":99,\"allow_addresses\":[\"10.0.0.0/8\"],"
		"\"proxy\":\"http://p\"}");
	f->paths.no_proxy = ".example";
	assert_int_equal(load(f, "docker.io"), 0);
	assert_int_equal(f->access.endpoints.count, 3);
	assert_string_equal(f->access.endpoints.items[0].url, "https://m.example:5000");
	assert_true(f->access.endpoints.items[0].is_mirror);
	assert_true(f->access.endpoints.items[0].is_unverified);
	assert_string_equal(f->access.endpoints.items[1].url, "http://n.example");
	assert_true(f->access.endpoints.items[1].may_use_http);
	assert_false(f->access.endpoints.items[2].is_mirror);
	assert_int_equal(f->access.rate_bytes, 1024);
	assert_int_equal(f->access.max_concurrent, REGISTRY_CONCURRENT_MAX);
	assert_string_equal(f->access.allow_addresses[0], "10.0.0.0/8");
	assert_string_equal(f->access.http_proxy, "http://p");
	assert_string_equal(f->access.https_proxy, "http://p");
	assert_string_equal(f->access.no_proxy, ".example");
}

static void test_proxies(void **state)
{
	struct fixture *f = *state;

	f->paths.http_proxy = "http://h";
	assert_int_equal(load(f, "docker.io"), 0);
	assert_string_equal(f->access.http_proxy, "http://h");
	assert_null(f->access.https_proxy);
	assert_non_null(strstr(f->access.no_proxy, "127.0.0.1"));
	f->paths.no_proxy = "a.example";
	assert_int_equal(load(f, "docker.io"), 0);
	assert_ptr_equal(
		strstr(f->access.no_proxy, "a.example,localhost,"), f->access.no_proxy);
	f->paths.no_proxy = "*";
	assert_int_equal(load(f, "docker.io"), 0);
	assert_string_equal(f->access.no_proxy, "*");
}

static void test_certificates(void **state)
{
	struct fixture *f = *state;
	char text[256];

	assert_int_equal(mkdirat(f->dirfd, "certs.d", 0700), 0);
	assert_int_equal(mkdirat(f->dirfd, "certs.d/r.example:5000", 0700), 0);
	put(f, "ca.pem", PEM);
	(void)snprintf(text, sizeof(text),
		"{\"registries\":{\"a.example\":{\"ca\":\"%s/ca.pem\"},"
		"\"b.example\":{\"cert\":\"/x\"},\"c.example\":{\"ca\":\"/nowhere\"}}}",
		f->dir);
	put(f, "registries.json", text);
	assert_int_equal(load(f, "a.example"), 0);
	assert_string_equal(f->access.endpoints.items[0].ca, PEM);
	assert_int_equal(load(f, "b.example"), -EINVAL);
	assert_non_null(strstr(f->err.text, "b.example"));
	assert_int_equal(load(f, "c.example"), -ENOENT);
	put(f, "certs.d/r.example:5000/x.crt", PEM);
	put(f, "certs.d/r.example:5000/y.crt", PEM);
	put(f, "certs.d/r.example:5000/client.cert", PEM);
	assert_int_equal(load(f, "r.example:5000"), -ENOENT); /* client.key */
	put(f, "certs.d/r.example:5000/client.key", "nothing");
	assert_int_equal(load(f, "r.example:5000"), -EINVAL);
	put(f, "certs.d/r.example:5000/client.key", PEM);
	assert_int_equal(load(f, "r.example:5000"), 0);
	assert_int_equal(strlen(f->access.endpoints.items[0].ca), 2 * strlen(PEM "\n"));
	assert_string_equal(f->access.endpoints.items[0].key, PEM);
}

static void test_bad_files(void **state)
{
	static const char *const texts[] = { "{", "[]", "{\"registries\":[]}",
		"{\"registries\":{\"docker.io\":{\"mirrors\":[\"ftp://x\"]}}}",
		"{\"registries\":{\"docker.io\":{\"mirrors\":[\"https://x/path\"]}}}",
		"{\"registries\":{\"docker.io\":{\"mirrors\":[\"https://u@x\"]}}}",
		"{\"rate\":\"fast\"}", "{\"max_concurrent\":-1}",
		"{\"stall_seconds\":3601}", "{\"stall_seconds\":-1}" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put(f, "registries.json", texts[i]);
		if (load(f, "docker.io") >= 0)
			fail_msg("taken: %s", texts[i]);
		/* By the name that the file has here. */
		assert_non_null(strstr(f->err.text, f->dir));
	}
}

/* What goes to ucr-fetch comes out there. */
static void test_round_trip(void **state)
{
	struct fixture *f = *state;
	cleanup_access struct registry_access copy = { 0 };
	cleanup_json struct json_doc *doc = NULL;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	put(f, "registries.json",
		"{\"registries\":{\"r.example\":{\"mirrors\":[\"https://m\"],\"insecure\":true}},"
		"\"allow_addresses\":[\"10.0.0.0/8\"],\"rate\":\"5\"}");
	assert_int_equal(load(f, "r.example"), 0);
	assert_int_equal(str_set(&f->access.endpoints.items[1].password, "a\"b\n"), 0);
	jw_object(&w, NULL);
	registry_access_write(&w, &f->access);
	jw_object_end(&w);
	assert_int_equal(buf_finish(&b), 0);
	assert_int_equal(json_parse(b.data, b.len, &doc, &f->err), 0);
	assert_int_equal(registry_access_parse(json_root(doc), &copy, &f->err), 0);
	assert_int_equal(copy.endpoints.count, 2);
	assert_true(copy.endpoints.items[0].is_mirror);
	assert_true(copy.endpoints.items[1].is_unverified);
	assert_string_equal(copy.endpoints.items[1].password, "a\"b\n");
	assert_int_equal(copy.rate_bytes, 5);
	assert_string_equal(copy.host, "r.example");
}

#define registries_test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		registries_test(test_defaults),
		registries_test(test_loopback),
		registries_test(test_mirrors),
		registries_test(test_proxies),
		registries_test(test_certificates),
		registries_test(test_bad_files),
		registries_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
