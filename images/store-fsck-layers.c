/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer is read under its own lock alone. To put it away takes more: nobody may be about to
 * launch an image that has it (the leases of these images, all at once), count on it in an import
 * (its own lock), or flush it (that of layers/).
 */
#include "images/store-fsck-private.h"

#include "common/array.h"
#include "common/fd.h"
#include "images/store-cook.h"
#include "images/store-durable.h"
#include "images/store-steps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

/* A layer and one of the images that have it. */
struct use {
	struct image_layer layer;
	char image_id[DIGEST_MAX];
};

struct uses {
	struct use *items;
	size_t count, room;
};

/* ---- which layers there are ---- */

static int add_use(struct uses *uses, const struct image *image, size_t n)
{
	if (array_grow(&uses->items, uses->count, &uses->room, sizeof(*uses->items)) < 0)
		return -ENOMEM;
	uses->items[uses->count].layer = image->layers[n];
	memcpy(uses->items[uses->count++].image_id, image->id, DIGEST_MAX);
	return 0;
}

/* A record that cannot be read is found to be damaged later. */
static int add_image(struct store *store, const char *file, void *arg, struct err *err)
{
	cleanup_image struct image *image = NULL;
	struct uses *uses = arg;
	char id[DIGEST_MAX];

	if (!store_id_of_record(file, id) ||
		store_load_record(store, id, &image, NULL) != 0)
		return 0;
	for (size_t i = 0; i < image->layer_count; i++) {
		if (add_use(uses, image, i) < 0)
			return err_oom(err);
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct use *x = a, *y = b;
	int r = strcmp(x->layer.chain_id, y->layer.chain_id);

	return r ? r : strcmp(x->image_id, y->image_id);
}

/* ---- one layer ---- */

/* 0, or the layer is damaged, and `why` says how; < 0: it could not be looked at. */
#define LAYER_DAMAGED 1

static int check_size(const struct image_layer *layer, int fd, struct err *why)
{
	uint64_t size = 0;

	if (!layer_form_is_whole(fd))
		(void)err_say(why, ENOENT, "its files are gone");
	else if (store_layer_size(fd, &size) < 0)
		(void)err_say(why, ENOENT, "its size is not noted any more");
	else if (size != layer->size)
		(void)err_say(why, EBADMSG, "it is noted to have %llu bytes, not %llu",
			(unsigned long long)size, (unsigned long long)layer->size);
	else
		return 0;
	return LAYER_DAMAGED;
}

static int check_content(struct store *store, struct fsck *fsck,
	const struct image_layer *layer, int fd, struct err *why)
{
	cleanup_close int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	bool is_damaged = false;
	int r;

	if (null_fd < 0)
		return err_set(why, errno, "open /dev/null");
	r = store_cook_layer(
		store, layer, fd, fsck->request->userns, null_fd, &is_damaged, why);
	if (r == COOK_NO_RECIPE)
		return 0;
	return is_damaged ? LAYER_DAMAGED : r;
}

/* ---- putting it away ---- */

struct leases {
	int *fds;
	size_t count;
};

static void leases_done(struct leases *leases)
{
	while (leases->count > 0)
		(void)close(leases->fds[--leases->count]);
	free(leases->fds);
}

/* Of all images that have the layer. -EBUSY when one is in use. */
static int lease_all(struct store *store, struct fsck *fsck, const struct use *uses,
	size_t count, struct leases *ret, struct err *err)
{
	int r;

	ret->fds = calloc(count, sizeof(*ret->fds));
	if (!ret->fds)
		return err_oom(err);
	for (size_t i = 0; i < count; i++) {
		if (fsck_is_used(fsck, uses[i].image_id))
			return -EBUSY;
		r = store_lease(
			store, uses[i].image_id, true, &ret->fds[ret->count], err);
		if (r == 0)
			ret->count++;
		else if (r != IMAGE_ABSENT)
			return r == -EWOULDBLOCK ? -EBUSY : r;
	}
	return 0;
}

/* `fd` holds it, shared with imports beside. */
static int take_away(struct store *store, struct fsck *fsck, const struct use *uses,
	size_t count, const char *key, int fd, struct err *err)
{
	cleanup_close int layers_fd = -1, lock_fd = -1;
	cleanup_with(leases_done) struct leases leases = { 0 };
	const char *hex = digest_hex(key);
	char path[STORE_PATH_MAX];
	int r;

	r = store_lock_layers(store, &layers_fd, err);
	if (r == 0)
		r = store_lock(store, &lock_fd, err);
	if (r == 0)
		r = lease_all(store, fsck, uses, count, &leases, err);
	if (r == 0 && fd_lock(fd, true, false) < 0)
		r = -EBUSY;
	if (r < 0 || !store_is_in_place(store, store_path(path, "layers", hex, ""), fd))
		return r;
	return fsck_quarantine(store, "layers", hex, err);
}

static int deal_with(struct store *store, struct fsck *fsck, const struct use *uses,
	size_t count, const char *key, int fd, const struct err *why, struct err *err)
{
	const char *layer = digest_hex(uses->layer.chain_id);
	const char *image = digest_hex(uses->image_id);
	const char *then = "`ucrctl fsck --repair` makes it anew, if it can be had";
	int r = 0;

	if (fsck->request->is_repairing) {
		r = take_away(store, fsck, uses, count, key, fd, err);
		then = r == -EBUSY ? "it stays while a container or an import uses it"
				   : "moved to quarantine";
	}
	if (r < 0 && r != -EBUSY)
		return r;
	return fsck_find(fsck, err, "layer %.12s of image %.12s is damaged: %s; %s",
		layer, image, why->text, then);
}

/* `count` images have it. */
static int check_form(struct store *store, struct fsck *fsck, const struct use *uses,
	size_t count, enum layer_form form, struct err *err)
{
	char key[LAYER_KEY_MAX];
	cleanup_close int fd = -1;
	struct err why = { 0 };
	int r;

	(void)layer_key(uses->layer.chain_id, form, key);
	r = store_hold_layer(store, key, &fd, err);
	if (r != 0)
		return r < 0 ? r : 0; /* that it is missing is said of its images */
	fsck->report->layers++;
	r = check_size(&uses->layer, fd, &why);
	if (r == 0)
		r = check_content(store, fsck, &uses->layer, fd, &why);
	if (r < 0) {
		if (err)
			*err = why;
		return err_wrap(
			err, "check layer %.12s", digest_hex(uses->layer.chain_id));
	}
	return r == 0 ? 0 : deal_with(store, fsck, uses, count, key, fd, &why, err);
}

static int check_layer(struct store *store, struct fsck *fsck, const struct use *uses,
	size_t count, struct err *err)
{
	int r = check_form(store, fsck, uses, count, LAYER_FORM_DIRECTORY, err);

	return r < 0 ? r : check_form(store, fsck, uses, count, LAYER_FORM_EROFS, err);
}

static int check_all(
	struct store *store, struct fsck *fsck, const struct uses *uses, struct err *err)
{
	size_t n;
	int r = 0;

	for (size_t i = 0; r == 0 && i < uses->count; i += n) {
		const struct use *first = &uses->items[i];

		for (n = 1; i + n < uses->count &&
			    str_eq(first[n].layer.chain_id, first->layer.chain_id);
			n++)
			;
		r = check_layer(store, fsck, first, n, err);
	}
	return r;
}

int fsck_layers(struct store *store, struct fsck *fsck, struct err *err)
{
	struct uses uses = { 0 };
	int r;

	r = store_each(store, "images", add_image, &uses, err);
	if (uses.count)
		qsort(uses.items, uses.count, sizeof(*uses.items), compare);
	if (r == 0)
		r = check_all(store, fsck, &uses, err);
	free(uses.items);
	return r;
}
