/* SPDX-License-Identifier: Apache-2.0 */
/* What pull.c (the conversation) and pull-blobs.c (the files) share. */
#ifndef UCR_IMAGES_PULL_PRIVATE_H
#define UCR_IMAGES_PULL_PRIVATE_H

#include "images/fetcher.h"
#include "images/pull.h"

struct pull_layer {
	struct image_blob blob;
	bool is_asked, is_here, is_part;
	int part_fd; /* the download, and the lock on it until it has another name; -1 */
};

struct pull {
	struct helper fetcher;
	bool is_over, is_artifact;
	char lock_name[STORE_NAME_MAX];
	int lock_fd;
	char *media_type; /* of the manifest */
	struct import_blob manifest, config;
	struct pull_layer layers[IMAGE_LAYERS_MAX];
	size_t layer_count;
};

/* ---- pull-blobs.c ---- */

/* The layer's blob from the store, or a file for it, borrowed. *ret_fd -1: it is there. */
int pull_open_blob(struct import *import, size_t n, int *ret_fd, struct err *err)
	__attribute__((warn_unused_result));
/* What was downloaded takes its place in the layout. */
int pull_place_blob(struct import *import, size_t n, struct err *err)
	__attribute__((warn_unused_result));

#endif
