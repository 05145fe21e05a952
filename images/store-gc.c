/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collection by mark and sweep, under `lock`: no record appears or goes meanwhile. An
 * import holds a shared lock on each layer it counts on, a launch one on its image's
 * record; both are tested here without waiting. Doomed layers are only moved to tmp/
 * under the lock; their many files are removed after it was given back.
 */
#include "images/store-names.h"
#include "images/store-durable.h"
#include "images/store-steps.h"
#include "images/store-tmp.h"

#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <stdio.h>

struct gc {
	enum store_gc_scope scope;
	char *const *used_ids;
	strv names; /* by id */
	size_t name_count;
	strv layers,
		blobs; /* hexadecimal digits of what stays; sorted after the marking */
	char stage_name[STORE_NAME_MAX];
	int stage_fd;
	struct store_gc_report report;
};

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(strv v)
{
	if (v)
		qsort(v, strv_len(v), sizeof(*v), compare);
}

static bool has(strv v, const char *s)
{
	return v && bsearch(&s, v, strv_len(v), sizeof(*v), compare);
}

static bool is_wanted(struct gc *gc, const char *id, char *const *own_names)
{
	if (gc->scope == STORE_GC_UNREFERENCED || own_names)
		return true;
	strv_each (used, gc->used_ids) {
		if (str_eq(*used, id))
			return true;
	}
	return false;
}

static int mark(struct gc *gc, const struct image *image, struct err *err)
{
	int r;

	r = strv_add(&gc->blobs, digest_hex(image->id));
	if (r == 0 && *image->manifest_digest)
		r = strv_add(&gc->blobs, digest_hex(image->manifest_digest));
	for (size_t i = 0; r == 0 && i < image->layer_count; i++)
		r = strv_add(&gc->layers, digest_hex(image->layers[i].chain_id));
	for (size_t i = 0; r == 0 && i < image->blob_count; i++)
		r = strv_add(&gc->blobs, digest_hex(image->blobs[i].digest));
	return r < 0 ? err_oom(err) : 0;
}

/* Removes the record unless a launch holds it. 1 when it went. */
static int drop_image(struct store *store, struct gc *gc, const char *id, struct err *err)
{
	cleanup_close int fd = -1;
	int r;

	r = store_lease(store, id, true, &fd, err);
	if (r == -EWOULDBLOCK)
		return 0;
	if (r != 0)
		return r;
	r = store_remove_record(store, id);
	if (r < 0)
		return err_set(err, -r, "remove image %.12s from the image store",
			digest_hex(id));
	gc->report.images++;
	return 1;
}

static int mark_entry(struct store *store, const char *file, void *arg, struct err *err)
{
	cleanup_image struct image *image = NULL;
	cleanup_strv strv own = NULL;
	struct gc *gc = arg;
	char id[DIGEST_MAX];
	int r;

	if (!store_id_of_record(file, id))
		return 0;
	r = store_load_record(store, id, &image, err);
	if (r < 0)
		return err_hint(err, "Remove it with `ucrctl rmi --force %.12s`.",
			digest_hex(id));
	if (store_names_of_sorted(gc->names, gc->name_count, id, &own) < 0)
		return err_oom(err);
	r = is_wanted(gc, id, own) ? 0 : drop_image(store, gc, id, err);
	if (r != 0)
		return r < 0 ? r : 0;
	return mark(gc, image, err);
}

/* All forms of a layer stay together. */
static bool has_layer(const struct gc *gc, const char *name)
{
	char hex[HASH_HEX_MAX];
	size_t len = strnlen(name, sizeof(hex) - 1);

	memcpy(hex, name, len);
	hex[len] = '\0';
	return has(gc->layers, hex) &&
	       (!name[len] || str_eq(name + len, LAYER_FORM_SUFFIX));
}

static int sweep_layer(struct store *store, const char *name, void *arg, struct err *err)
{
	cleanup_close int fd = -1;
	char path[STORE_PATH_MAX];
	struct gc *gc = arg;
	uint64_t size = 0;

	if (strlen(name) >= STORE_NAME_MAX || has_layer(gc, name))
		return 0;
	(void)store_path(path, "layers", name, "");
	fd = openat(store->dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fd_lock(fd, true, false) < 0)
		return 0;
	(void)!store_layer_size(fd, &size);
	if (renameat(store->dirfd, path, gc->stage_fd, name) < 0)
		return err_set(err, errno, "remove %s from the image store", path);
	gc->report.layers++;
	gc->report.bytes += size;
	return 0;
}

static int sweep_blob(struct store *store, const char *name, void *arg, struct err *err)
{
	char path[STORE_PATH_MAX];
	struct stat st = { 0 };
	struct gc *gc = arg;

	if (strlen(name) >= STORE_NAME_MAX || has(gc->blobs, name))
		return 0;
	(void)store_path(path, "blobs/sha256", name, "");
	(void)!fstatat(store->dirfd, path, &st, AT_SYMLINK_NOFOLLOW);
	if (unlinkat(store->dirfd, path, 0) < 0)
		return err_set(err, errno, "remove %s from the image store", path);
	gc->report.blobs++;
	gc->report.bytes += (uint64_t)st.st_size;
	return 0;
}

/* A source's image id is a blob that stays, or the source goes. */
static int sweep_source(struct store *store, const char *name, void *arg, struct err *err)
{
	char path[STORE_PATH_MAX], id[DIGEST_MAX];
	struct gc *gc = arg;

	if (strlen(name) >= STORE_NAME_MAX)
		return 0;
	if (store_find_source(store, name, id) == 0 && has(gc->blobs, digest_hex(id)))
		return 0;
	if (unlinkat(store->dirfd, store_path(path, "sources", name, ""), 0) < 0)
		return err_set(err, errno, "remove %s from the image store", path);
	return 0;
}

static int sweep_quarantine(
	struct store *store, const char *name, void *arg, struct err *err)
{
	char path[STORE_PATH_MAX];
	struct gc *gc = arg;

	if (strlen(name) >= STORE_NAME_MAX)
		return 0;
	/* A layer has files of any owner: it goes as the others. */
	if (unlinkat(store->dirfd, store_path(path, "quarantine", name, ""), 0) < 0 &&
		(errno != EISDIR || renameat(store->dirfd, path, gc->stage_fd, name) < 0))
		return err_set(err, errno, "remove %s from the image store", path);
	return 0;
}

/* Only a store in which something was damaged has a quarantine. */
static int empty_quarantine(struct store *store, struct gc *gc, struct err *err)
{
	if (faccessat(store->dirfd, "quarantine", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return store_each(store, "quarantine", sweep_quarantine, gc, err);
}

static int interrupt(enum store_step step, struct err *err)
{
	int r = store_step(step);

	return r < 0 ? err_set(err, -r, "collect the image store") : 0;
}

static int collect(struct store *store, struct gc *gc, struct err *err)
{
	cleanup_close int layers_fd = -1, lock_fd = -1;
	int r;

	r = store_lock_layers(store, &layers_fd, err);
	if (r == 0)
		r = store_lock(store, &lock_fd, err);
	if (r == 0)
		r = store_load_names(store, &gc->names, err);
	store_names_sort_by_id(gc->names);
	gc->name_count = strv_len(gc->names);
	if (r == 0)
		r = store_each(store, "images", mark_entry, gc, err);
	if (r < 0)
		return r;
	sort(gc->layers);
	sort(gc->blobs);
	/* After a power cut no record may stand whose layers are gone. */
	r = gc->report.images ? store_sync_dir(store, "images", err) : 0;
	if (r == 0)
		r = interrupt(STEP_GC_MARKED, err);
	if (r == 0)
		r = store_each(store, "layers", sweep_layer, gc, err);
	if (r == 0)
		r = store_each(store, "blobs/sha256", sweep_blob, gc, err);
	if (r == 0)
		r = store_each(store, "sources", sweep_source, gc, err);
	if (r == 0)
		r = empty_quarantine(store, gc, err);
	if (r == 0)
		r = interrupt(STEP_GC_MOVED, err);
	return r;
}

int store_gc(struct store *store, enum store_gc_scope scope,
	const struct import_userns *userns, char *const *used_ids,
	struct store_gc_report *ret, struct err *err)
{
	struct gc gc = { .scope = scope, .used_ids = used_ids, .stage_fd = -1 };
	int r;

	r = store_sweep(store, userns, &gc.report.temporaries, err);
	if (r == 0)
		r = store_stage(store, "gc-", gc.stage_name, &gc.stage_fd, err);
	if (r < 0)
		return r;
	r = collect(store, &gc, err);
	if (r < 0)
		(void)!store_remove_tree(store, userns, gc.stage_name, NULL);
	else
		r = store_remove_tree(store, userns, gc.stage_name, err);
	(void)close(gc.stage_fd);
	strv_free(gc.names);
	strv_free(gc.layers);
	strv_free(gc.blobs);
	if (r < 0)
		return r;
	store_flush_later(store, false);
	*ret = gc.report;
	return 0;
}
