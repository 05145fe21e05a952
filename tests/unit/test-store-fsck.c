/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store-fixture.h"

#include "common/fd.h"
#include "images/store-fsck.h"

/* Checks the store: `count` findings, one of which says `want`. */
static void assert_findings(
	struct fixture *f, char *const *used, size_t count, const char *want)
{
	struct store_fsck_request request = { .used_ids = used };
	struct store_fsck_report report = { 0 };
	bool is_said = !want;

	assert_int_equal(store_fsck(f->store, &request, &report, &f->err), 0);
	strv_each (finding, report.findings)
		is_said = is_said || strstr(*finding, want);
	assert_int_equal(strv_len(report.findings), count);
	assert_true(is_said);
	store_fsck_report_done(&report);
}

static void test_fsck_config(void **state)
{
	struct fixture *f = *state;
	struct store_gc_report report;
	char one[DIGEST_MAX], two[DIGEST_MAX];
	struct image *image;

	put_image(f, "one", base_only, 1, one);
	put_image(f, "two", base_and_app, 2, two);
	tag(f, one, "one");
	tag(f, two, "two");
	assert_findings(f, NULL, 0, NULL);
	rot(f, "blobs/sha256", digest_hex(one), "");
	/* The blob, the image that has it, and its name. */
	assert_findings(f, NULL, 3, digest_hex(one));
	assert_int_equal(unit_count_entries(f->dirfd, "quarantine"), 2);
	assert_int_equal(store_find(f->store, "one", &image, &f->err), IMAGE_ABSENT);
	assert_found(f, "two", two);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNREFERENCED, NULL, NULL, &report, &f->err),
		0);
	assert_int_equal(unit_count_entries(f->dirfd, "quarantine"), 0);
	put_image(f, "one", base_only, 1, one);
	assert_findings(f, NULL, 0, NULL);
}

static void test_fsck_manifest(void **state)
{
	struct fixture *f = *state;
	char id[DIGEST_MAX], manifest[DIGEST_MAX];

	put_image(f, "one", base_only, 1, id);
	tag(f, id, "one");
	hash_of("one", 3, manifest);
	rot(f, "blobs/sha256", digest_hex(manifest), "");
	assert_findings(f, NULL, 2, "lost its manifest");
	assert_found(f, "one", id);
}

/* A record in use protects the layers, whatever it is worth. */
static void test_fsck_used(void **state)
{
	struct fixture *f = *state;
	char id[DIGEST_MAX], *used[] = { id, NULL };
	int lease_fd;

	put_image(f, "one", base_only, 1, id);
	rot(f, "images", digest_hex(id), ".json");
	assert_findings(f, used, 1, "while a container uses it");
	assert_int_equal(store_lease(f->store, id, false, &lease_fd, &f->err), 0);
	assert_findings(f, NULL, 1, "while a container uses it");
	assert_int_equal(unit_count_entries(f->dirfd, "images"), 1);
	(void)close(lease_fd);
	assert_findings(f, NULL, 1, "quarantine");
	assert_int_equal(unit_count_entries(f->dirfd, "images"), 0);
}

static void test_fsck_names(void **state)
{
	struct fixture *f = *state;
	char id[DIGEST_MAX];

	put_image(f, "one", base_only, 1, id);
	tag(f, id, "one");
	rot(f, ".", "names.json", "");
	assert_findings(f, NULL, 1, "names.json");
	assert_findings(f, NULL, 0, NULL);
}

static void test_fsck_layer(void **state)
{
	struct fixture *f = *state;
	char id[DIGEST_MAX], path[STORE_PATH_MAX];
	struct image *image;

	put_image(f, "one", base_only, 1, id);
	assert_int_equal(store_load_image(f->store, id, &image, &f->err), 0);
	(void)store_path(path, "layers", digest_hex(image->layers[0].chain_id), "");
	image_free(image);
	assert_int_equal(fd_remove_tree(f->dirfd, path), 0);
	assert_findings(f, NULL, 1, "unpacked layer");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(test_fsck_config),
		store_test(test_fsck_manifest),
		store_test(test_fsck_used),
		store_test(test_fsck_names),
		store_test(test_fsck_layer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
