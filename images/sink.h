/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a layer is written into: directories of the disk (sink-dir.c), or the tree of an
 * EROFS image (erofs-tree.c). images/writer.h decides what is to be made; a sink only does
 * it. Directories and open files are numbers that mean something to the sink alone.
 *
 * All operations but free return 0 (or a number) or -errno. Names are single components, never
 * followed.
 */
#ifndef UCR_IMAGES_SINK_H
#define UCR_IMAGES_SINK_H

#include "images/notes.h"
#include "images/xattr.h"

#include <sys/stat.h>
#include <time.h>

struct attributes {
	mode_t mode;
	uint32_t uid, gid;
	struct timespec mtime;
};

/* Some of a file's bytes. */
struct piece {
	const void *data;
	size_t len;
	uint64_t offset;   /* in the file */
	uint64_t position; /* in the archive that the layer came as, or PIECE_NOWHERE */
};
#define PIECE_NOWHERE UINT64_MAX

struct sink_facts {
	mode_t mode;
	uint64_t inode;
};

struct sink;

struct sink_ops {
	void (*free)(struct sink *s);

	/* A directory below `dir` ("." for a second number of itself); -ENOENT, or -ENOTDIR or
	 * -ELOOP for something else of that name. */
	int (*open_dir)(struct sink *s, int dir, const char *name);
	void (*close_dir)(struct sink *s, int dir);
	int (*look)(struct sink *s, int dir, const char *name, struct sink_facts *ret);

	/* -EEXIST when the name is taken. */
	int (*make_dir)(struct sink *s, int dir, const char *name, mode_t mode);
	int (*make_symlink)(
		struct sink *s, int dir, const char *name, const char *target);
	int (*make_node)(
		struct sink *s, int dir, const char *name, mode_t mode, dev_t rdev);
	int (*make_link)(struct sink *s, int from_dir, const char *from, int dir,
		const char *name);

	/* With all that is below it. */
	int (*remove)(struct sink *s, int dir, const char *name);
	/* An empty directory. */
	int (*remove_dir)(struct sink *s, int dir, const char *name);

	/* A new regular file, open until close_file. Its size is set when it is not where the
	 * last piece ends. */
	int (*make_file)(struct sink *s, int dir, const char *name, mode_t mode);
	int (*write)(struct sink *s, int file, const struct piece *piece);
	int (*set_size)(struct sink *s, int file, uint64_t size);
	void (*close_file)(struct sink *s, int file);

	/* Owner, then mode, which changing the owner may have cut; `name` NULL: of the open
	 * file `dir`. Only what making it left different. */
	int (*own)(struct sink *s, int dir, const char *name, const struct attributes *a);
	int (*set_time)(
		struct sink *s, int dir, const char *name, const struct timespec *mtime);
	/* Of a directory below `dir`, which was made with `made_mode`. */
	int (*own_dir)(struct sink *s, int dir, const char *name,
		const struct attributes *a, mode_t made_mode);
	/* A list (images/xattr.h); errors are told in full. */
	int (*set_xattrs)(struct sink *s, int dir, const char *name,
		const struct buf *list, const char *member, struct err *err);
	/* Hides what lower layers have in the directory; -EOPNOTSUPP. */
	int (*set_opaque)(struct sink *s, int dir);

	/* A file of a lower layer, exactly; errors are told in full. */
	int (*copy_up)(struct sink *s, int layer_fd, const char *path, int dir,
		const char *name, struct err *err);
};

struct sink {
	const struct sink_ops *ops;
	int root; /* the number of the layer's own directory */
};

#define cleanup_sink cleanup_with(sink_free_ptr)

static inline void sink_free(struct sink *s)
{
	if (s)
		s->ops->free(s);
}
static inline void sink_free_ptr(struct sink **s)
{
	sink_free(*s);
}

/* An empty directory; `notes` is borrowed. */
int sink_dir_new(int root_dirfd, struct notes *notes, struct sink **ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
