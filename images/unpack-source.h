/* SPDX-License-Identifier: Apache-2.0 */
/* From the descriptor that a request came with to a bundle, by looking at what is in it.
 */
#ifndef UCR_IMAGES_UNPACK_SOURCE_H
#define UCR_IMAGES_UNPACK_SOURCE_H

#include "images/unpack.h"

struct unpack_source {
	struct byte_range archive; /* seekable; fd -1 when the source is a directory */
	bool is_original;	   /* it is the file that came with the request */
	struct bundle *bundle;	   /* NULL: the archive is one root file system */
	struct byte_range
		rendered;	 /* what an App Container Image was made into; or fd -1 */
	enum bundle_shape shape; /* what the names in the archive say */
	const struct image_format *format;
	const char *wanted; /* the format asked for, or "auto"; borrowed */
};

/* `format` as in a request. */
int unpack_source_open(struct unpack_job *job, int source_fd, int spool_dirfd,
	const char *format, struct unpack_source *ret, struct err *err)
	__attribute__((warn_unused_result));
void unpack_source_done(struct unpack_source *source);

/* A file in the store without a name, which is gone when we are. */
int unpack_spool(int spool_dirfd, struct err *err) __attribute__((warn_unused_result));

/* Puts an App Container Image and what it depends on together: `rendered`. */
int unpack_aci(struct unpack_job *job, struct unpack_source *source, int spool_dirfd,
	struct err *err) __attribute__((warn_unused_result));

#endif
