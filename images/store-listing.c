/* SPDX-License-Identifier: Apache-2.0 */
#include "images/store-listing.h"

#include "common/array.h"
#include "common/fd.h"
#include "images/store-durable.h"
#include "images/store-names.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#define LISTING "listing"
#define MAGIC "ucr-listing-2"
#define LISTING_MAX (256U << 20)

struct listing {
	struct image **images;
	size_t count, room;
	strv names; /* by id, while it is put together */
	size_t name_count;
};

static void listing_done(struct listing *list)
{
	image_list_done(&(struct image_list){ list->images, list->count });
	strv_free(list->names);
}

static int add_image(struct listing *list, struct image *image)
{
	if (array_grow(&list->images, list->count, &list->room, sizeof(*list->images)) <
		0)
		return -ENOMEM;
	list->images[list->count++] = image;
	return 0;
}

int store_spoil_listing(struct store *store)
{
	return unlinkat(store->dirfd, LISTING, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* ---- out of the records ---- */

static int list_record(struct store *store, const char *file, void *arg, struct err *err)
{
	cleanup_image struct image *image = NULL;
	struct listing *list = arg;
	char id[DIGEST_MAX];
	int r;

	if (!store_id_of_record(file, id))
		return 0;
	r = store_load_image(store, id, &image, err);
	if (r < 0)
		return err_hint(err, "Remove it with `ucrctl rmi --force %.12s`.",
			digest_hex(id));
	if (r == IMAGE_ABSENT)
		return 0;
	if (store_names_of_sorted(list->names, list->name_count, id, &image->names) < 0 ||
		add_image(list, image) < 0)
		return err_oom(err);
	(void)take_ptr(image);
	return 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct image *x = *(struct image *const *)a, *y = *(struct image *const *)b;

	if (x->imported != y->imported)
		return x->imported > y->imported ? -1 : 1;
	return strcmp(x->id, y->id);
}

static int put_together(struct store *store, struct listing *list, struct err *err)
{
	int r;

	r = store_load_names(store, &list->names, err);
	store_names_sort_by_id(list->names);
	list->name_count = strv_len(list->names);
	if (r == 0)
		r = store_each(store, "images", list_record, list, err);
	if (r == 0 && list->count)
		qsort(list->images, list->count, sizeof(struct image *), newest_first);
	return r;
}

/* ---- writing ---- */

static void put_field(struct buf *b, const char *text)
{
	buf_put(b, text ? text : "", strlen(text ? text : "") + 1);
}

static void put_number(struct buf *b, int64_t number)
{
	buf_printf(b, "%" PRId64, number);
	buf_putc(b, '\0');
}

static void put_image(struct buf *b, const struct image *image)
{
	put_field(b, image->id);
	put_field(b, image->manifest_digest);
	put_number(b, image->imported);
	put_number(b, (int64_t)image->size);
	put_field(b, image->format);
	put_field(b, image->artifact_type);
	put_field(b, image->config.created);
	strv_each (name, image->names)
		put_field(b, *name);
	put_field(b, "");
}

/* Not flushed: it does not outlive the boot. That it cannot be written is no failure. */
static void keep(struct store *store, const struct listing *list)
{
	const char *boot = store_this_boot(store);
	cleanup_buf struct buf b = BUF_INIT;

	if (!*boot)
		return;
	put_field(&b, MAGIC);
	put_field(&b, boot);
	put_number(&b, (int64_t)list->count);
	for (size_t i = 0; i < list->count; i++)
		put_image(&b, list->images[i]);
	if (buf_finish(&b) == 0)
		(void)!fd_replace_file(
			store->dirfd, LISTING, b.data, b.len, 0600, FD_NO_SYNC);
}

static int make_listing(struct store *store, struct listing *list, struct err *err)
{
	cleanup_close int lock_fd = -1;
	int r;

	/* One that may not be locked is only read. */
	if (store_lock(store, &lock_fd, NULL) < 0)
		return put_together(store, list, err);
	r = put_together(store, list, err);
	if (r == 0)
		keep(store, list);
	return r;
}

/* ---- reading ---- */

struct fields {
	const char *at, *end;
};

/* NULL: there is none, or it does not end. */
static const char *next_field(struct fields *f)
{
	const char *field = f->at;
	const char *nul = memchr(field, '\0', (size_t)(f->end - field));

	if (!nul)
		return NULL;
	f->at = nul + 1;
	return field;
}

static int take_text(struct fields *f, char **ret)
{
	const char *text = next_field(f);

	if (!text)
		return -EINVAL;
	return *text ? str_set(ret, text) : 0;
}

static int take_digest(struct fields *f, bool may_be_empty, char ret[DIGEST_MAX])
{
	const char *text = next_field(f);

	if (!text || !(digest_is_valid(text) || (may_be_empty && !*text)))
		return -EINVAL;
	(void)stpcpy(ret, text);
	return 0;
}

static int take_number(struct fields *f, int64_t *ret)
{
	const char *text = next_field(f);

	return text ? str_to_i64(text, ret) : -EINVAL;
}

static int take_names(struct fields *f, strv *ret)
{
	const char *name;
	int r = 0;

	while (r == 0 && (name = next_field(f)) && *name)
		r = strv_add(ret, name);
	return r == 0 && !name ? -EINVAL : r;
}

static int take_image(struct fields *f, struct image *ret)
{
	int64_t size = 0;
	int r;

	r = take_digest(f, false, ret->id);
	if (r == 0)
		r = take_digest(f, true, ret->manifest_digest);
	if (r == 0)
		r = take_number(f, &ret->imported);
	if (r == 0)
		r = take_number(f, &size);
	if (r == 0)
		r = take_text(f, &ret->format);
	if (r == 0)
		r = take_text(f, &ret->artifact_type);
	if (r == 0)
		r = take_text(f, &ret->config.created);
	if (r == 0)
		r = take_names(f, &ret->names);
	ret->size = (uint64_t)size;
	return r;
}

static int take_all(struct store *store, struct fields *f, struct listing *list)
{
	const char *magic = next_field(f);
	const char *boot = magic ? next_field(f) : NULL;
	int64_t count;
	int r;

	if (!boot || !str_eq(magic, MAGIC) || !*boot ||
		!str_eq(boot, store_this_boot(store)) || take_number(f, &count) < 0)
		return -ESTALE;
	while (f->at < f->end) {
		cleanup_image struct image *image = calloc(1, sizeof(*image));

		if (!image)
			return -ENOMEM;
		image->lease_fd = -1;
		r = take_image(f, image);
		if (r == 0)
			r = add_image(list, image);
		if (r < 0)
			return r;
		(void)take_ptr(image);
	}
	return (uint64_t)count == list->count ? 0 : -EINVAL;
}

/* False: there is none that is of any use. */
static bool read_listing(struct store *store, struct listing *ret)
{
	cleanup_free char *text = NULL;
	struct listing list = { 0 };
	struct fields f;
	size_t len;

	if (fd_read_file(store->dirfd, LISTING, LISTING_MAX, &text, &len) < 0)
		return false;
	f = (struct fields){ text, text + len };
	if (take_all(store, &f, &list) < 0) {
		listing_done(&list);
		return false;
	}
	*ret = list;
	return true;
}

int store_list(struct store *store, struct image_list *ret, struct err *err)
{
	struct listing list = { 0 };
	int r = 0;

	if (!read_listing(store, &list))
		r = make_listing(store, &list, err);
	if (r < 0) {
		listing_done(&list);
		return r;
	}
	strv_free(list.names);
	*ret = (struct image_list){ list.images, list.count };
	return 0;
}
