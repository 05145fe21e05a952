/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer's tar archive, written again by its recipe (images/tar-recipe.h) from its unpacked
 * files: to be saved, or only to see by its digest whether they still are what they were.
 */
#ifndef UCR_IMAGES_STORE_COOK_H
#define UCR_IMAGES_STORE_COOK_H

#include "images/store.h"

#define COOK_NO_RECIPE 1

/* The layer held by `layer_fd` (store_hold_layer()), to a file, a pipe or /dev/null. Fails unless
 * the digest is the layer's diff_id; *ret_is_damaged, which may be NULL, tells whether it is the
 * layer's own fault. */
int store_cook_layer(struct store *store, const struct image_layer *layer, int layer_fd,
	const struct import_userns *userns, int out_fd, bool *ret_is_damaged,
	struct err *err) __attribute__((warn_unused_result));

#endif
