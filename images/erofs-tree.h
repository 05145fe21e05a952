/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sink that keeps what a layer is in memory and then writes it as the metadata of an EROFS
 * image (images/erofs-format.h). What the files contain is not kept: it goes where
 * images/erofs-data.h says.
 */
#ifndef UCR_IMAGES_EROFS_TREE_H
#define UCR_IMAGES_EROFS_TREE_H

#include "images/sink.h"

struct erofs_files {
	int data_fd;	/* empty, to be filled */
	int archive_fd; /* the archive as it came, when it may be pointed into; -1 */
	uint64_t archive_offset; /* where in it the layer begins */
};

/* All are borrowed. */
int erofs_tree_new(const struct erofs_files *files, struct notes *notes,
	struct sink **ret, struct err *err) __attribute__((warn_unused_result));

/* Writes the image; `ret_has_archive`: some content lies in the archive. */
int erofs_tree_write(struct sink *sink, int image_fd, bool *ret_has_archive,
	struct err *err) __attribute__((warn_unused_result));

#endif
