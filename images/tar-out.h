/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a tar archive in POSIX's form: a ustar header for each member, and a PAX header
 * before it where ustar has no room (long names, large ids, fractions of a second, extended
 * attributes). The caller writes exactly the announced size after a header, then calls
 * tar_out_end().
 */
#ifndef UCR_IMAGES_TAR_OUT_H
#define UCR_IMAGES_TAR_OUT_H

#include "common/buf.h"

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum tar_type {
	TAR_FILE = '0',
	TAR_HARD_LINK = '1',
	TAR_SYMLINK = '2',
	TAR_CHAR = '3',
	TAR_BLOCK = '4',
	TAR_DIRECTORY = '5',
	TAR_FIFO = '6',
};

struct tar_member {
	enum tar_type type;
	const char *path; /* relative; a directory's ends in a slash */
	const char *link; /* what a link of either kind leads to; else NULL */
	mode_t mode;	  /* the permissions are taken */
	uint32_t uid, gid;
	uint64_t size; /* of a file's content */
	struct timespec mtime;
	dev_t rdev;
	const struct buf *records; /* made by tar_out_record(); may be NULL */
};

int tar_out_member(int fd, const struct tar_member *member)
	__attribute__((warn_unused_result));

/* One PAX record; an extended attribute's key is TAR_XATTR and its name. */
#define TAR_XATTR "SCHILY.xattr."
void tar_out_record(struct buf *records, const char *key, const void *value, size_t len);

/* A file of ours: a name of at most 100 bytes, mode 0644, owner 0 and time 0, so that the same
 * files always make the same bytes. */
int tar_out_begin(int fd, const char *name, uint64_t size)
	__attribute__((warn_unused_result));
int tar_out_end(int fd, uint64_t size) __attribute__((warn_unused_result));
/* The end of the archive. */
int tar_out_finish(int fd) __attribute__((warn_unused_result));

#endif
