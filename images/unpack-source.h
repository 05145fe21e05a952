/* SPDX-License-Identifier: Apache-2.0 */
/* From the descriptor that a request came with to a bundle, by looking at what is in it.
 */
#ifndef UCR_IMAGES_UNPACK_SOURCE_H
#define UCR_IMAGES_UNPACK_SOURCE_H

#include "images/unpack.h"

struct unpack_source {
	struct byte_range archive; /* seekable; fd -1 when the source is a directory */
	struct bundle *bundle;	   /* NULL: the archive is one root file system */
	enum bundle_shape shape;   /* what the names in the archive say */
	const struct image_format *format;
};

int unpack_source_open(struct unpack_job *job, int source_fd, int spool_dirfd,
	struct unpack_source *ret, struct err *err) __attribute__((warn_unused_result));
void unpack_source_done(struct unpack_source *source);

#endif
