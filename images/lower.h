/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layers below the one that is being unpacked, seen as overlayfs will show them: the
 * topmost layer that has a name decides; a whiteout ends the search, and so does a
 * directory that is opaque or that anything but a directory hides.
 */
#ifndef UCR_IMAGES_LOWER_H
#define UCR_IMAGES_LOWER_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct lower {
	const int *fds; /* lowest layer first; borrowed */
	size_t count;
};

struct lower_file {
	struct stat st;
	int layer_fd; /* of the layer that has it; borrowed */
};

#define LOWER_ABSENT 1

/* `path` is relative, canonical and without links ("" is the root). */
int lower_find(const struct lower *lower, const char *path, struct lower_file *ret,
	struct err *err) __attribute__((warn_unused_result));

/* True for overlayfs's sign for a deleted name. */
static inline bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

/* Whether the directory hides what is below it. */
bool is_opaque(int dirfd);

#endif
