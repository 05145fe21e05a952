/* SPDX-License-Identifier: Apache-2.0 */
#include "images/erofs-tree-private.h"

#include "common/path.h"
#include "common/str.h"
#include "images/erofs-format.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* What the kernel keeps of a device's number. */
#define MAJOR_MAX 0xfffU
#define MINOR_MAX 0xfffffU

static struct erofs_tree *tree_of(struct sink *s)
{
	return (struct erofs_tree *)s;
}

static struct erofs_node *node_of(struct sink *s, int number)
{
	return &tree_of(s)->nodes[number];
}

static void free_tree(struct sink *s)
{
	struct erofs_tree *t = tree_of(s);

	erofs_data_done(&t->data);
	erofs_names_done(&t->names);
	free(t->nodes);
	buf_done(&t->texts);
	buf_done(&t->xattrs);
	free(t);
}

/* ---- looking ---- */

/* The node of that name or 0. */
static uint32_t find(struct sink *s, int dir, const char *name)
{
	struct erofs_names *names = &tree_of(s)->names;
	uint32_t entry;

	if (str_eq(name, "."))
		return (uint32_t)dir;
	entry = erofs_names_find(names, (uint32_t)dir, name);
	return entry ? names->entries[entry].node : 0;
}

static int open_dir(struct sink *s, int dir, const char *name)
{
	uint32_t number = find(s, dir, name);
	mode_t mode;

	if (!number)
		return -ENOENT;
	mode = node_of(s, (int)number)->mode;
	if (!S_ISDIR(mode))
		return S_ISLNK(mode) ? -ELOOP : -ENOTDIR;
	return (int)number;
}

static void close_number(struct sink *s, int number)
{
}

static int look(struct sink *s, int dir, const char *name, struct sink_facts *ret)
{
	uint32_t number = find(s, dir, name);

	if (!number)
		return -ENOENT;
	*ret = (struct sink_facts){ .mode = node_of(s, (int)number)->mode,
		.inode = number };
	return 0;
}

/* ---- making ---- */

static int new_node(struct erofs_tree *t, mode_t mode, uint32_t *ret)
{
	if (erofs_grow((void **)&t->nodes, t->node_count, &t->node_room,
		    sizeof(*t->nodes)) < 0)
		return -ENOMEM;
	t->nodes[t->node_count] = (struct erofs_node){ .mode = mode };
	*ret = (uint32_t)t->node_count++;
	return 0;
}

/* Gives a node the name; -EEXIST. */
static int add_name(struct erofs_tree *t, uint32_t dir, const char *name, uint32_t node)
{
	uint32_t number = erofs_names_find(&t->names, dir, name);
	struct erofs_entry *e;

	if (number && t->names.entries[number].node)
		return -EEXIST;
	if (!number)
		number = erofs_names_add(&t->names, dir, name);
	if (!number)
		return -ENOMEM;
	e = &t->names.entries[number];
	e->node = node;
	e->before = 0;
	e->next = t->nodes[dir].first;
	if (e->next)
		t->names.entries[e->next].before = number;
	t->nodes[dir].first = number;
	t->nodes[node].links++;
	return 0;
}

static int make(struct sink *s, int dir, const char *name, mode_t mode, uint32_t *ret)
{
	int r;

	if (find(s, dir, name))
		return -EEXIST;
	r = new_node(tree_of(s), mode, ret);
	return r < 0 ? r : add_name(tree_of(s), (uint32_t)dir, name, *ret);
}

static int make_dir(struct sink *s, int dir, const char *name, mode_t mode)
{
	uint32_t number;
	int r = make(s, dir, name, S_IFDIR | (mode & 07777), &number);

	if (r == 0)
		node_of(s, (int)number)->parent = (uint32_t)dir;
	return r;
}

static int make_symlink(struct sink *s, int dir, const char *name, const char *target)
{
	struct buf *texts = &tree_of(s)->texts;
	uint32_t number;
	size_t at = texts->len;
	int r;

	if (strlen(target) >= PATH_MAX)
		return -ENAMETOOLONG;
	r = make(s, dir, name, S_IFLNK | 0777, &number);
	if (r < 0)
		return r;
	if (at > UINT32_MAX - PATH_MAX)
		return -ENOMEM;
	buf_put(texts, target, strlen(target) + 1);
	node_of(s, (int)number)->text = (uint32_t)at;
	return texts->failed ? -ENOMEM : 0;
}

static int make_node(struct sink *s, int dir, const char *name, mode_t mode, dev_t rdev)
{
	unsigned int high = major(rdev), low = minor(rdev);
	uint32_t number;
	int r;

	if (high > MAJOR_MAX || low > MINOR_MAX)
		return -EINVAL;
	r = make(s, dir, name, mode, &number);
	if (r == 0)
		node_of(s, (int)number)->rdev =
			(low & 0xff) | high << 8 | (low & ~0xffU) << 12;
	return r;
}

static int make_link(
	struct sink *s, int from_dir, const char *from, int dir, const char *name)
{
	uint32_t number = find(s, from_dir, from);

	if (!number)
		return -ENOENT;
	return add_name(tree_of(s), (uint32_t)dir, name, number);
}

static int make_file(struct sink *s, int dir, const char *name, mode_t mode)
{
	uint32_t number;
	int r = make(s, dir, name, S_IFREG | (mode & 07777), &number);

	return r < 0 ? r : (int)number;
}

static int write_piece(struct sink *s, int file, const struct piece *piece)
{
	return erofs_data_write(&tree_of(s)->data, &node_of(s, file)->place, piece);
}

static int set_size(struct sink *s, int file, uint64_t size)
{
	return erofs_data_set_size(&tree_of(s)->data, &node_of(s, file)->place, size);
}

/* ---- removing ---- */

static void drop(struct erofs_tree *t, uint32_t number);

static void drop_all(struct erofs_tree *t, uint32_t dir)
{
	while (t->nodes[dir].first)
		drop(t, t->nodes[dir].first);
}

/* Takes a name away, and all below it: no deeper than limits->depth, as it was made. */
static void drop(struct erofs_tree *t, uint32_t number)
{
	struct erofs_entry *e = &t->names.entries[number];
	struct erofs_node *node = &t->nodes[e->node];

	if (S_ISDIR(node->mode))
		drop_all(t, e->node);
	node->links--;
	if (e->before)
		t->names.entries[e->before].next = e->next;
	else
		t->nodes[e->dir].first = e->next;
	if (e->next)
		t->names.entries[e->next].before = e->before;
	e->node = 0;
}

static int remove_tree(struct sink *s, int dir, const char *name)
{
	if (find(s, dir, name))
		drop(tree_of(s),
			erofs_names_find(&tree_of(s)->names, (uint32_t)dir, name));
	return 0;
}

static int remove_dir(struct sink *s, int dir, const char *name)
{
	uint32_t number = find(s, dir, name);

	if (!number)
		return -ENOENT;
	if (!S_ISDIR(node_of(s, (int)number)->mode))
		return -ENOTDIR;
	return node_of(s, (int)number)->first ? -ENOTEMPTY : remove_tree(s, dir, name);
}

/* ---- attributes ---- */

static struct erofs_node *named(struct sink *s, int dir, const char *name)
{
	uint32_t number = name ? find(s, dir, name) : (uint32_t)dir;

	return number ? node_of(s, (int)number) : NULL;
}

static int own(struct sink *s, int dir, const char *name, const struct attributes *a)
{
	struct erofs_node *node = named(s, dir, name);

	if (!node)
		return -ENOENT;
	if (!S_ISLNK(node->mode))
		node->mode = (node->mode & S_IFMT) | (a->mode & 07777);
	node->uid = a->uid;
	node->gid = a->gid;
	return 0;
}

static int own_dir(struct sink *s, int dir, const char *name, const struct attributes *a,
	mode_t made_mode)
{
	return own(s, dir, name, a);
}

static int set_time(
	struct sink *s, int dir, const char *name, const struct timespec *mtime)
{
	struct erofs_node *node = named(s, dir, name);

	if (!node)
		return -ENOENT;
	node->mtime = mtime->tv_sec;
	node->mtime_nsec = (uint32_t)mtime->tv_nsec;
	return 0;
}

/* Of two of one name the last counts. */
static bool comes_again(const struct buf *list, size_t at, const char *name)
{
	struct xattr later;

	while (xattr_list_next(list, &at, &later)) {
		if (str_eq(later.name, name))
			return true;
	}
	return false;
}

static int keep_xattr(struct erofs_tree *t, const struct xattr *x)
{
	if (x->len > UINT16_MAX || strlen(x->name) > UINT8_MAX)
		return -E2BIG;
	return xattr_list_add(&t->xattrs, x->name, x->value, x->len);
}

/* Those that may be set, kept as they are. */
static int set_xattrs(struct sink *s, int dir, const char *name, const struct buf *list,
	const char *member, struct err *err)
{
	struct erofs_tree *t = tree_of(s);
	struct erofs_node *node = named(s, dir, name);
	uint64_t begin = t->xattrs.len;
	struct xattr x;
	size_t at = 0;
	int r;

	if (!node)
		return err_say(err, ENOENT, "a file went while it was written");
	while (xattr_list_next(list, &at, &x)) {
		if (comes_again(list, at, x.name) ||
			!xattr_is_allowed(x.name, node->mode, t->notes))
			continue;
		r = keep_xattr(t, &x);
		if (r < 0)
			return xattr_error(-r, x.name, member, err);
	}
	node->xattrs = begin;
	node->xattrs_len = (uint32_t)(t->xattrs.len - begin);
	return 0;
}

static int set_opaque(struct sink *s, int dir)
{
	node_of(s, dir)->is_opaque = true;
	return 0;
}

/* ---- files of lower layers ---- */

static int copy_content(struct sink *s, int from_fd, int file)
{
	char block[16384];
	struct piece piece = { .data = block, .position = PIECE_NOWHERE };
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read(from_fd, block, sizeof(block))) != 0) {
		if (n < 0)
			return -errno;
		piece.len = (size_t)n;
		r = write_piece(s, file, &piece);
		piece.offset += piece.len;
	}
	return r;
}

static int copy_regular(struct sink *s, int from_dirfd, const char *from, int dir,
	const char *name, const struct stat *st)
{
	cleanup_close int fd = path_open_beneath(from_dirfd, from, O_RDONLY, 0);
	int file;

	if (fd < 0)
		return fd;
	file = make_file(s, dir, name, st->st_mode);
	return file < 0 ? file : copy_content(s, fd, file);
}

static int copy_symlink(
	struct sink *s, int from_dirfd, const char *from, int dir, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from_dirfd, from, target, sizeof(target));

	if (n < 0 || n >= (ssize_t)sizeof(target))
		return n < 0 ? -errno : -ENAMETOOLONG;
	target[n] = '\0';
	return make_symlink(s, dir, name, target);
}

static int copy_kind(struct sink *s, int from_dirfd, const char *from, int dir,
	const char *name, const struct stat *st)
{
	if (S_ISREG(st->st_mode))
		return copy_regular(s, from_dirfd, from, dir, name, st);
	if (S_ISLNK(st->st_mode))
		return copy_symlink(s, from_dirfd, from, dir, name);
	return make_node(s, dir, name, st->st_mode, st->st_rdev);
}

static int copy_attributes(struct sink *s, int from_dirfd, const char *from, int dir,
	const char *name, const struct stat *st, struct err *err)
{
	const struct attributes a = { .mode = st->st_mode,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mtime = st->st_mtim };
	struct xattr_file file = {
		.fd = -1, .dirfd = from_dirfd, .name = from, .member = from
	};
	cleanup_buf struct buf list = BUF_INIT;
	int r = own(s, dir, name, &a);

	if (r == 0)
		r = set_time(s, dir, name, &a.mtime);
	if (r == 0)
		r = xattr_read(&file, &list, err);
	return r < 0 ? r : set_xattrs(s, dir, name, &list, from, err);
}

static int copy_up(struct sink *s, int layer_fd, const char *path, int dir,
	const char *name, struct err *err)
{
	const char *base = path_base(path);
	cleanup_free char *parent = strndup(path, (size_t)(base - path));
	cleanup_close int dirfd = -1;
	char show[SHOWN_MAX];
	struct stat st;
	int r;

	if (!parent)
		return err_oom(err);
	dirfd = path_open_beneath(layer_fd, parent, O_PATH | O_DIRECTORY, 0);
	if (dirfd < 0 || fstatat(dirfd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, dirfd < 0 ? -dirfd : errno,
			"look at %s of a lower layer", shown(path, show));
	r = copy_kind(s, dirfd, base, dir, name, &st);
	if (r < 0)
		return err_set(err, -r, "copy %s", shown(path, show));
	return copy_attributes(s, dirfd, base, dir, name, &st, err);
}

static const struct sink_ops tree_ops = {
	.free = free_tree,
	.open_dir = open_dir,
	.close_dir = close_number,
	.look = look,
	.make_dir = make_dir,
	.make_symlink = make_symlink,
	.make_node = make_node,
	.make_link = make_link,
	.remove = remove_tree,
	.remove_dir = remove_dir,
	.make_file = make_file,
	.write = write_piece,
	.set_size = set_size,
	.close_file = close_number,
	.own = own,
	.set_time = set_time,
	.own_dir = own_dir,
	.set_xattrs = set_xattrs,
	.set_opaque = set_opaque,
	.copy_up = copy_up,
};

int erofs_tree_new(const struct erofs_files *files, struct notes *notes,
	struct sink **ret, struct err *err)
{
	cleanup_free struct erofs_tree *t = calloc(1, sizeof(*t));
	uint32_t root = 0;

	if (!t)
		return err_oom(err);
	t->sink = (struct sink){ .ops = &tree_ops, .root = EROFS_ROOT };
	t->notes = notes;
	t->data.fd = files->data_fd;
	t->data.archive_fd = files->archive_fd;
	t->data.archive_offset = files->archive_offset;
	t->node_count = EROFS_ROOT;
	erofs_names_init(&t->names);
	if (erofs_data_init(&t->data) < 0 || new_node(t, S_IFDIR | 0700, &root) < 0) {
		free_tree(&take_ptr(t)->sink);
		return err_oom(err);
	}
	t->nodes[root].parent = root;
	t->nodes[root].links = 1;
	*ret = &take_ptr(t)->sink;
	return 0;
}
