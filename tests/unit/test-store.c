/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store-fixture.h"

#include "common/fd.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static void test_open(void **state)
{
	struct fixture *f = *state;
	struct store *again;
	struct stat st;

	assert_int_equal(fstatat(f->dirfd, "layers", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(store_open(f->dirfd, NULL, &again, &f->err), 0);
	store_free(again);
	assert_int_equal(
		fd_replace_file(f->dirfd, "version", "2\n", 2, 0600, FD_NO_SYNC), 0);
	assert_int_equal(store_open(f->dirfd, NULL, &again, &f->err), -EPROTONOSUPPORT);
	assert_non_null(strstr(f->err.hint, "newer"));
	assert_int_equal(
		fd_replace_file(f->dirfd, "version", "x\n", 2, 0600, FD_NO_SYNC), 0);
	assert_int_equal(store_open(f->dirfd, NULL, &again, &f->err), -EINVAL);
}

static void test_foreign_store(void **state)
{
	struct fixture *f = *state;
	struct store *again;

	assert_int_equal(fchmod(f->dirfd, 0777), 0);
	assert_int_equal(store_open(f->dirfd, NULL, &again, &f->err), -EPERM);
	assert_int_equal(fchmod(f->dirfd, 0700), 0);
	if (geteuid() != 0)
		skip();
	assert_int_equal(fchown(f->dirfd, 12345, 12345), 0);
	assert_int_equal(store_open(f->dirfd, NULL, &again, &f->err), -EPERM);
}

static void test_find(void **state)
{
	struct fixture *f = *state;
	cleanup_image struct image *image = NULL;
	char id[DIGEST_MAX], prefix[16], manifest[DIGEST_MAX], by_digest[256];

	put_image(f, "one", base_and_app, 1, id);
	tag(f, id, "app:1");
	assert_found(f, "app:1", id);
	assert_found(f, "docker.io/library/app:1", id);
	assert_found(f, id, id);
	assert_found(f, digest_hex(id), id);
	(void)snprintf(prefix, sizeof(prefix), "%.12s", digest_hex(id));
	assert_found(f, prefix, id);
	hash_of("one", 3, manifest);
	assert_found(f, manifest, id);
	(void)snprintf(by_digest, sizeof(by_digest), "app:1@%s", manifest);
	assert_found(f, by_digest, id);
	assert_absent(f, "app");
	assert_absent(f, "app:2");
	assert_absent(f,
		"sha256:ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
	assert_int_equal(store_find(f->store, "No/Such Name", &image, &f->err), -EINVAL);
	assert_int_equal(store_find(f->store, "app:1", &image, &f->err), 0);
	assert_int_equal(image->layer_count, 2);
	assert_int_equal(image->size, 2000);
	assert_string_equal(image->config.os, "linux");
	assert_string_equal(image->layers[1].diff_id, image->config.diff_ids[1]);
}

static void test_ambiguous(void **state)
{
	struct fixture *f = *state;
	struct image *image;
	char id[DIGEST_MAX], label[24], prefix[16];

	/* 17 images: two ids begin with the same digit. */
	for (int i = 0; i < 17; i++) {
		(void)snprintf(label, sizeof(label), "image-%d", i);
		put_image(f, label, base_only, i, id);
	}
	for (int digit = 0; digit < 16; digit++) {
		int r;

		(void)snprintf(prefix, sizeof(prefix), "%x", digit);
		r = store_find(f->store, prefix, &image, &f->err);
		if (r == 0)
			image_free(image);
		if (r != -EINVAL)
			continue;
		assert_non_null(strstr(f->err.text, "is ambiguous"));
		return;
	}
	fail_msg("no prefix was ambiguous");
}

static void test_list(void **state)
{
	struct fixture *f = *state;
	char ids[3][DIGEST_MAX];
	struct image_list images;

	put_image(f, "old", base_only, 100, ids[0]);
	put_image(f, "new", base_only, 300, ids[1]);
	put_image(f, "mid", base_and_app, 200, ids[2]);
	tag(f, ids[2], "b:1");
	tag(f, ids[2], "a:1");
	tag(f, ids[0], "c:1");
	assert_int_equal(store_list(f->store, &images, &f->err), 0);
	assert_int_equal(images.count, 3);
	assert_string_equal(images.items[0]->id, ids[1]);
	assert_string_equal(images.items[1]->id, ids[2]);
	assert_string_equal(images.items[2]->id, ids[0]);
	assert_int_equal(strv_len(images.items[1]->names), 2);
	assert_string_equal(images.items[1]->names[0], "docker.io/library/a:1");
	assert_null(images.items[0]->names);
	assert_int_equal(strv_len(images.items[2]->names), 1);
	assert_string_equal(images.items[2]->names[0], "docker.io/library/c:1");
	image_list_done(&images);
}

static void test_damaged(void **state)
{
	struct fixture *f = *state;
	char id[DIGEST_MAX], path[STORE_PATH_MAX];
	struct store_gc_report report;
	cleanup_strv strv removed = NULL;
	struct image *image;

	put_image(f, "one", base_only, 1, id);
	tag(f, id, "one");
	(void)store_path(path, "blobs/sha256", digest_hex(id), "");
	assert_int_equal(fd_replace_file(f->dirfd, path, "{}", 2, 0600, FD_NO_SYNC), 0);
	assert_int_equal(store_find(f->store, "one", &image, &f->err), -EBADMSG);
	(void)store_path(path, "images", digest_hex(id), ".json");
	assert_int_equal(fd_replace_file(f->dirfd, path, "{", 1, 0600, FD_NO_SYNC), 0);
	assert_int_equal(store_find(f->store, "one", &image, &f->err), -EINVAL);
	/* What a damaged record would have kept is unknown: nothing is collected. */
	assert_true(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err) < 0);
	assert_int_equal(unit_count_entries(f->dirfd, "layers"), 1);
	/* But it can be removed. */
	assert_int_equal(store_untag(f->store, "one", NULL, false, &removed, &f->err), 0);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_int_equal(report.layers, 1);
	assert_int_equal(
		fd_replace_file(f->dirfd, "names.json", "[", 1, 0600, FD_NO_SYNC), 0);
	assert_int_equal(store_find(f->store, "one", &image, &f->err), -EINVAL);
	assert_non_null(strstr(f->err.text, "names.json"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(test_open),
		store_test(test_foreign_store),
		store_test(test_find),
		store_test(test_ambiguous),
		store_test(test_list),
		store_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
