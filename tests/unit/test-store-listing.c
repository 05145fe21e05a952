/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store-fixture.h"

#include "common/fd.h"
#include "images/store-fsck.h"
#include "images/store-listing.h"
#include "images/store-names.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The list as text: "ID SIZE NAMES" a line. */
static char *listed(struct fixture *f)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct image_list images;

	assert_int_equal(store_list(f->store, &images, &f->err), 0);
	for (size_t i = 0; i < images.count; i++) {
		buf_printf(&b, "%s %s %llu %lld %s", images.items[i]->id,
			images.items[i]->manifest_digest,
			(unsigned long long)images.items[i]->size,
			(long long)images.items[i]->imported, images.items[i]->format);
		strv_each (name, images.items[i]->names)
			buf_printf(&b, " %s", *name);
		buf_putc(&b, '\n');
	}
	image_list_done(&images);
	assert_int_equal(buf_finish(&b), 0);
	return buf_take(&b);
}

static bool is_kept(struct fixture *f)
{
	return faccessat(f->dirfd, "listing", F_OK, 0) == 0;
}

static void fill(struct fixture *f, char one[DIGEST_MAX], char two[DIGEST_MAX])
{
	put_image(f, "one", base_only, 1, one);
	put_image(f, "two", base_and_app, 2, two);
	tag(f, one, "a:1");
	tag(f, one, "b");
	tag(f, two, "quay.io/x/y:z");
}

static void spoil_records(struct fixture *f, const char *id)
{
	char path[STORE_PATH_MAX];

	(void)store_path(path, "images", digest_hex(id), ".json");
	assert_int_equal(fd_replace_file(f->dirfd, path, "{", 1, 0600, FD_NO_SYNC), 0);
}

/* The second time no record is read, and the answer is the same. */
static void test_answer_is_kept(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *first = NULL, *second = NULL;
	char one[DIGEST_MAX], two[DIGEST_MAX];

	fill(f, one, two);
	assert_false(is_kept(f));
	first = listed(f);
	assert_non_null(
		strstr(first, "docker.io/library/a:1 docker.io/library/b:latest\n"));
	assert_true(is_kept(f));
	spoil_records(f, one);
	spoil_records(f, two);
	second = listed(f);
	assert_string_equal(first, second);
}

static void assert_spoiled(struct fixture *f)
{
	assert_false(is_kept(f));
	free(listed(f));
	assert_true(is_kept(f));
}

/* Whatever changes the store takes the answer away. */
static void test_changes(void **state)
{
	struct fixture *f = *state;
	struct store_fsck_request check = { 0 };
	struct store_fsck_report checked = { 0 };
	cleanup_strv strv removed = NULL;
	struct store_gc_report report;
	char one[DIGEST_MAX], two[DIGEST_MAX], three[DIGEST_MAX];

	fill(f, one, two);
	assert_spoiled(f);
	put_image(f, "three", base_only, 3, three);
	assert_spoiled(f);
	tag(f, three, "c");
	assert_spoiled(f);
	assert_int_equal(store_untag(f->store, "b", NULL, false, &removed, &f->err), 0);
	assert_spoiled(f);
	assert_int_equal(store_untag(f->store, "c", NULL, false, &removed, &f->err), 0);
	assert_spoiled(f);
	assert_int_equal(store_evict(f->store, two, NULL, &removed, &f->err), 0);
	assert_spoiled(f);
	put_image(f, "three", base_only, 3, three);
	assert_spoiled(f);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_int_equal(report.images, 1);
	assert_spoiled(f);
	spoil_records(f, one);
	assert_int_equal(store_fsck(f->store, &check, &checked, &f->err), 0);
	store_fsck_report_done(&checked);
	assert_spoiled(f);
}

/* A part of it, or one of another boot, is as none. */
static void test_useless_answers(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *want = NULL, *text = NULL;
	char one[DIGEST_MAX], two[DIGEST_MAX];
	struct image_list images;
	size_t len;
	struct stat st;
	char *boot;

	fill(f, one, two);
	want = listed(f);
	assert_int_equal(fd_read_file(f->dirfd, "listing", 1 << 20, &text, &len), 0);
	for (size_t n = 0; n < len; n++) {
		cleanup_free char *got = NULL;

		assert_int_equal(
			fd_replace_file(f->dirfd, "listing", text, n, 0600, FD_NO_SYNC),
			0);
		got = listed(f);
		assert_string_equal(got, want);
		assert_int_equal(fstatat(f->dirfd, "listing", &st, 0), 0);
		assert_int_equal(st.st_size, len);
	}
	boot = text + strlen(text) + 1;
	*boot ^= 1;
	spoil_records(f, one);
	assert_int_equal(
		fd_replace_file(f->dirfd, "listing", text, len, 0600, FD_NO_SYNC), 0);
	assert_true(store_list(f->store, &images, &f->err) < 0);
}

/* A name is found in the text of names.json, and nothing that only looks like it. */
static void test_find_name(void **state)
{
	struct fixture *f = *state;
	char one[DIGEST_MAX], two[DIGEST_MAX], id[DIGEST_MAX];
	cleanup_free char *text = NULL;
	size_t len;

	fill(f, one, two);
	assert_int_equal(
		store_find_name(f->store, "docker.io/library/a:1", id, &f->err), 0);
	assert_string_equal(id, one);
	assert_int_equal(store_find_name(f->store, "quay.io/x/y:z", id, &f->err), 0);
	assert_string_equal(id, two);
	assert_int_equal(store_find_name(f->store, "library/a:1", id, &f->err), 1);
	assert_int_equal(store_find_name(f->store, one, id, &f->err), 1);
	/* What follows is not read as long as the name is found. */
	assert_int_equal(fd_read_file(f->dirfd, "names.json", 1 << 20, &text, &len), 0);
	assert_int_equal(
		fd_replace_file(f->dirfd, "names.json", text, len - 2, 0600, FD_NO_SYNC),
		0);
	assert_int_equal(
		store_find_name(f->store, "docker.io/library/a:1", id, &f->err), 0);
	assert_int_equal(store_find_name(f->store, "absent", id, &f->err), -EINVAL);
	/* Written by hand, with blanks, it means the same. */
	free(text);
	text = str_printf("{ \"x\" : \"%s\" ,\n \"y\": \"%s\" }", one, two);
	assert_non_null(text);
	assert_int_equal(fd_replace_file(f->dirfd, "names.json", text, strlen(text), 0600,
				 FD_NO_SYNC),
		0);
	assert_int_equal(store_find_name(f->store, "y", id, &f->err), 0);
	assert_string_equal(id, two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(test_answer_is_kept),
		store_test(test_changes),
		store_test(test_useless_answers),
		store_test(test_find_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
