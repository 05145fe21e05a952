/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tar archive read member by member: v7, ustar, GNU and PAX, sparse files included, by
 * libarchive's tar reader alone (no other format, no filter). Names are bytes: the
 * process never calls setlocale(), so libarchive converts nothing.
 */
#ifndef UCR_IMAGES_TAR_H
#define UCR_IMAGES_TAR_H

#include "images/stream.h"

#include <sys/stat.h>
#include <time.h>

struct tar;

/* The strings are valid until the next tar_next(). */
struct tar_entry {
	const char *path;
	const char *symlink;  /* its target, when a symbolic link */
	const char *hardlink; /* the other name, when a hard link */
	mode_t mode;	      /* type and permissions; the type is 0 for a hard link */
	uint32_t uid, gid;
	struct timespec mtime;
	dev_t rdev;
	uint64_t size;
	bool has_data; /* of a hard link too, as pax allows */
	bool is_sparse;
};

#define cleanup_tar cleanup_with(tar_free_ptr)

/* Takes the stream over, also when it fails. */
int tar_open(struct stream *in, struct tar **ret, struct err *err)
	__attribute__((warn_unused_result));
void tar_free(struct tar *t);
static inline void tar_free_ptr(struct tar **t)
{
	tar_free(*t);
}

/* 1 and the next member, 0 at the end of the archive. */
int tar_next(struct tar *t, struct tar_entry *ret, struct err *err)
	__attribute__((warn_unused_result));

/* The member that tar_next() gave, as libarchive's writer takes it. Its names may be changed. */
struct archive_entry;
struct archive_entry *tar_entry_of(struct tar *t);

/* 1 and the next piece of the member's data and where in the file it goes; 0 at its end.
 */
int tar_data(struct tar *t, const void **ret, size_t *ret_len, uint64_t *ret_offset,
	struct err *err) __attribute__((warn_unused_result));

/* Where in the archive the piece that tar_data() gave first lies. */
uint64_t tar_position(struct tar *t);

/* 1 and the member's next extended attribute, 0 when there are no more. */
int tar_xattr(
	struct tar *t, const char **ret_name, const void **ret_value, size_t *ret_len);

/* Reads what is left after the end mark; digests over the stream are complete then. */
int tar_finish(struct tar *t, struct err *err) __attribute__((warn_unused_result));

#endif
