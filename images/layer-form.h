/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In which form a layer is stored. Each has a directory of its own in the store, so that one
 * layer may be there in both: layers/HEX for directories, layers/HEX.erofs for an image.
 *
 *   HEX.erofs/image    the EROFS metadata; its devices, in this order:
 *   HEX.erofs/data     what the files contain
 *   HEX.erofs/archive  the uncompressed archive that they are still in (a hard link); absent
 *                      when nothing is pointed to
 *   HEX.erofs/is       what that archive was when its digest was checked
 */
#ifndef UCR_IMAGES_LAYER_FORM_H
#define UCR_IMAGES_LAYER_FORM_H

#include "common/err.h"
#include "common/hash.h"

#include <stdbool.h>

enum layer_form {
	LAYER_FORM_ANY, /* as it is there; made as directories */
	LAYER_FORM_DIRECTORY,
	LAYER_FORM_EROFS,
};

#define LAYER_FORM_SUFFIX ".erofs"
#define LAYER_KEY_MAX (DIGEST_MAX + sizeof(LAYER_FORM_SUFFIX))

/* A chain id with the form: what the store knows a layer by; digest_hex() works on it.
 * Returns `ret`. */
const char *layer_key(
	const char *chain_id, enum layer_form form, char ret[LAYER_KEY_MAX]);

/* The root of a stored layer, given its directory in the store: "fs", or the image mounted
 * (read-only, detached). O_PATH. -ESTALE: the archive it points into is another now. */
int layer_form_open(int layer_dirfd, int *ret_fd, struct err *err)
	__attribute__((warn_unused_result));

/* Whether it has all that opening it takes, and an archive that did not change. */
bool layer_form_is_whole(int layer_dirfd);

/* ---- a new EROFS layer, in its staging directory ---- */

/* Makes the file for what the files contain. `archive_fd` (-1: none) is linked beside it where
 * that can be; *ret_may_index says whether. */
int layer_form_stage(int layer_dirfd, int archive_fd, bool *ret_may_index,
	struct err *err) __attribute__((warn_unused_result));
/* Checks the image that was made (a sealed memfd) and puts it there. */
int layer_form_take(int layer_dirfd, int image_fd, bool has_archive, struct err *err)
	__attribute__((warn_unused_result));

#endif
