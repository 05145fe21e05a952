/* SPDX-License-Identifier: Apache-2.0 */
/* What save.c (images) and save-sink.c (where their files go) share. */
#ifndef UCR_IMAGES_SAVE_PRIVATE_H
#define UCR_IMAGES_SAVE_PRIVATE_H

#include "common/buf.h"
#include "images/save.h"

/* Where files go. Blobs are written once each. */
struct save_sink {
	bool is_directory;
	int fd;
	strv written; /* digests */
};

void save_sink_done(struct save_sink *sink);

int save_put_text(struct save_sink *sink, const char *name, const struct buf *text,
	struct err *err) __attribute__((warn_unused_result));
/* The file `fd` from its beginning as the blob of this digest, which it must have. */
int save_put_blob(struct save_sink *sink, const char *digest, int fd, struct err *err)
	__attribute__((warn_unused_result));
int save_sink_end(struct save_sink *sink, struct err *err)
	__attribute__((warn_unused_result));

#endif
