/* SPDX-License-Identifier: Apache-2.0 */
/* One file copied exactly: data (shared with the original where the file system can,
 * holes kept), owner, mode, extended attributes and time. Never a directory. */
#ifndef UCR_IMAGES_COPY_FILE_H
#define UCR_IMAGES_COPY_FILE_H

#include "images/notes.h"

#include <sys/stat.h>

/* `name` in one directory to `to_name` in another, where nothing has that name. */
int copy_file(int from_dirfd, const char *name, const struct stat *st, int to_dirfd,
	const char *to_name, struct notes *notes, struct err *err)
	__attribute__((warn_unused_result));

/* The same for a path beneath a directory, no link followed. */
int copy_file_beneath(int from_dirfd, const char *path, int to_dirfd, const char *to_name,
	struct notes *notes, struct err *err) __attribute__((warn_unused_result));

#endif
