/* SPDX-License-Identifier: Apache-2.0 */
/* What unpack-import.c (the conversation), unpack-layer.c (one layer) and unpack-artifact.c (one
 * that is not unpacked) share. */
#ifndef UCR_IMAGES_UNPACK_IMPORT_H
#define UCR_IMAGES_UNPACK_IMPORT_H

#include "images/unpack-source.h"

struct import {
	struct unpack_job *job;
	struct unpack_source source;
	struct found_image image;
	struct platform platform;
	struct unpack_usage usage;
	int layer_fds[IMAGE_LAYERS_MAX];
	int recipe_fd;	    /* of the layer that is being unpacked; -1 */
	int image_fd;	    /* the EROFS image that was made of it; -1 */
	size_t layer_count; /* of layer_fds */
	bool has_archive;   /* what was made of it points into the source */
};

/* What the client wants of a layer. */
struct asked {
	bool do_unpack, do_copy, is_erofs, may_index;
};

int import_unpack_layer(struct import *im, size_t n, const struct asked *asked,
	struct err *err) __attribute__((warn_unused_result));

/* Into the file that came for it: im->layer_fds[n]. */
int import_copy_blob(struct import *im, size_t n, struct err *err)
	__attribute__((warn_unused_result));

#endif
