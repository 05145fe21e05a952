/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store-fixture.h"

#include "common/fd.h"
#include "images/store-budget.h"

#include <sys/stat.h>

static void use_at(struct fixture *f, const char *id, time_t when)
{
	struct timespec times[2] = { { .tv_sec = when }, { .tv_sec = when } };
	char path[STORE_PATH_MAX];

	(void)store_path(path, "images", digest_hex(id), ".json");
	assert_int_equal(utimensat(f->dirfd, path, times, 0), 0);
}

/* Judges; the images in the order of their last use must have these verdicts. */
static void assert_judged(struct fixture *f, struct store_budget budget,
	char *const *used, const enum store_verdict *want, uint64_t bytes_after)
{
	struct store_judgement all;

	assert_int_equal(store_judge(f->store, &budget, used, &all, &f->err), 0);
	assert_int_equal(all.count, 3);
	for (size_t i = 0; i < all.count; i++)
		assert_int_equal(all.images[i].verdict, want[i]);
	assert_int_equal(all.bytes, 3000);
	assert_int_equal(all.bytes_after, bytes_after);
	store_judgement_done(&all);
}

/* Two images share one layer of three, each of 1000 bytes. */
static void test_budget(void **state)
{
	static const char *const other[] = { "other", NULL };
	struct fixture *f = *state;
	char a[DIGEST_MAX], b[DIGEST_MAX], c[DIGEST_MAX], *used[] = { a, NULL };
	enum store_verdict want[3] = { VERDICT_NAMED, VERDICT_NAMED, VERDICT_UNNAMED };
	int lease_fd;

	put_image(f, "a", base_only, 1, a);
	put_image(f, "b", base_and_app, 2, b);
	put_image(f, "c", other, 3, c);
	tag(f, a, "a");
	tag(f, b, "b");
	use_at(f, a, 100);
	use_at(f, b, 200);
	use_at(f, c, 300);
	assert_judged(f, (struct store_budget){ 0 }, NULL, want, 3000);
	want[2] = VERDICT_GOES_UNNAMED;
	assert_judged(f, (struct store_budget){ 0, 0, true }, NULL, want, 2000);
	/* At the high mark nothing goes, above it all down to the low one. */
	want[0] = want[1] = want[2] = VERDICT_FITS;
	assert_judged(f, (struct store_budget){ 3000, 10, false }, NULL, want, 3000);
	want[0] = want[1] = VERDICT_GOES_UNUSED;
	assert_judged(f, (struct store_budget){ 2999, 1000, false }, NULL, want, 1000);
	/* What is in use keeps the layer that it shares. */
	want[0] = VERDICT_IN_USE;
	assert_judged(f, (struct store_budget){ 2999, 2000, false }, used, want, 2000);
	assert_int_equal(store_lease(f->store, a, false, &lease_fd, &f->err), 0);
	assert_judged(f, (struct store_budget){ 2999, 2000, false }, NULL, want, 2000);
	(void)close(lease_fd);
	/* A launch makes it the most recent. */
	use_at(f, a, 400);
	want[0] = VERDICT_GOES_UNUSED;
	want[1] = VERDICT_FITS;
	assert_judged(f, (struct store_budget){ 2999, 2000, false }, NULL, want, 2000);
}

/* What was kept of a pulled layer goes first, if its archive can be written again. */
static void test_kept_blobs_first(void **state)
{
	struct fixture *f = *state;
	struct store_budget budget = { 3200, 3000, false };
	char id[DIGEST_MAX], blob[DIGEST_MAX], path[STORE_PATH_MAX];
	static const char *const other[] = { "other", NULL };
	static const char kept[500];
	struct image *image;
	struct store_judgement all;

	put_image(f, "a", base_and_app, 1, id);
	put_image(f, "b", other, 2, id);
	hash_of("never downloaded", 16, blob);
	assert_int_equal(store_put_blob(f->store, blob, kept, sizeof(kept), &f->err), 0);
	/* Without a recipe it is an image that goes, and its blob stays. */
	assert_int_equal(store_judge(f->store, &budget, NULL, &all, &f->err), 0);
	assert_int_equal(all.bytes, 3500);
	assert_int_equal(all.images[0].verdict, VERDICT_GOES_UNUSED);
	store_judgement_done(&all);
	assert_int_equal(store_load_image(f->store, id, &image, &f->err), 0);
	(void)store_path(path, "layers", digest_hex(image->layers[0].chain_id), "/tar");
	image_free(image);
	assert_int_equal(fd_replace_file(f->dirfd, path, "", 0, 0600, FD_NO_SYNC), 0);
	assert_int_equal(store_judge(f->store, &budget, NULL, &all, &f->err), 0);
	assert_int_equal(all.bytes_after, 3000);
	assert_int_equal(all.part_count, 4);
	for (size_t i = 0; i < all.count; i++)
		assert_int_equal(all.images[i].verdict, VERDICT_FITS);
	for (size_t i = 0; i < all.part_count; i++) {
		assert_int_equal(all.parts[i].goes, all.parts[i].is_kept_blob);
		assert_true(all.parts[i].images > 0);
	}
	store_judgement_done(&all);
	assert_int_equal(store_drop_blob(f->store, digest_hex(blob), &f->err), 0);
	assert_int_equal(store_drop_blob(f->store, digest_hex(blob), &f->err), 0);
	assert_int_equal(store_judge(f->store, &budget, NULL, &all, &f->err), 0);
	assert_int_equal(all.bytes, 3000);
	store_judgement_done(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(test_budget),
		store_test(test_kept_blobs_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
