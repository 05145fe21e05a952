/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer's tar archive written into a sink in overlayfs's form. Whiteouts and
 * opaque marks count wherever in the archive they are, and only against lower layers.
 */
#ifndef UCR_IMAGES_LAYER_H
#define UCR_IMAGES_LAYER_H

#include "images/lower.h"
#include "images/notes.h"
#include "images/sink.h"
#include "images/stream.h"
#include "images/tar-recipe.h"

struct layer_job {
	struct sink *sink; /* empty; filled; borrowed */
	struct lower lower;
	struct unpack_usage *usage;
	struct tar_recorder *recorder; /* told which bytes are a file's; or NULL */
	struct notes *notes;
};

struct layer_result {
	uint64_t entries, bytes, whiteouts;
	bool has_replaced; /* a file took the place of another: content may be gone */
};

/* `tar_stream` is taken over; it has been read to its end when this succeeds. */
int layer_unpack(const struct layer_job *job, struct stream *tar_stream,
	struct layer_result *ret, struct err *err) __attribute__((warn_unused_result));

#endif
