/* SPDX-License-Identifier: Apache-2.0 */
/* What erofs-tree.c (the sink), erofs-names.c (the names in it) and erofs-write.c (the image)
 * share. Nodes and entries are numbers, for they move while they grow in count; 0 is none. */
#ifndef UCR_IMAGES_EROFS_TREE_PRIVATE_H
#define UCR_IMAGES_EROFS_TREE_PRIVATE_H

#include "common/buf.h"
#include "images/erofs-data.h"
#include "images/erofs-tree.h"

#define EROFS_ROOT 1

struct erofs_node {
	uint32_t mode, uid, gid, links;
	int64_t mtime;
	uint32_t mtime_nsec;
	uint32_t parent, first; /* of a directory; what is in it, an entry */
	uint32_t rdev;
	uint32_t text; /* of a symbolic link: its target, in `texts` */
	uint32_t xattrs_len;
	uint64_t xattrs; /* a list (images/xattr.h), in `xattrs` */
	struct erofs_place place;
	bool is_opaque;
	/* erofs-write.c */
	uint64_t at, blocks_at;
};

/* A name in a directory. Without a node it was removed, and may come back. */
struct erofs_entry {
	uint32_t dir, node, name; /* in `names` */
	uint32_t next, before;	  /* in the directory; only with a node */
};

struct erofs_names {
	struct erofs_entry *entries;
	size_t count, room;
	uint32_t *table; /* entries by directory and name */
	size_t table_size;
	struct buf texts; /* each with its NUL */
	uint64_t seed;
};

struct erofs_tree {
	struct sink sink;
	struct notes *notes;
	struct erofs_data data;
	struct erofs_names names;
	struct erofs_node *nodes;
	size_t node_count, node_room;
	struct buf texts, xattrs;
};

/* ---- erofs-names.c ---- */

void erofs_names_init(struct erofs_names *names);
void erofs_names_done(struct erofs_names *names);
static inline const char *erofs_name(
	const struct erofs_names *names, const struct erofs_entry *entry)
{
	return names->texts.data + entry->name;
}
/* The entry of that name, with a node or without; 0. */
uint32_t erofs_names_find(
	const struct erofs_names *names, uint32_t dir, const char *name);
/* Makes one without a node. 0: out of memory. */
uint32_t erofs_names_add(struct erofs_names *names, uint32_t dir, const char *name);

/* Room for one more of `size` bytes in an array that starts with an unused one. */
int erofs_grow(void **array, size_t count, size_t *room, size_t size);

#endif
