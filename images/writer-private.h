/* SPDX-License-Identifier: Apache-2.0 */
/* What writer.c (files), writer-walk.c (ways to them) and writer-dirs.c share. */
#ifndef UCR_IMAGES_WRITER_PRIVATE_H
#define UCR_IMAGES_WRITER_PRIVATE_H

#include "images/writer.h"

/* A directory of the layer, to be finished. */
struct dir {
	char *path;
	struct attributes attributes;
	struct buf xattrs;
	mode_t made_mode;  /* what it has now */
	bool is_described; /* the layer has a member for it */
	bool is_new;	   /* not the one of a lower layer */
};

/* An open directory on the way to the current one. */
struct level {
	int dir;
	size_t path_len; /* of the path up to and with this level */
};

struct writer {
	struct sink *sink;
	const struct lower *lower;
	struct notes *notes;
	const struct unpack_limits *limits;
	char path[PATH_MAX];  /* of the current directory */
	struct level *levels; /* [0] is the root */
	size_t depth;	      /* index of the current one */
	void *dirs;	      /* struct dir by path (tsearch) */
	size_t dir_count;
	int target_dir; /* of hard links; -1: none yet */
	char target_name[NAME_MAX + 1];
	bool has_removed;
};

static inline int writer_at(const struct writer *w)
{
	return w->levels[w->depth].dir;
}

/* Closes the directories below the `depth`th, which is then the current one. */
void writer_pop_to(struct writer *w, size_t depth);

/* Opens an existing directory below the current one as the current one. 0 or -errno. */
int writer_push(struct writer *w, const char *name);

/* As writer_enter() for a directory that was made before: makes nothing, follows nothing.
 * False when it is gone. */
bool writer_reenter(struct writer *w, const struct writer_path *path, size_t len);

/* Says that a file could not be given to its owner. Returns -code. */
int writer_own_error(int code, const char *what, const char *member,
	const struct attributes *a, struct err *err);

/* The record of a directory, made when missing. NULL: out of memory. */
struct dir *writer_dir_record(struct writer *w, const char *path);
/* Starts the record of a directory that was just made. */
int writer_dir_made(struct writer *w, const char *path, mode_t made_mode);
void writer_dirs_free(struct writer *w);

#endif
