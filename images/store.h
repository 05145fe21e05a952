/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image store: one directory, any number of processes at once.
 *
 *   blobs/sha256/HEX      configurations and manifests, as they came
 *   layers/HEX/fs         a layer unpacked, named by its chain id, in overlayfs's form
 *   images/HEX.json       an image: configuration, layers, format
 *   names.json            name -> image id
 *   sources/HEX           archive file (device, inode, size, times) -> image id
 *   tmp/                  what is being made; each with a lock that dies with its maker
 *
 * Nothing is visible before it is whole: everything is made in tmp/, flushed, and renamed. A
 * killed import leaves only a directory in tmp/ without a locker, which the next import or gc
 * removes. Two imports of one layer or one archive wait for each other and unpack once.
 */
#ifndef UCR_IMAGES_STORE_H
#define UCR_IMAGES_STORE_H

#include "images/image.h"

struct store;

/* Opens (and on first use makes, mode 0700) the store below `dirfd`. */
int store_open(int dirfd, struct store **ret, struct err *err)
	__attribute__((warn_unused_result));
void store_free(struct store *store);

#define IMAGE_ABSENT 1

/* By name ("alpine", "alpine:3", full), id, id prefix or digest. IMAGE_ABSENT when unknown; an
 * ambiguous prefix is an error that lists the candidates. */
int store_find(struct store *store, const char *name, struct image **ret, struct err *err)
	__attribute__((warn_unused_result));
/* All images, newest first; a heap array of `*ret_count` to free one by one. */
int store_list(struct store *store, struct image ***ret, size_t *ret_count, struct err *err)
	__attribute__((warn_unused_result));
/* Opens the unpacked layers, lowest first (O_PATH directories the caller closes), and keeps the
 * image from being collected while `ret_lease_fd` is open. */
int store_open_layers(struct store *store, const struct image *image,
	int ret_fds[IMAGE_LAYERS_MAX], int *ret_lease_fd, struct err *err)
	__attribute__((warn_unused_result));
/* The configuration blob as it came. */
int store_read_config(struct store *store, const struct image *image, char **ret,
	size_t *ret_len, struct err *err) __attribute__((warn_unused_result));

int store_tag(struct store *store, const struct image *image, const char *name,
	struct err *err) __attribute__((warn_unused_result));
/* Takes a name off; the image itself goes with its last name, or by id. Layers go with gc. */
int store_untag(struct store *store, const char *name, bool force, strv *ret_removed,
	struct err *err) __attribute__((warn_unused_result));

struct store_gc_report {
	size_t layers, blobs, temporaries;
	uint64_t bytes;
};
/* Removes what no image and no lease needs. `used_ids`: images that containers still use. */
int store_gc(struct store *store, char *const *used_ids, struct store_gc_report *ret,
	struct err *err) __attribute__((warn_unused_result));

#endif
