/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the store share. The steps of an import, in order: hold a source,
 * stage in tmp/, hold or make the layers, commit the layers, then under `lock` the blobs,
 * the record and the names, then the source; the layers are flushed behind its back.
 */
#ifndef UCR_IMAGES_STORE_PRIVATE_H
#define UCR_IMAGES_STORE_PRIVATE_H

#include "images/layer-form.h"
#include "images/reference.h"
#include "images/store.h"

#include <stdbool.h>
#include <sys/types.h>

#define STORE_NAME_MAX 96 /* of a file: a prefix, a digest and a suffix */
#define STORE_PATH_MAX (2 * STORE_NAME_MAX)
#define STORE_LAYER_RECIPE "tar" /* in a layer's directory: images/tar-recipe.h */

struct store {
	int dirfd;
	char *libexec_path;
	char boot_id[64]; /* the kernel's; "": not needed so far */
};

/* ---- store.c ---- */

/* After a failure to write: adds what a person can do about it. Returns -err->code. */
int store_hint(struct err *err);

/* The lock for what is visible. Closing the descriptor gives it back. */
int store_lock(struct store *store, int *ret_fd, struct err *err)
	__attribute__((warn_unused_result));
/* Puts a file in place whole and flushed: "images", "HEX.json". Under `lock`. */
int store_put(struct store *store, const char *dir, const char *name, const void *data,
	size_t len, struct err *err) __attribute__((warn_unused_result));
/* Flushes a directory: what was renamed or removed in it stays so. */
int store_sync_dir(struct store *store, const char *dir, struct err *err)
	__attribute__((warn_unused_result));
/* Calls `fn` for each entry without a leading dot. Stops when it returns < 0. */
typedef int (*store_entry_fn)(
	struct store *store, const char *name, void *arg, struct err *err);
int store_each(struct store *store, const char *dir, store_entry_fn fn, void *arg,
	struct err *err) __attribute__((warn_unused_result));
/* "dir/NAMEsuffix". Returns `ret`. */
const char *store_path(
	char ret[STORE_PATH_MAX], const char *dir, const char *name, const char *suffix);

/* True when `path` still names the open file: nobody replaced or removed it meanwhile. */
bool store_is_in_place(struct store *store, const char *path, int fd);

/* ---- store-find.c ---- */

/* The id in the name of a record's file: "HEX.json". */
bool store_id_of_record(const char *file, char ret[DIGEST_MAX]);

/* To an id. `ret_name` is the full name when `name` was one, "" when it was an id or
 * digest. */
int store_resolve(struct store *store, const char *name, char ret_id[DIGEST_MAX],
	char ret_name[REFERENCE_NAME_MAX], struct err *err)
	__attribute__((warn_unused_result));

/* ---- store-record.c ---- */

/* By full id. IMAGE_ABSENT. */
int store_load_image(struct store *store, const char *id, struct image **ret,
	struct err *err) __attribute__((warn_unused_result));
/* The record alone, without the configuration: cheap, and enough to collect by. */
int store_load_record(struct store *store, const char *id, struct image **ret,
	struct err *err) __attribute__((warn_unused_result));
int store_put_record(struct store *store, const struct image *image, struct err *err)
	__attribute__((warn_unused_result));
/* Under `lock`. */
int store_remove_record(struct store *store, const char *id)
	__attribute__((warn_unused_result));
int store_put_blob(struct store *store, const char *digest, const void *data, size_t len,
	struct err *err) __attribute__((warn_unused_result));
/* Opens the record and locks it; shared: a lease. -EWOULDBLOCK: exclusive, and it is
 * leased. IMAGE_ABSENT when it is (or was, while waiting) removed. */
int store_lease(struct store *store, const char *id, bool is_exclusive, int *ret_fd,
	struct err *err) __attribute__((warn_unused_result));

/* Leases an image to itself, shared. IMAGE_ABSENT as above. */
int store_hold_image(struct store *store, struct image *image, struct err *err)
	__attribute__((warn_unused_result));

/* ---- store-layers.c ---- */

/* All are there, and not lost, in one form or the other; of an artifact its blobs. */
bool store_has_layers(struct store *store, const struct image *image);
/* The same in this form. */
bool store_has_form(struct store *store, const struct image *image, enum layer_form form);
/* Opens a layer and keeps it from being collected. `key`: images/layer-form.h; a chain id is
 * that of its directories. IMAGE_ABSENT: not there, or lost. */
int store_hold_layer(struct store *store, const char *key, int *ret_fd, struct err *err)
	__attribute__((warn_unused_result));
/* The same in any form. */
int store_hold_any_layer(struct store *store, const char *chain_id, int *ret_fd,
	struct err *err) __attribute__((warn_unused_result));
/* Reads or, while it is staged, notes how many bytes a layer has. */
int store_layer_size(int layer_fd, uint64_t *ret) __attribute__((warn_unused_result));
int store_set_layer_size(int layer_fd, uint64_t size) __attribute__((warn_unused_result));
/* Moves a staged layer to its place; a lost one there goes to the staging directory.
 * Under the lock of its key's name. */
int store_commit_layer(struct store *store, int stage_dirfd, const char *name,
	const char *key, struct err *err) __attribute__((warn_unused_result));

/* ---- store-sources.c ---- */

/* Which image an archive was: `key` is 64 hexadecimal digits. IMAGE_ABSENT. */
int store_find_source(struct store *store, const char *key, char ret_id[DIGEST_MAX])
	__attribute__((warn_unused_result));
int store_put_source(struct store *store, const char *key, const char *id,
	struct err *err) __attribute__((warn_unused_result));

#endif
