/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extended attributes of an image's files: which may be set, and setting them. Those of
 * directories wait in a list until everything in the directory has been made.
 */
#ifndef UCR_IMAGES_XATTR_H
#define UCR_IMAGES_XATTR_H

#include "common/buf.h"
#include "images/notes.h"

#include <sys/stat.h>

/* A file to set them on: an open one, or (fd -1) a name in a directory, not followed. */
struct xattr_file {
	int fd;
	int dirfd;
	const char *name;
	const char *member; /* for messages */
};

/* Sets one, or notes why not. */
int xattr_set(const struct xattr_file *file, const char *name, const void *value,
	size_t len, struct notes *notes, struct err *err)
	__attribute__((warn_unused_result));

/* Whether a file of this mode may have it, or a note why not. */
bool xattr_is_allowed(const char *name, mode_t mode, struct notes *notes);
/* Says that one could not be set. Returns -code. */
int xattr_error(int code, const char *name, const char *member, struct err *err);

/* A list of them in a buffer. */
int xattr_list_add(struct buf *list, const char *name, const void *value, size_t len);
/* The one at *at, which goes on to the next; false at the end. */
struct xattr {
	const char *name;
	const void *value;
	size_t len;
};
bool xattr_list_next(const struct buf *list, size_t *at, struct xattr *ret);
int xattr_list_set(const struct buf *list, const struct xattr_file *file,
	struct notes *notes, struct err *err) __attribute__((warn_unused_result));

/* Copies all that an image's file may have; overlayfs's own are left. */
int xattr_copy(const struct xattr_file *from, const struct xattr_file *to,
	struct notes *notes, struct err *err) __attribute__((warn_unused_result));
/* Removes all that an image's file may have from an open one. */
int xattr_clear(int fd, const char *member, struct err *err)
	__attribute__((warn_unused_result));
/* Reads them all into a list. */
int xattr_read(const struct xattr_file *from, struct buf *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
