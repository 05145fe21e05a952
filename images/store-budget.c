/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts (layers and blobs) of all images are counted first; an image that goes takes
 * one reference off each of its parts, and those that have none left are what it frees.
 */
#include "images/store-budget.h"

#include "common/array.h"
#include "images/store-names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

const char *const store_verdict_texts[VERDICT_COUNT] = {
	[VERDICT_IN_USE] = "stays: a container uses it",
	[VERDICT_NAMED] = "stays: it has a name",
	[VERDICT_UNNAMED] = "stays: without a name it goes with --all",
	[VERDICT_FITS] = "stays: it fits the budget",
	[VERDICT_GOES_UNNAMED] = "goes: it has no name",
	[VERDICT_GOES_UNUSED] = "goes: it was unused for longest",
};

struct part {
	char key[HASH_HEX_MAX + 1]; /* a letter for its kind, and its digits */
	uint64_t size;
	size_t refs;
	bool goes;	/* before any image */
	bool is_needed; /* an artifact has it, which is nothing without it */
};

struct judge {
	const struct store_budget *budget;
	char *const *used_ids;
	strv names; /* by id */
	size_t name_count;
	struct part *parts; /* sorted after the counting */
	size_t part_count, part_room;
	struct image **records;
	size_t record_room;
	struct store_judgement judgement;
};

/* ---- parts ---- */

static void set_key(char key[HASH_HEX_MAX + 1], char kind, const char *digest)
{
	(void)snprintf(key, HASH_HEX_MAX + 1, "%c%.64s", kind, digest_hex(digest));
}

static int add_part(struct judge *j, char kind, const char *digest, uint64_t size)
{
	struct part *part;

	if (array_grow(&j->parts, j->part_count, &j->part_room, sizeof(*j->parts)) < 0)
		return -ENOMEM;
	part = &j->parts[j->part_count++];
	*part = (struct part){ .size = size, .refs = 1 };
	set_key(part->key, kind, digest);
	return 0;
}

/* 0 when it was never downloaded. */
static uint64_t blob_size(struct store *store, const char *digest)
{
	char path[STORE_PATH_MAX];
	struct stat st;

	(void)store_path(path, "blobs/sha256", digest_hex(digest), "");
	if (fstatat(store->dirfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return (uint64_t)st.st_size;
}

static int add_parts(struct store *store, struct judge *j, const struct image *image)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < image->layer_count; i++)
		r = add_part(j, 'l', image->layers[i].chain_id, image->layers[i].size);
	for (size_t i = 0; r == 0 && i < image->blob_count; i++) {
		const char *digest = image->blobs[i].digest;

		r = add_part(j, 'b', digest, blob_size(store, digest));
		if (r == 0)
			j->parts[j->part_count - 1].is_needed = image->artifact_type;
	}
	return r;
}

static int compare_parts(const void *a, const void *b)
{
	return strcmp(((const struct part *)a)->key, ((const struct part *)b)->key);
}

static void merge_parts(struct judge *j)
{
	size_t n = 0;

	if (j->part_count)
		qsort(j->parts, j->part_count, sizeof(*j->parts), compare_parts);
	for (size_t i = 0; i < j->part_count; i++) {
		if (n && str_eq(j->parts[n - 1].key, j->parts[i].key)) {
			j->parts[n - 1].refs++;
			j->parts[n - 1].is_needed |= j->parts[i].is_needed;
			continue;
		}
		j->parts[n++] = j->parts[i];
		j->judgement.bytes += j->parts[i].size;
	}
	j->part_count = n;
	j->judgement.bytes_after = j->judgement.bytes;
}

static struct part *find_part(struct judge *j, char kind, const char *digest)
{
	struct part wanted;

	set_key(wanted.key, kind, digest);
	return bsearch(
		&wanted, j->parts, j->part_count, sizeof(*j->parts), compare_parts);
}

/* Takes a reference away. What that frees. */
static uint64_t drop_part(struct judge *j, char kind, const char *digest)
{
	struct part *part = find_part(j, kind, digest);

	return --part->refs || part->goes ? 0 : part->size;
}

static uint64_t drop_parts(struct judge *j, const struct image *image)
{
	uint64_t freed = 0;

	for (size_t i = 0; i < image->layer_count; i++)
		freed += drop_part(j, 'l', image->layers[i].chain_id);
	for (size_t i = 0; i < image->blob_count; i++)
		freed += drop_part(j, 'b', image->blobs[i].digest);
	return freed;
}

static uint64_t bytes_of(struct judge *j, const struct image *image)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < image->layer_count; i++)
		bytes += image->layers[i].size;
	for (size_t i = 0; i < image->blob_count; i++)
		bytes += find_part(j, 'b', image->blobs[i].digest)->size;
	return bytes;
}

/* ---- kept blobs ---- */

static bool has_recipe(struct store *store, const struct image_layer *layer)
{
	char path[STORE_PATH_MAX];

	(void)store_path(
		path, "layers", digest_hex(layer->chain_id), "/" STORE_LAYER_RECIPE);
	return faccessat(store->dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Those of one image, as far as it takes. */
static void drop_blobs(struct store *store, struct judge *j, const struct image *image)
{
	struct store_judgement *all = &j->judgement;

	for (size_t i = 0; i < image->blob_count && all->bytes_after > j->budget->low;
		i++) {
		struct part *part = find_part(j, 'b', image->blobs[i].digest);

		if (part->goes || part->is_needed || !part->size ||
			image->blob_count != image->layer_count ||
			!has_recipe(store, &image->layers[i]))
			continue;
		part->goes = true;
		all->bytes_after -= part->size;
	}
}

static void drop_blobs_first(struct store *store, struct judge *j)
{
	if (!j->budget->high || j->judgement.bytes <= j->budget->high)
		return;
	for (size_t i = 0; i < j->judgement.count; i++)
		drop_blobs(store, j, j->records[i]);
}

static int report_parts(struct judge *j)
{
	struct store_judgement *all = &j->judgement;

	all->parts = calloc(j->part_count + 1, sizeof(*all->parts));
	if (!all->parts)
		return -ENOMEM;
	for (size_t i = 0; i < j->part_count; i++) {
		const struct part *from = &j->parts[i];
		struct store_judged_part *to = &all->parts[all->part_count];

		*to = (struct store_judged_part){ .is_kept_blob = *from->key == 'b',
			.size = from->size,
			.images = from->refs,
			.goes = from->goes };
		(void)snprintf(to->hex, sizeof(to->hex), "%s", from->key + 1);
		/* A blob that was never downloaded is none. */
		all->part_count += !to->is_kept_blob || to->size;
	}
	return 0;
}

int store_drop_blob(struct store *store, const char *hex, struct err *err)
{
	cleanup_close int lock_fd = -1;
	char path[STORE_PATH_MAX];
	int r;

	r = store_lock(store, &lock_fd, err);
	if (r < 0)
		return r;
	(void)store_path(path, "blobs/sha256", hex, "");
	if (unlinkat(store->dirfd, path, 0) < 0 && errno != ENOENT)
		return err_set(err, errno, "remove %s from the image store", path);
	return 0;
}

/* ---- images ---- */

static bool is_in_use(struct store *store, struct judge *j, const char *id)
{
	int fd;

	strv_each (used, j->used_ids) {
		if (str_eq(*used, id))
			return true;
	}
	if (store_lease(store, id, true, &fd, NULL) != 0)
		return true;
	(void)close(fd);
	return false;
}

static int64_t last_use(struct store *store, const char *id)
{
	char path[STORE_PATH_MAX];
	struct stat st;

	(void)store_path(path, "images", digest_hex(id), ".json");
	return fstatat(store->dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mtime
									  : 0;
}

static int add_image(struct store *store, const char *file, void *arg, struct err *err)
{
	struct image *image = NULL;
	struct judge *j = arg;
	char id[DIGEST_MAX];
	size_t n = j->judgement.count;
	int r;

	if (!store_id_of_record(file, id))
		return 0;
	r = store_load_record(store, id, &image, err);
	if (r < 0)
		return err_hint(err, "`ucrctl fsck` puts away what is damaged.");
	if (r == IMAGE_ABSENT)
		return 0;
	r = array_grow(&j->records, n, &j->record_room, sizeof(*j->records));
	if (r == 0)
		r = add_parts(store, j, image);
	if (r < 0) {
		image_free(image);
		return err_oom(err);
	}
	image->imported = last_use(store, id);
	j->records[j->judgement.count++] = image;
	return 0;
}

static int least_recent_first(const void *a, const void *b)
{
	const struct image *x = *(struct image *const *)a, *y = *(struct image *const *)b;

	if (x->imported != y->imported)
		return x->imported < y->imported ? -1 : 1;
	return strcmp(x->id, y->id);
}

static enum store_verdict judge_image(
	struct store *store, struct judge *j, const struct store_judged *image)
{
	const struct store_budget *budget = j->budget;

	if (is_in_use(store, j, image->id))
		return VERDICT_IN_USE;
	if (!image->names && budget->takes_unnamed)
		return VERDICT_GOES_UNNAMED;
	if (!budget->high)
		return image->names ? VERDICT_NAMED : VERDICT_UNNAMED;
	if (j->judgement.bytes <= budget->high || j->judgement.bytes_after <= budget->low)
		return VERDICT_FITS;
	return VERDICT_GOES_UNUSED;
}

static int judge_all(struct store *store, struct judge *j, struct err *err)
{
	struct store_judgement *all = &j->judgement;

	merge_parts(j);
	if (all->count)
		qsort(j->records, all->count, sizeof(struct image *), least_recent_first);
	drop_blobs_first(store, j);
	all->images = calloc(all->count + 1, sizeof(*all->images));
	if (!all->images)
		return err_oom(err);
	for (size_t i = 0; i < all->count; i++) {
		const struct image *record = j->records[i];
		struct store_judged *image = &all->images[i];

		memcpy(image->id, record->id, sizeof(image->id));
		image->last_used = record->imported;
		image->bytes = bytes_of(j, record);
		if (store_names_of_sorted(
			    j->names, j->name_count, image->id, &image->names) < 0)
			return err_oom(err);
		image->verdict = judge_image(store, j, image);
		if (store_verdict_goes(image->verdict))
			image->freed = drop_parts(j, record);
		all->bytes_after -= image->freed;
	}
	return report_parts(j) < 0 ? err_oom(err) : 0;
}

int store_judge(struct store *store, const struct store_budget *budget,
	char *const *used_ids, struct store_judgement *ret, struct err *err)
{
	struct judge j = { .budget = budget, .used_ids = used_ids };
	size_t count;
	int r;

	r = store_load_names(store, &j.names, err);
	store_names_sort_by_id(j.names);
	j.name_count = strv_len(j.names);
	if (r == 0)
		r = store_each(store, "images", add_image, &j, err);
	count = j.judgement.count;
	if (r == 0)
		r = judge_all(store, &j, err);
	for (size_t i = 0; i < count; i++)
		image_free(j.records[i]);
	free(j.records);
	free(j.parts);
	strv_free(j.names);
	if (r < 0)
		store_judgement_done(&j.judgement);
	else
		*ret = j.judgement;
	return r;
}

void store_judgement_done(struct store_judgement *judgement)
{
	for (size_t i = 0; judgement->images && i < judgement->count; i++)
		strv_free(judgement->images[i].names);
	free(judgement->images);
	free(judgement->parts);
}
