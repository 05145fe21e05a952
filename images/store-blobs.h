/* SPDX-License-Identifier: Apache-2.0 */
/* blobs/sha256/HEX: documents, and what is kept as it came. */
#ifndef UCR_IMAGES_STORE_BLOBS_H
#define UCR_IMAGES_STORE_BLOBS_H

#include "images/store-private.h"

/* A configuration or manifest whole, its digest verified. */
int store_read_document(struct store *store, const char *digest, char **ret,
	size_t *ret_len, struct err *err) __attribute__((warn_unused_result));

/* Every blob that the image's record lists is there in its size. */
bool store_has_blobs(struct store *store, const struct image *image);

/* dirfd/path has the blob's size and digest: read whole. */
bool store_blob_is_intact(int dirfd, const char *path, const struct image_blob *blob);

/* Below the store: where a download waits, whole, until it is kept. Returns `ret`. */
const char *store_whole_path(const char *digest, char ret[STORE_PATH_MAX]);
/* from_dirfd/HEX takes its place; what a download of it left in tmp/ goes. Under `lock`. The
 * -errno of the rename. */
int store_keep_blob(struct store *store, int from_dirfd, const struct image_blob *blob)
	__attribute__((warn_unused_result));

#endif
