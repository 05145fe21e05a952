/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the content of an EROFS image's files lies: each in one piece, at the beginning of a
 * block, in the archive as it came where that can be, else in a file of its own. Holes stay
 * holes of that file.
 */
#ifndef UCR_IMAGES_EROFS_DATA_H
#define UCR_IMAGES_EROFS_DATA_H

#include "images/sink.h"

struct erofs_data {
	int fd;		/* empty, to be filled; borrowed */
	int archive_fd; /* -1: there is none that could be pointed into; borrowed */
	uint64_t archive_offset; /* of the layer in it */
	uint64_t end;		 /* of what was given away of `fd` */
	char *buffer;
	uint64_t buffer_at; /* where in `fd` it goes */
	size_t buffer_len;
};

/* Where a file's content lies. */
struct erofs_place {
	uint64_t at, size;
	uint8_t device; /* 0: nowhere yet */
};

int erofs_data_init(struct erofs_data *d);
void erofs_data_done(struct erofs_data *d);

/* Both extend the file that `place` is of; 0 or -errno. */
int erofs_data_write(
	struct erofs_data *d, struct erofs_place *place, const struct piece *piece);
int erofs_data_set_size(struct erofs_data *d, struct erofs_place *place, uint64_t size);

/* Everything is in the file, which is whole blocks long. */
int erofs_data_finish(struct erofs_data *d);

#endif
