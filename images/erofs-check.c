/* SPDX-License-Identifier: Apache-2.0 */
#include "images/erofs-check.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/str.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

/* A directory that was found and not looked into yet. */
struct found {
	uint32_t nid, parent;
};

struct check {
	const struct erofs_image *image;
	struct found *dirs;
	size_t dir_count, dir_room;
	uint8_t *seen; /* a bit for each number an inode could have */
	uint64_t inodes, inode_bytes, dir_bytes;
	struct err *err;
};

static int __attribute__((format(printf, 2, 3)))
bad(struct check *c, const char *format, ...)
{
	char what[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	return err_say(c->err, EBADMSG, "the EROFS image is not sound: %s", what);
}

static const void *bytes(const struct check *c, uint64_t at, uint64_t len)
{
	return at <= c->image->len && len <= c->image->len - at ? c->image->data + at
								: NULL;
}

static bool is_zero(const void *data, size_t len)
{
	const uint8_t *at = data;

	while (len && !*at) {
		at++;
		len--;
	}
	return !len;
}

/* ---- the superblock ---- */

static int check_super(struct check *c)
{
	const size_t slots_len = EROFS_DEVICES_MAX * sizeof(struct erofs_slot);
	const struct erofs_super *is = bytes(c, EROFS_SUPER_AT, sizeof(*is));
	struct erofs_super want = {
		.magic = htole32(EROFS_MAGIC),
		.feature_compat = htole32(EROFS_COMPAT_MTIME),
		.block_bits = EROFS_BLOCK_BITS,
		.root_nid = htole16(EROFS_INODES_AT / EROFS_NID),
		.blocks = htole32((uint32_t)(c->image->len / EROFS_BLOCK)),
		.feature_incompat =
			htole32(EROFS_INCOMPAT_CHUNKS | EROFS_INCOMPAT_DEVICES),
		.devices = htole16((uint16_t)c->image->device_count),
		.device_slot = htole16(EROFS_SLOTS_AT / sizeof(struct erofs_slot)),
	};

	if (!is || c->image->len % EROFS_BLOCK ||
		c->image->len / EROFS_BLOCK > UINT32_MAX ||
		!bytes(c, EROFS_INODES_AT, sizeof(struct erofs_inode)))
		return bad(c, "it has %zu bytes", c->image->len);
	want.inodes = is->inodes;
	if (memcmp(is, &want, sizeof(want)) != 0 ||
		!is_zero(bytes(c, EROFS_SLOTS_AT, slots_len), slots_len))
		return bad(c, "its superblock is another");
	return 0;
}

/* ---- inodes ---- */

static int check_xattr(struct check *c, const struct erofs_xattr *x)
{
	bool is_whole = x->name_index != EROFS_XATTR_USER &&
			x->name_index != EROFS_XATTR_SECURITY;
	const struct erofs_prefix *p = erofs_prefixes;

	while (p->text && p->index != x->name_index)
		p++;
	if (!p->text || is_whole != !x->name_len || memchr(x + 1, '\0', x->name_len))
		return bad(c, "an extended attribute has no good name");
	return 0;
}

/* What follows the inode; *ret_size is how much. */
static int check_xattrs(
	struct check *c, uint64_t at, const struct erofs_inode *inode, uint64_t *ret_size)
{
	uint16_t count = le16toh(inode->xattr_count);
	uint64_t done = sizeof(struct erofs_xattrs), size;
	int r = 0;

	*ret_size = 0;
	if (!count)
		return 0;
	size = sizeof(struct erofs_xattrs) + 4 * (uint64_t)(count - 1);
	if (!bytes(c, at, size) || !is_zero(bytes(c, at, done), done))
		return bad(c, "extended attributes lead out of it");
	while (r == 0 && done < size) {
		const struct erofs_xattr *x = bytes(c, at + done, sizeof(*x));

		done += erofs_align(sizeof(*x) + x->name_len + le16toh(x->value_len), 4);
		r = done > size ? bad(c, "extended attributes overlap")
				: check_xattr(c, x);
	}
	*ret_size = size;
	return r;
}

static int check_dir(
	struct check *c, const struct erofs_inode *inode, uint64_t at, uint64_t head)
{
	uint64_t size = le64toh(inode->size);

	if (le16toh(inode->format) != EROFS_PLAIN || !size ||
		!bytes(c, (uint64_t)le32toh(inode->place) << EROFS_BLOCK_BITS, size))
		return bad(c, "a directory leads out of it");
	/* None is looked at twice, and all together are no more than there is. */
	c->dir_bytes += size;
	return c->dir_bytes > c->image->len ? bad(c, "directories overlap") : 0;
}

static int check_chunk(struct check *c, const struct erofs_chunk *chunk, uint64_t len)
{
	uint16_t device = le16toh(chunk->device);
	uint64_t at = (uint64_t)le32toh(chunk->block) << EROFS_BLOCK_BITS, size;

	if (!device || device > c->image->device_count || chunk->block_high)
		return bad(c, "a file lies on device %u", device);
	size = erofs_align(c->image->device_sizes[device - 1], EROFS_BLOCK);
	if (at > size || len > size - at)
		return bad(c, "a file leads out of device %u", device);
	return 0;
}

static int check_file(
	struct check *c, const struct erofs_inode *inode, uint64_t at, uint64_t head)
{
	uint32_t place = le32toh(inode->place);
	uint64_t size = le64toh(inode->size), len;
	unsigned int bits = EROFS_BLOCK_BITS + (place & EROFS_CHUNK_BITS_MAX);
	const struct erofs_chunk *chunk;
	int r = 0;

	if (!size)
		return le16toh(inode->format) == EROFS_PLAIN && !place
			       ? 0
			       : bad(c, "an empty file has content");
	if (le16toh(inode->format) != EROFS_CHUNKED ||
		(place & ~EROFS_CHUNK_BITS_MAX) != EROFS_CHUNK_INDEXES ||
		size > INT64_MAX - (1ULL << bits) ||
		(size > 1ULL << bits && bits != EROFS_BLOCK_BITS + EROFS_CHUNK_BITS_MAX))
		return bad(c, "a file lies nowhere");
	at = erofs_align(at + head, sizeof(*chunk));
	for (uint64_t done = 0; r == 0 && done < size; done += 1ULL << bits) {
		chunk = bytes(c, at, sizeof(*chunk));
		if (!chunk)
			return bad(c, "a file leads out of it");
		len = size - done < 1ULL << bits ? size - done : 1ULL << bits;
		r = check_chunk(c, chunk, len);
		at += sizeof(*chunk);
	}
	return r;
}

static int check_symlink(
	struct check *c, const struct erofs_inode *inode, uint64_t at, uint64_t head)
{
	uint64_t size = le64toh(inode->size);
	uint16_t format = le16toh(inode->format);
	const void *target = NULL;

	if (!size || size >= PATH_MAX)
		return bad(c, "a link has a target of %" PRIu64 " bytes", size);
	if (format == EROFS_PLAIN)
		target = bytes(
			c, (uint64_t)le32toh(inode->place) << EROFS_BLOCK_BITS, size);
	if (format == EROFS_INLINE && at % EROFS_BLOCK + head + size <= EROFS_BLOCK)
		target = bytes(c, at + head, size);
	return target && !memchr(target, '\0', size) ? 0
						     : bad(c, "a link leads out of it");
}

static int check_special(
	struct check *c, const struct erofs_inode *inode, uint64_t at, uint64_t head)
{
	return le16toh(inode->format) == EROFS_PLAIN && !inode->size
		       ? 0
		       : bad(c, "a device or pipe has content");
}

static const struct {
	mode_t type;
	int (*check)(struct check *c, const struct erofs_inode *inode, uint64_t at,
		uint64_t head);
} kinds[] = {
	{ S_IFREG, check_file },
	{ S_IFDIR, check_dir },
	{ S_IFLNK, check_symlink },
	{ S_IFCHR, check_special },
	{ S_IFBLK, check_special },
	{ S_IFIFO, check_special },
};

static int check_inode(struct check *c, const struct erofs_inode *inode, uint64_t at)
{
	uint64_t head = sizeof(*inode), xattrs = 0;
	mode_t mode = le16toh(inode->mode);
	int r;

	if (inode->reserved || !is_zero(inode->reserved2, sizeof(inode->reserved2)))
		return bad(c, "an inode has what we do not know");
	r = check_xattrs(c, at + head, inode, &xattrs);
	if (r < 0)
		return r;
	/* Overlapping ones would make this last for ever. */
	c->inode_bytes += head + xattrs;
	if (c->inode_bytes > c->image->len)
		return bad(c, "inodes overlap");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].type == (mode & S_IFMT))
			return kinds[i].check(c, inode, at, head + xattrs);
	}
	return bad(c, "a file is of an unknown kind");
}

/* ---- directories ---- */

static int remember(struct check *c, uint32_t nid, uint32_t parent)
{
	if (array_grow(&c->dirs, c->dir_count, &c->dir_room, sizeof(*c->dirs)) < 0)
		return err_oom(c->err);
	c->dirs[c->dir_count++] = (struct found){ .nid = nid, .parent = parent };
	return 0;
}

/* What a name stands for. A file may have several names, a directory has one. */
static int check_node(struct check *c, uint64_t nid, uint8_t type, uint32_t parent)
{
	uint8_t bit = (uint8_t)(1 << nid % 8);
	const struct erofs_inode *inode = NULL;
	bool is_seen, is_dir;
	int r;

	if (nid >= EROFS_INODES_AT / EROFS_NID && nid < c->image->len / EROFS_NID)
		inode = bytes(c, nid * EROFS_NID, sizeof(*inode));
	if (!inode)
		return bad(c, "a name leads out of it");
	if (erofs_type_of(le16toh(inode->mode)) != type)
		return bad(c, "a name is of another kind than its file");
	is_seen = c->seen[nid / 8] & bit;
	is_dir = S_ISDIR(le16toh(inode->mode));
	if (is_seen)
		return is_dir ? bad(c, "a directory has two names") : 0;
	c->seen[nid / 8] |= bit;
	c->inodes++;
	r = check_inode(c, inode, nid * EROFS_NID);
	return r == 0 && is_dir ? remember(c, (uint32_t)nid, parent) : r;
}

struct name {
	const char *text;
	size_t len;
};

static bool is_after(const struct name *name, const struct name *last)
{
	size_t len = name->len < last->len ? name->len : last->len;
	int order = last->text ? memcmp(name->text, last->text, len) : 1;

	return order > 0 || (order == 0 && name->len > last->len);
}

static bool is_text(const struct name *name, const char *text)
{
	return name->len == strlen(text) && memcmp(name->text, text, name->len) == 0;
}

static int check_name(struct check *c, const struct found *dir, const struct name *name,
	const struct erofs_dirent *e)
{
	uint64_t nid = le64toh(e->nid);

	if (!name->len || name->len > NAME_MAX || memchr(name->text, '/', name->len) ||
		memchr(name->text, '\0', name->len))
		return bad(c, "a name is none");
	if (is_text(name, "."))
		return nid == dir->nid ? 0 : bad(c, "\".\" is another directory");
	if (is_text(name, ".."))
		return nid == dir->parent ? 0 : bad(c, "\"..\" is another directory");
	return check_node(c, nid, e->type, dir->nid);
}

/* One block of a directory; `last` is the name before and then the last one in it. */
static int check_block(struct check *c, const struct found *dir, const uint8_t *block,
	size_t len, struct name *last, size_t *dots)
{
	const struct erofs_dirent *e = (const struct erofs_dirent *)block;
	size_t at = len < sizeof(*e) ? 0 : le16toh(e->name_at), count = at / sizeof(*e);
	int r = 0;

	if (!count || at % sizeof(*e) || at >= len)
		return bad(c, "a directory has no names where they should be");
	for (size_t i = 0; r == 0 && i < count; i++) {
		size_t begin = le16toh(e[i].name_at);
		size_t end = i + 1 < count ? le16toh(e[i + 1].name_at) : len;
		struct name name = { .text = (const char *)block + begin };

		if (begin != at || end <= begin || end > len || e[i].reserved)
			return bad(c, "a directory's names are not in order");
		name.len = i + 1 < count ? end - begin : strnlen(name.text, end - begin);
		if (!is_after(&name, last))
			return bad(c, "a directory's names are not sorted");
		r = check_name(c, dir, &name, &e[i]);
		*dots += is_text(&name, ".") || is_text(&name, "..");
		*last = name;
		at = end;
	}
	return r;
}

static int check_names(struct check *c, const struct found *dir)
{
	const struct erofs_inode *inode =
		bytes(c, (uint64_t)dir->nid * EROFS_NID, sizeof(*inode));
	uint64_t at = (uint64_t)le32toh(inode->place) << EROFS_BLOCK_BITS;
	uint64_t left = le64toh(inode->size);
	struct name last = { 0 };
	size_t dots = 0;
	int r = 0;

	while (r == 0 && left) {
		size_t len = left < EROFS_BLOCK ? (size_t)left : EROFS_BLOCK;

		r = check_block(c, dir, bytes(c, at, len), len, &last, &dots);
		at += len;
		left -= len;
	}
	return r == 0 && dots != 2 ? bad(c, "a directory lacks \".\" or \"..\"") : r;
}

static int check_tree(struct check *c)
{
	const uint32_t root = EROFS_INODES_AT / EROFS_NID;
	const struct erofs_super *super = bytes(c, EROFS_SUPER_AT, sizeof(*super));
	int r = check_node(c, root, erofs_type_of(S_IFDIR), root);

	while (r == 0 && c->dir_count) {
		const struct found dir = c->dirs[--c->dir_count];

		r = check_names(c, &dir);
	}
	if (r == 0 && c->inodes != le64toh(super->inodes))
		r = bad(c, "it counts %" PRIu64 " files and has %" PRIu64,
			le64toh(super->inodes), c->inodes);
	return r;
}

int erofs_check(const struct erofs_image *image, struct err *err)
{
	struct check c = { .image = image, .err = err };
	int r;

	if (image->device_count > EROFS_DEVICES_MAX)
		return bad(&c, "it has %zu devices", image->device_count);
	c.seen = calloc(1, image->len / EROFS_NID / 8 + 1);
	if (!c.seen)
		return err_oom(err);
	r = check_super(&c);
	if (r == 0)
		r = check_tree(&c);
	free(c.seen);
	free(c.dirs);
	return r;
}
