/* SPDX-License-Identifier: Apache-2.0 */
/* What layer.c (members) and layer-marks.c (what they delete) share. */
#ifndef UCR_IMAGES_LAYER_PRIVATE_H
#define UCR_IMAGES_LAYER_PRIVATE_H

#include "images/layer.h"
#include "images/tar.h"
#include "images/writer.h"

/* A layer that is being unpacked. */
struct layer {
	const struct layer_job *job;
	struct writer *writer;
	struct tar *tar;
	struct layer_result result;
	/* Paths, each with its NUL. */
	struct buf whiteouts; /* deleted; done when all members are there */
	struct buf opaques;   /* directories that hide what is below */
	struct buf copied_up; /* files taken from lower layers as targets of hard links */
};

/* Appends a path to one of the lists. */
int layer_remember(struct buf *list, const char *text, size_t len, struct err *err);

/* The current directory's `base` is a member of this layer, not only the target of a link. */
int layer_own_target(struct layer *l, const char *base, struct err *err)
	__attribute__((warn_unused_result));

/* 1 when the member is a mark and was dealt with (or kept for later), 0 when it is a file. */
int layer_take_mark(struct layer *l, const struct writer_path *path, struct err *err)
	__attribute__((warn_unused_result));

/* What the marks say, once all members are there. */
int layer_apply_marks(struct layer *l, struct err *err)
	__attribute__((warn_unused_result));

#endif
