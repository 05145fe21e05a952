/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store-fixture.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define TAKERS 4

static uint64_t blob_bytes(const struct fixture *f)
{
	int fd = openat(f->dirfd, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	uint64_t total = 0;
	struct stat st;

	assert_non_null(dir);
	while ((e = readdir(dir))) {
		assert_int_equal(fstatat(fd, e->d_name, &st, 0), 0);
		total += S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	}
	(void)closedir(dir);
	return total;
}

static void test_gc(void **state)
{
	struct fixture *f = *state;
	cleanup_strv strv removed = NULL;
	struct store_gc_report report;
	char base[DIGEST_MAX], app[DIGEST_MAX], found[DIGEST_MAX];
	uint64_t blobs;
	static const char key[] =
		"0000000000000000000000000000000000000000000000000000000000000000";

	put_image(f, "base", base_only, 1, base);
	put_image(f, "app", base_and_app, 2, app);
	tag(f, base, "base");
	assert_int_equal(store_put_source(f->store, key, app, &f->err), 0);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNREFERENCED, NULL, NULL, &report, &f->err),
		0);
	assert_int_equal(report.images + report.layers + report.blobs, 0);
	assert_int_equal(store_find_source(f->store, key, found), 0);
	blobs = blob_bytes(f);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_int_equal(report.images, 1);
	assert_int_equal(report.layers, 1);
	assert_int_equal(report.blobs, 2);
	assert_true(blob_bytes(f) < blobs);
	assert_int_equal(report.bytes, 1000 + blobs - blob_bytes(f));
	assert_int_equal(store_find_source(f->store, key, found), IMAGE_ABSENT);
	assert_found(f, "base", base);
	assert_int_equal(unit_count_entries(f->dirfd, "layers"), 1);
	assert_int_equal(unit_count_entries(f->dirfd, "tmp"), 0);
}

static void test_lease(void **state)
{
	struct fixture *f = *state;
	cleanup_image struct image *image = NULL;
	cleanup_strv strv removed = NULL;
	struct store_gc_report report;
	int fds[IMAGE_LAYERS_MAX], lease_fd = -1, again = -1;
	char id[DIGEST_MAX];

	put_image(f, "one", base_and_app, 1, id);
	assert_int_equal(store_load_image(f->store, id, &image, &f->err), 0);
	assert_int_equal(store_open_layers(f->store, image, fds, &lease_fd, &f->err), 0);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_int_equal(report.images, 0);
	assert_int_equal(
		store_untag(f->store, id, NULL, false, &removed, &f->err), -EBUSY);
	(void)close(lease_fd);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_int_equal(report.images, 1);
	assert_int_equal(report.layers, 2);
	(void)close(fds[0]);
	(void)close(fds[1]);
	assert_int_equal(
		store_open_layers(f->store, image, fds, &again, &f->err), -ENOENT);
}

/* A layer that an import counts on stays, though no image has it yet. */
static void test_gc_beside_import(void **state)
{
	struct fixture *f = *state;
	struct store_gc_report report;
	char chain[DIGEST_MAX];
	int fd;

	hash_of("new", 3, chain);
	put_layer(f, chain, 10);
	assert_int_equal(store_hold_layer(f->store, chain, &fd, &f->err), 0);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_int_equal(report.layers, 0);
	(void)close(fd);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_int_equal(report.layers, 1);
	assert_int_equal(store_hold_layer(f->store, chain, &fd, &f->err), IMAGE_ABSENT);
}

/* Tagging, finding and collecting at once: each answer is right, nothing wanted goes. */
static void test_concurrent(void **state)
{
	struct fixture *f = *state;
	struct store_gc_report report;
	char id[DIGEST_MAX], name[32];
	pid_t pids[TAKERS];
	int status;

	put_image(f, "one", base_and_app, 1, id);
	tag(f, id, "keep");
	for (int i = 0; i < TAKERS; i++) {
		pids[i] = fork();
		if (pids[i] != 0)
			continue;
		for (int n = 0; n < 20; n++) {
			(void)snprintf(name, sizeof(name), "app:%d-%d", i, n);
			tag(f, id, name);
			assert_found(f, "keep", id);
			assert_int_equal(store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL,
						 &report, &f->err),
				0);
		}
		_exit(0);
	}
	for (int i = 0; i < TAKERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	for (int i = 0; i < TAKERS; i++) {
		(void)snprintf(name, sizeof(name), "app:%d-19", i);
		assert_found(f, name, id);
	}
	assert_int_equal(unit_count_entries(f->dirfd, "layers"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(test_gc),
		store_test(test_lease),
		store_test(test_gc_beside_import),
		store_test(test_concurrent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
