/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fills an empty sink (images/sink.h) with the files of a layer: no path is handed on, every
 * component is opened by itself and never followed. The directories on the way to the last
 * file stay open, so that an archive in the usual order costs one open(2) a directory and four
 * calls a file.
 *
 * Directories are made writable and get their owner, mode, attributes and time at the
 * end, by writer_finish(): what is made in them would change the time, and may not be
 * allowed.
 */
#ifndef UCR_IMAGES_WRITER_H
#define UCR_IMAGES_WRITER_H

#include "images/lower.h"
#include "images/sink.h"

#include <limits.h>

struct writer;

#define cleanup_writer cleanup_with(writer_free_ptr)

/* All are borrowed. `lower`: where the attributes of directories come from that the layer
 * itself does not describe. */
int writer_new(struct sink *sink, const struct lower *lower, struct notes *notes,
	const struct unpack_limits *limits, struct writer **ret, struct err *err)
	__attribute__((warn_unused_result));
void writer_free(struct writer *w);
static inline void writer_free_ptr(struct writer **w)
{
	writer_free(*w);
}

/* What a member is beside its content. */
struct member_facts {
	struct attributes attributes;
	struct buf xattrs;  /* a list (images/xattr.h) */
	const char *member; /* for messages */
};

/* A path taken apart. */
struct writer_path {
	char text[PATH_MAX]; /* canonical: no leading slash, "." or "//"; "" is the root
			      */
	size_t dir_len;	     /* of the part that is its directory, without the slash */
	const char *base;    /* the last component; points into text */
};

/* Refuses "..", and what is too long or too deep. */
int writer_path_parse(const char *text, const struct unpack_limits *limits,
	struct writer_path *ret, struct err *err) __attribute__((warn_unused_result));

#define WRITER_NOT_DIR 1

/* Opens (and makes, when missing) the first `len` bytes of the path as the current
 * directory; a link of a lower layer on the way is followed inside the image.
 * WRITER_NOT_DIR when something else is in the way. */
int writer_enter(struct writer *w, const struct writer_path *path, size_t len,
	struct err *err) __attribute__((warn_unused_result));
/* Fills the current directory's canonical path into `ret` (PATH_MAX). */
void writer_where(const struct writer *w, char ret[PATH_MAX]);

/* A name in the current directory, 0 and what it is or -ENOENT. */
int writer_look(struct writer *w, const char *name, mode_t *ret_mode);
/* Something was removed since the beginning. */
bool writer_has_removed(const struct writer *w);
/* Removes whatever has the name, with all below it. */
int writer_remove(struct writer *w, const char *name, struct err *err)
	__attribute__((warn_unused_result));

/* Each makes `name` in the current directory; what was there is replaced. */
int writer_symlink(struct writer *w, const char *name, const char *target,
	const struct member_facts *m, struct err *err)
	__attribute__((warn_unused_result));
int writer_node(struct writer *w, const char *name, dev_t rdev,
	const struct member_facts *m, struct err *err)
	__attribute__((warn_unused_result));
int writer_whiteout(struct writer *w, const char *name, struct err *err)
	__attribute__((warn_unused_result));
/* The attributes are taken over. An existing directory only changes them; the name "" is
 * the root itself. */
int writer_dir(struct writer *w, const char *name, struct member_facts *m,
	struct err *err) __attribute__((warn_unused_result));
/* A regular file: open it, write its pieces, end it, close it in any case. */
int writer_file_open(struct writer *w, const char *name, const struct member_facts *m,
	int *ret, struct err *err) __attribute__((warn_unused_result));
int writer_file_write(struct writer *w, int file, const struct piece *piece,
	const char *member, struct err *err) __attribute__((warn_unused_result));
int writer_file_end(struct writer *w, int file, uint64_t size, uint64_t written_to,
	const struct member_facts *m, struct err *err)
	__attribute__((warn_unused_result));
void writer_file_close(struct writer *w, int file);
/* The file of a lower layer, found at `path`, as `name`. */
int writer_copy_up(struct writer *w, const struct lower_file *below, const char *path,
	const char *name, struct err *err) __attribute__((warn_unused_result));
/* What `name` is in the current directory: the target of the hard links that follow. */
int writer_hold_target(struct writer *w, const char *name, const char *member,
	struct err *err) __attribute__((warn_unused_result));
int writer_link(struct writer *w, const char *name, const char *member, struct err *err)
	__attribute__((warn_unused_result));

/* The current directory: hides what lower layers have there; or takes the place of a
 * deleted one, whose attributes it then does not inherit. */
int writer_hide_lower(struct writer *w, bool is_deleted, struct err *err)
	__attribute__((warn_unused_result));

/* Removes a file that no member is, and the directories on the way to it that were made
 * only for it, but not those of the first `keep` bytes of the path. */
int writer_forget(struct writer *w, const struct writer_path *path, size_t keep,
	struct err *err) __attribute__((warn_unused_result));

/* Gives every directory what it should have. Nothing may be made afterwards. */
int writer_finish(struct writer *w, struct err *err) __attribute__((warn_unused_result));

#endif
