/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store-fixture.h"

#include <errno.h>

static void test_names_move(void **state)
{
	struct fixture *f = *state;
	cleanup_strv strv names = NULL;
	char one[DIGEST_MAX], two[DIGEST_MAX];
	struct image *image;

	put_image(f, "one", base_only, 1, one);
	put_image(f, "two", base_only, 2, two);
	tag(f, one, "app");
	tag(f, one, "app:old");
	tag(f, two, "app");
	assert_found(f, "app", two);
	assert_found(f, "app:old", one);
	assert_int_equal(store_names(f->store, one, &names, &f->err), 0);
	assert_int_equal(strv_len(names), 1);
	assert_int_equal(store_load_image(f->store, one, &image, &f->err), 0);
	assert_int_equal(store_tag(f->store, image, "Bad Name", &f->err), -EINVAL);
	image_free(image);
}

static void test_untag(void **state)
{
	struct fixture *f = *state;
	cleanup_strv strv removed = NULL;
	char id[DIGEST_MAX];

	put_image(f, "one", base_only, 1, id);
	tag(f, id, "a");
	tag(f, id, "b");
	assert_int_equal(
		store_untag(f->store, "c", NULL, false, &removed, &f->err), -ENOENT);
	assert_int_equal(
		store_untag(f->store, id, NULL, false, &removed, &f->err), -EBUSY);
	assert_null(removed);
	assert_int_equal(store_untag(f->store, "a", NULL, false, &removed, &f->err), 0);
	assert_string_equal(removed[0], "Untagged: docker.io/library/a:latest");
	assert_int_equal(strv_len(removed), 1);
	assert_found(f, "b", id);
	assert_int_equal(store_untag(f->store, "b", NULL, false, &removed, &f->err), 0);
	assert_int_equal(strv_len(removed), 3);
	assert_non_null(strstr(removed[2], id));
	assert_absent(f, id);
}

static void test_untag_used(void **state)
{
	struct fixture *f = *state;
	cleanup_strv strv removed = NULL;
	struct store_gc_report report;
	char id[DIGEST_MAX];
	char *used[] = { id, NULL };

	put_image(f, "one", base_only, 1, id);
	tag(f, id, "a");
	tag(f, id, "b");
	assert_int_equal(
		store_untag(f->store, digest_hex(id), used, false, &removed, &f->err),
		-EBUSY);
	assert_int_equal(store_untag(f->store, id, used, true, &removed, &f->err), 0);
	assert_int_equal(strv_len(removed), 2);
	assert_absent(f, "a");
	assert_found(f, id, id);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, used, &report, &f->err), 0);
	assert_found(f, id, id);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_int_equal(report.images, 1);
	assert_absent(f, id);
}

static void test_evict(void **state)
{
	struct fixture *f = *state;
	char id[DIGEST_MAX], *used[] = { id, NULL };
	cleanup_strv strv removed = NULL;
	struct image *image;

	put_image(f, "one", base_only, 1, id);
	tag(f, id, "one");
	tag(f, id, "two");
	assert_int_equal(store_evict(f->store, id, used, &removed, &f->err), -EBUSY);
	assert_found(f, "two", id);
	assert_int_equal(store_evict(f->store, id, NULL, &removed, &f->err), 0);
	assert_int_equal(strv_len(removed), 3);
	assert_int_equal(store_find(f->store, "two", &image, &f->err), IMAGE_ABSENT);
	assert_int_equal(store_evict(f->store, id, NULL, &removed, &f->err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(test_names_move),
		store_test(test_untag),
		store_test(test_untag_used),
		store_test(test_evict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
