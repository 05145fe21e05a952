/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How to write a layer's tar archive again, byte for byte, from its unpacked directory: all
 * bytes of the archive that are not the content of a file, and for those which file's they are.
 * So a layer can be saved, and verified by its digest, without being kept twice.
 *
 * A recipe is a gzip stream of steps, each a byte and numbers in little endian:
 *   1  len(4)  bytes           these bytes
 *   2  len(4)  path  offset(8) count(8)    `count` bytes of a file from `offset` on; an empty
 *                                          path means the file of the step before
 */
#ifndef UCR_IMAGES_TAR_RECIPE_H
#define UCR_IMAGES_TAR_RECIPE_H

#include "images/stream.h"

struct tar_recorder;

/* Writes to `fd`, which stays the caller's, and must be empty. */
int tar_recorder_new(int fd, struct tar_recorder **ret, struct err *err)
	__attribute__((warn_unused_result));
void tar_recorder_free(struct tar_recorder *rec);

/* Everything of the archive passes through this stream; takes `lower` over. */
int tar_recorder_stream(struct tar_recorder *rec, struct stream *lower,
	struct stream **ret, struct err *err) __attribute__((warn_unused_result));

/* `len` bytes at `position` of the archive were written to the file `path` of the layer, at
 * `offset`. What is not told of before the stream has gone on is kept as it is. */
int tar_recorder_content(struct tar_recorder *rec, uint64_t position, size_t len,
	const char *path, uint64_t offset, struct err *err)
	__attribute__((warn_unused_result));

/* Ends the recipe. */
int tar_recorder_finish(struct tar_recorder *rec, struct err *err)
	__attribute__((warn_unused_result));

/* A recipe that counts on no file: of a layer in which files replaced each other. Reads `in`, the
 * archive, to its end; takes it over. */
int tar_recipe_literal(int fd, struct stream *in, struct err *err)
	__attribute__((warn_unused_result));

/* Writes the archive to `out_fd`. The recipe is untrusted: it cannot lead out of the directory, and
 * `max` bounds what is written. */
int tar_recipe_cook(const struct byte_range *recipe, int layer_dirfd, int out_fd,
	uint64_t max, char ret_digest[DIGEST_MAX], uint64_t *ret_size, struct err *err)
	__attribute__((warn_unused_result));

#endif
