/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A zip archive read member by member, from a regular file. Before anything is given out the
 * central directory is held against the local headers: what two readers would read in two
 * ways, members that share bytes, encrypted ones and names with backslashes are refused.
 */
#ifndef UCR_IMAGES_ZIP_H
#define UCR_IMAGES_ZIP_H

#include "images/tar.h"

struct zip;

#define cleanup_zip cleanup_with(zip_free_ptr)

/* The descriptor stays the caller's; its offset moves. */
int zip_open(int fd, const struct unpack_limits *limits, struct zip **ret,
	struct err *err) __attribute__((warn_unused_result));
void zip_free(struct zip *z);
static inline void zip_free_ptr(struct zip **z)
{
	zip_free(*z);
}

/* As tar_next() and tar_data(); owners are 0. */
int zip_next(struct zip *z, struct tar_entry *ret, struct err *err)
	__attribute__((warn_unused_result));
int zip_data(struct zip *z, const void **ret, size_t *ret_len, uint64_t *ret_offset,
	struct err *err) __attribute__((warn_unused_result));

/* zip-check.c: whether the archive reads only one way. */
int zip_check(int fd, uint64_t size, const struct unpack_limits *limits, struct err *err)
	__attribute__((warn_unused_result));

#endif
