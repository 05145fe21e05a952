/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree written as an image: first every inode and directory gets its place, then all is
 * written from the beginning to the end.
 */
#include "images/erofs-tree-private.h"

#include "common/fd.h"
#include "common/str.h"
#include "images/erofs-format.h"
#include "images/unpack-proto.h"

#include <endian.h>
#include <errno.h>
#include <sys/stat.h>

#define BUFFER_SIZE (256U << 10)
#define OPAQUE_NAME "overlay.opaque" /* UNPACK_OPAQUE_XATTR without its prefix */
_Static_assert(sizeof(UNPACK_OPAQUE_XATTR) == sizeof("user." OPAQUE_NAME), "the same");

/* A name of a directory, "." and ".." among them, in the order of the image. */
struct item {
	uint32_t dir, node;
	const char *name;
};

struct image {
	struct erofs_tree *tree;
	struct item *items;
	size_t item_count;
	uint64_t inodes, blocks_at, end;
	bool has_archive;
	int fd;
	struct buf out;
	uint64_t written; /* before `out` */
};

/* ---- the order of names ---- */

static int compare_items(const void *a, const void *b)
{
	const struct item *ia = a, *ib = b;

	if (ia->dir != ib->dir)
		return ia->dir < ib->dir ? -1 : 1;
	return strcmp(ia->name, ib->name);
}

static bool is_there(const struct erofs_node *node)
{
	return node->links > 0;
}

static int list_names(struct image *im)
{
	const struct erofs_tree *t = im->tree;
	size_t n = 0;

	im->items = reallocarray(
		NULL, t->names.count + 2 * t->node_count, sizeof(*im->items));
	if (!im->items)
		return -ENOMEM;
	for (size_t i = 1; i < t->names.count; i++) {
		const struct erofs_entry *e = &t->names.entries[i];

		if (e->node)
			im->items[n++] = (struct item){ .dir = e->dir,
				.node = e->node,
				.name = erofs_name(&t->names, e) };
	}
	for (uint32_t i = EROFS_ROOT; i < t->node_count; i++) {
		const struct erofs_node *node = &t->nodes[i];

		if (!is_there(node) || !S_ISDIR(node->mode))
			continue;
		im->items[n++] = (struct item){ .dir = i, .node = i, .name = "." };
		im->items[n++] =
			(struct item){ .dir = i, .node = node->parent, .name = ".." };
	}
	qsort(im->items, n, sizeof(*im->items), compare_items);
	im->item_count = n;
	return 0;
}

/* How many of the names from `first` on go into one block of the directory, and what they take.
 */
static size_t fill_block(const struct image *im, size_t first, size_t *ret_bytes)
{
	size_t n = first, bytes = 0;

	while (n < im->item_count && im->items[n].dir == im->items[first].dir) {
		size_t more = sizeof(struct erofs_dirent) + strlen(im->items[n].name);

		if (bytes + more > EROFS_BLOCK)
			break;
		bytes += more;
		n++;
	}
	*ret_bytes = bytes;
	return n - first;
}

/* ---- places ---- */

static const struct erofs_prefix *prefix_of(const char *name)
{
	const struct erofs_prefix *p = erofs_prefixes;

	while (p->text && !str_skip_prefix(name, p->text))
		p++;
	return p;
}

static struct buf list_of(const struct erofs_tree *t, const struct erofs_node *node)
{
	if (!node->xattrs_len)
		return (struct buf)BUF_INIT;
	return (struct buf){ .data = t->xattrs.data + node->xattrs,
		.len = node->xattrs_len };
}

static size_t xattr_size(size_t name_len, size_t value_len)
{
	return erofs_align(sizeof(struct erofs_xattr) + name_len + value_len, 4);
}

/* Of all of a node, 0 when it has none. */
static size_t xattrs_size(const struct erofs_tree *t, const struct erofs_node *node)
{
	const struct buf list = list_of(t, node);
	size_t size = node->is_opaque ? xattr_size(strlen(OPAQUE_NAME), 1) : 0, at = 0;
	struct xattr x;

	while (xattr_list_next(&list, &at, &x))
		size += xattr_size(
			strlen(x.name) - strlen(prefix_of(x.name)->text), x.len);
	return size ? size + sizeof(struct erofs_xattrs) : 0;
}

static const char *target_of(const struct erofs_tree *t, const struct erofs_node *node)
{
	return t->texts.data + node->text;
}

/* How many chunks a file is in, and how many blocks (as a power of two) each has. */
static uint64_t chunks_of(const struct erofs_node *node, unsigned int *ret_bits)
{
	unsigned int bits = 0;

	while (bits < EROFS_CHUNK_BITS_MAX &&
		node->place.size > 1ULL << (EROFS_BLOCK_BITS + bits))
		bits++;
	*ret_bits = bits;
	return (node->place.size + (1ULL << (EROFS_BLOCK_BITS + bits)) - 1) >>
	       (EROFS_BLOCK_BITS + bits);
}

static size_t head_size(const struct erofs_tree *t, const struct erofs_node *node)
{
	return sizeof(struct erofs_inode) + xattrs_size(t, node);
}

/* The kernel reads a target behind an inode only where it ends in the block it begins in. */
static bool is_inline(const struct erofs_tree *t, const struct erofs_node *node)
{
	return head_size(t, node) + strlen(target_of(t, node)) <= EROFS_BLOCK;
}

static int place_inode(struct image *im, struct erofs_node *node)
{
	const struct erofs_tree *t = im->tree;
	size_t size = head_size(t, node);
	unsigned int bits;

	if (size - sizeof(struct erofs_inode) > EROFS_XATTRS_MAX)
		return -E2BIG;
	node->at = erofs_align(im->end, EROFS_NID);
	if (S_ISREG(node->mode) && node->place.size) {
		size = erofs_align(size, sizeof(struct erofs_chunk));
		size += chunks_of(node, &bits) * sizeof(struct erofs_chunk);
		im->has_archive =
			im->has_archive || node->place.device == EROFS_ARCHIVE_DEVICE;
	}
	if (S_ISLNK(node->mode) && is_inline(t, node)) {
		size += strlen(target_of(t, node));
		if (node->at % EROFS_BLOCK + size > EROFS_BLOCK)
			node->at = erofs_align(im->end, EROFS_BLOCK);
	}
	im->end = node->at + size;
	im->inodes++;
	return 0;
}

static void place_blocks(struct image *im, size_t *item, struct erofs_node *node)
{
	const struct erofs_tree *t = im->tree;
	size_t bytes = 0;

	node->blocks_at = im->end;
	if (S_ISLNK(node->mode) && !is_inline(t, node))
		im->end = erofs_align(im->end + strlen(target_of(t, node)), EROFS_BLOCK);
	if (!S_ISDIR(node->mode))
		return;
	for (uint32_t dir = im->items[*item].dir;
		*item < im->item_count && im->items[*item].dir == dir;) {
		*item += fill_block(im, *item, &bytes);
		node->place.size = im->end + bytes - node->blocks_at;
		im->end += EROFS_BLOCK;
	}
}

static int place_all(struct image *im)
{
	struct erofs_tree *t = im->tree;
	size_t item = 0;
	int r = 0;

	im->end = EROFS_INODES_AT;
	for (size_t i = EROFS_ROOT; r == 0 && i < t->node_count; i++) {
		if (is_there(&t->nodes[i]))
			r = place_inode(im, &t->nodes[i]);
	}
	im->end = erofs_align(im->end, EROFS_BLOCK);
	im->blocks_at = im->end;
	for (size_t i = EROFS_ROOT; r == 0 && i < t->node_count; i++) {
		if (is_there(&t->nodes[i]))
			place_blocks(im, &item, &t->nodes[i]);
	}
	return im->end >> EROFS_BLOCK_BITS > UINT32_MAX ? -EFBIG : r;
}

/* ---- writing ---- */

static int flush(struct image *im)
{
	int r = im->out.failed ? -ENOMEM
			       : fd_write_all(im->fd, im->out.data, im->out.len);

	im->written += im->out.len;
	buf_reset(&im->out);
	return r;
}

/* Nothing up to there. */
static void put_gap(struct image *im, uint64_t to)
{
	static const char nothing[EROFS_INODES_AT];

	buf_put(&im->out, nothing, to - im->written - im->out.len);
}

static void put_super(struct image *im)
{
	struct erofs_super super = {
		.magic = htole32(EROFS_MAGIC),
		.feature_compat = htole32(EROFS_COMPAT_MTIME),
		.block_bits = EROFS_BLOCK_BITS,
		.root_nid = htole16(EROFS_INODES_AT / EROFS_NID),
		.inodes = htole64(im->inodes),
		.blocks = htole32((uint32_t)(im->end >> EROFS_BLOCK_BITS)),
		.feature_incompat =
			htole32(EROFS_INCOMPAT_CHUNKS | EROFS_INCOMPAT_DEVICES),
		.devices = htole16(im->has_archive ? 2 : 1),
		.device_slot = htole16(EROFS_SLOTS_AT / sizeof(struct erofs_slot)),
	};
	const struct erofs_slot slots[EROFS_DEVICES_MAX] = { 0 };

	put_gap(im, EROFS_SUPER_AT);
	buf_put(&im->out, &super, sizeof(super));
	buf_put(&im->out, slots, sizeof(slots));
}

static void put_xattr(
	struct image *im, uint8_t index, const char *name, const void *value, size_t len)
{
	const struct erofs_xattr head = { .name_len = (uint8_t)strlen(name),
		.name_index = index,
		.value_len = htole16((uint16_t)len) };

	buf_put(&im->out, &head, sizeof(head));
	buf_put(&im->out, name, strlen(name));
	buf_put(&im->out, value, len);
	put_gap(im, erofs_align(im->written + im->out.len, 4));
}

static void put_xattrs(struct image *im, const struct erofs_node *node)
{
	const struct erofs_xattrs head = { 0 };
	const struct buf list = list_of(im->tree, node);
	struct xattr x;
	size_t at = 0;

	if (!node->xattrs_len && !node->is_opaque)
		return;
	buf_put(&im->out, &head, sizeof(head));
	if (node->is_opaque)
		put_xattr(im, EROFS_XATTR_USER, OPAQUE_NAME, "y", 1);
	while (xattr_list_next(&list, &at, &x)) {
		const struct erofs_prefix *p = prefix_of(x.name);

		put_xattr(im, p->index, x.name + strlen(p->text), x.value, x.len);
	}
}

static void put_chunks(struct image *im, const struct erofs_node *node)
{
	uint32_t block = (uint32_t)(node->place.at >> EROFS_BLOCK_BITS);
	uint64_t count;
	unsigned int bits;

	count = chunks_of(node, &bits);
	put_gap(im, erofs_align(im->written + im->out.len, sizeof(struct erofs_chunk)));
	for (uint64_t i = 0; i < count; i++) {
		const struct erofs_chunk chunk = {
			.device = htole16(
				im->has_archive ? node->place.device : EROFS_DATA_DEVICE),
			.block = htole32(block + (uint32_t)(i << bits)),
		};

		buf_put(&im->out, &chunk, sizeof(chunk));
	}
}

static uint32_t block_of(const struct erofs_node *node)
{
	return (uint32_t)(node->blocks_at >> EROFS_BLOCK_BITS);
}

/* What depends on the kind of file. */
static void describe(
	const struct image *im, const struct erofs_node *node, struct erofs_inode *ret)
{
	const struct erofs_tree *t = im->tree;
	unsigned int bits;

	ret->format = EROFS_PLAIN;
	ret->size = node->place.size;
	if (S_ISDIR(node->mode)) {
		ret->place = block_of(node);
	} else if (S_ISLNK(node->mode)) {
		ret->size = strlen(target_of(t, node));
		ret->format = is_inline(t, node) ? EROFS_INLINE : EROFS_PLAIN;
		ret->place = is_inline(t, node) ? 0 : block_of(node);
	} else if (!S_ISREG(node->mode)) {
		ret->place = node->rdev;
	} else if (node->place.size) {
		(void)chunks_of(node, &bits);
		ret->format = EROFS_CHUNKED;
		ret->place = EROFS_CHUNK_INDEXES | bits;
	}
}

static void put_inode(struct image *im, uint32_t number)
{
	const struct erofs_node *node = &im->tree->nodes[number];
	size_t xattrs = xattrs_size(im->tree, node);
	struct erofs_inode inode = { 0 };

	describe(im, node, &inode);
	inode.format = htole16(inode.format);
	inode.xattr_count = htole16(
		(uint16_t)(xattrs ? (xattrs - sizeof(struct erofs_xattrs)) / 4 + 1 : 0));
	inode.mode = htole16((uint16_t)node->mode);
	inode.size = htole64(inode.size);
	inode.place = htole32(inode.place);
	inode.number = htole32(number);
	inode.uid = htole32(node->uid);
	inode.gid = htole32(node->gid);
	inode.mtime = htole64((uint64_t)node->mtime);
	inode.mtime_nsec = htole32(node->mtime_nsec);
	inode.links = htole32(node->links);
	put_gap(im, node->at);
	buf_put(&im->out, &inode, sizeof(inode));
	put_xattrs(im, node);
	if (S_ISREG(node->mode) && node->place.size)
		put_chunks(im, node);
	if (S_ISLNK(node->mode) && is_inline(im->tree, node))
		buf_puts(&im->out, target_of(im->tree, node));
}

static void put_dir_block(struct image *im, size_t first, size_t count)
{
	size_t name_at = count * sizeof(struct erofs_dirent);

	for (size_t i = first; i < first + count; i++) {
		const struct erofs_node *node = &im->tree->nodes[im->items[i].node];
		const struct erofs_dirent e = { .nid = htole64(node->at / EROFS_NID),
			.name_at = htole16((uint16_t)name_at),
			.type = erofs_type_of(node->mode) };

		buf_put(&im->out, &e, sizeof(e));
		name_at += strlen(im->items[i].name);
	}
	for (size_t i = first; i < first + count; i++)
		buf_puts(&im->out, im->items[i].name);
	put_gap(im, erofs_align(im->written + im->out.len, EROFS_BLOCK));
}

static int put_blocks(struct image *im, size_t *item, const struct erofs_node *node)
{
	uint32_t dir = *item < im->item_count ? im->items[*item].dir : 0;
	size_t count, bytes;
	int r = 0;

	if (S_ISLNK(node->mode) && !is_inline(im->tree, node)) {
		buf_puts(&im->out, target_of(im->tree, node));
		put_gap(im, erofs_align(im->written + im->out.len, EROFS_BLOCK));
	}
	while (r == 0 && S_ISDIR(node->mode) && *item < im->item_count &&
		im->items[*item].dir == dir) {
		count = fill_block(im, *item, &bytes);
		put_dir_block(im, *item, count);
		*item += count;
		if (im->out.len >= BUFFER_SIZE)
			r = flush(im);
	}
	return r;
}

static int put_all(struct image *im)
{
	struct erofs_tree *t = im->tree;
	size_t item = 0;
	int r = 0;

	put_super(im);
	for (uint32_t i = EROFS_ROOT; r == 0 && i < t->node_count; i++) {
		if (is_there(&t->nodes[i]))
			put_inode(im, i);
		if (im->out.len >= BUFFER_SIZE)
			r = flush(im);
	}
	put_gap(im, im->blocks_at);
	for (uint32_t i = EROFS_ROOT; r == 0 && i < t->node_count; i++) {
		if (is_there(&t->nodes[i]))
			r = put_blocks(im, &item, &t->nodes[i]);
	}
	return r < 0 ? r : flush(im);
}

/* Each directory counts itself and those in it. */
static void count_links(struct erofs_tree *t)
{
	for (size_t i = EROFS_ROOT; i < t->node_count; i++) {
		struct erofs_node *node = &t->nodes[i];

		if (is_there(node) && S_ISDIR(node->mode)) {
			node->links++;
			if (i != EROFS_ROOT)
				t->nodes[node->parent].links++;
		}
	}
}

int erofs_tree_write(
	struct sink *sink, int image_fd, bool *ret_has_archive, struct err *err)
{
	struct image im = { .tree = (struct erofs_tree *)sink, .fd = image_fd };
	int r;

	r = erofs_data_finish(&im.tree->data);
	if (r < 0)
		return err_set(err, -r, "write the content of the layer's files");
	count_links(im.tree);
	r = list_names(&im);
	if (r == 0)
		r = place_all(&im);
	if (r == 0)
		r = put_all(&im);
	free(im.items);
	buf_done(&im.out);
	*ret_has_archive = im.has_archive;
	return r < 0 ? err_set(err, -r, "write the layer's EROFS image") : 0;
}
