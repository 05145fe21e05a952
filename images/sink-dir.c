/* SPDX-License-Identifier: Apache-2.0 */
/* A layer as directories of the disk; numbers are descriptors. */
#include "images/sink.h"

#include "common/fd.h"
#include "common/path.h"
#include "common/str.h"
#include "images/copy-file.h"
#include "images/unpack-proto.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

struct dir_sink {
	struct sink sink;
	struct notes *notes;
	uid_t uid; /* what new files belong to by themselves */
	gid_t gid;
};

static const struct dir_sink *dir_sink(const struct sink *s)
{
	return (const struct dir_sink *)s;
}

static int result(int r)
{
	return r < 0 ? -errno : 0;
}

static void free_sink(struct sink *s)
{
	if (s->root >= 0)
		(void)close(s->root);
	free(s);
}

static int open_dir(struct sink *s, int dir, const char *name)
{
	return path_open_beneath(dir, name, O_PATH | O_DIRECTORY, 0);
}

static void close_number(struct sink *s, int number)
{
	(void)close(number);
}

static int look(struct sink *s, int dir, const char *name, struct sink_facts *ret)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	*ret = (struct sink_facts){ .mode = st.st_mode, .inode = st.st_ino };
	return 0;
}

static int make_dir(struct sink *s, int dir, const char *name, mode_t mode)
{
	return result(mkdirat(dir, name, mode));
}

static int make_symlink(struct sink *s, int dir, const char *name, const char *target)
{
	return result(symlinkat(target, dir, name));
}

static int make_node(struct sink *s, int dir, const char *name, mode_t mode, dev_t rdev)
{
	return result(mknodat(dir, name, mode, rdev));
}

static int make_link(
	struct sink *s, int from_dir, const char *from, int dir, const char *name)
{
	return result(linkat(from_dir, from, dir, name, 0));
}

static int remove_tree(struct sink *s, int dir, const char *name)
{
	return fd_remove_tree(dir, name);
}

static int remove_dir(struct sink *s, int dir, const char *name)
{
	return result(unlinkat(dir, name, AT_REMOVEDIR));
}

static int make_file(struct sink *s, int dir, const char *name, mode_t mode)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		mode & 07777);

	return fd < 0 ? -errno : fd;
}

static int write_piece(struct sink *s, int file, const struct piece *piece)
{
	return fd_write_all_at(file, piece->data, piece->len, piece->offset);
}

static int set_size(struct sink *s, int file, uint64_t size)
{
	return result(ftruncate(file, (off_t)size));
}

static bool is_others(const struct sink *s, const struct attributes *a)
{
	return a->uid != dir_sink(s)->uid || a->gid != dir_sink(s)->gid;
}

/* Writing and chown(2) clear the bits of set-user-ID and set-group-ID. */
static int own_file(struct sink *s, int file, const struct attributes *a)
{
	if (is_others(s, a) && fchown(file, (uid_t)a->uid, (gid_t)a->gid) < 0)
		return -errno;
	return a->mode & 06000 ? result(fchmod(file, a->mode & 07777)) : 0;
}

static int own(struct sink *s, int dir, const char *name, const struct attributes *a)
{
	if (!name)
		return own_file(s, dir, a);
	if (!is_others(s, a))
		return 0;
	if (fchownat(dir, name, (uid_t)a->uid, (gid_t)a->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return !S_ISLNK(a->mode) && (a->mode & 06000)
		       ? result(fchmodat(dir, name, a->mode & 07777, 0))
		       : 0;
}

static int set_time(
	struct sink *s, int dir, const char *name, const struct timespec *mtime)
{
	const struct timespec times[2] = { *mtime, *mtime };

	return result(name ? utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW)
			   : futimens(dir, times));
}

/* The layer's own directory is somebody else's work. */
static int own_dir(struct sink *s, int dir, const char *name, const struct attributes *a,
	mode_t made_mode)
{
	cleanup_close int fd = -1;

	if (!str_eq(name, ".") && !is_others(s, a) && (a->mode & 07777) == made_mode)
		return 0;
	fd = path_open_beneath(dir, name, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	if (fchown(fd, (uid_t)a->uid, (gid_t)a->gid) < 0)
		return -errno;
	return result(fchmod(fd, a->mode & 07777));
}

static int set_xattrs(struct sink *s, int dir, const char *name, const struct buf *list,
	const char *member, struct err *err)
{
	struct xattr_file file = {
		.fd = name ? -1 : dir, .dirfd = dir, .name = name, .member = member
	};

	return xattr_list_set(list, &file, dir_sink(s)->notes, err);
}

static int set_opaque(struct sink *s, int dir)
{
	cleanup_close int fd = path_open_beneath(dir, ".", O_RDONLY | O_DIRECTORY, 0);

	return fd < 0 ? fd : result(fsetxattr(fd, UNPACK_OPAQUE_XATTR, "y", 1, 0));
}

static int copy_up(struct sink *s, int layer_fd, const char *path, int dir,
	const char *name, struct err *err)
{
	return copy_file_beneath(layer_fd, path, dir, name, dir_sink(s)->notes, err);
}

static const struct sink_ops dir_ops = {
	.free = free_sink,
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

int sink_dir_new(int root_dirfd, struct notes *notes, struct sink **ret, struct err *err)
{
	cleanup_free struct dir_sink *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return err_oom(err);
	*d = (struct dir_sink){
		.sink.ops = &dir_ops, .notes = notes, .uid = geteuid(), .gid = getegid()
	};
	d->sink.root = path_open_beneath(root_dirfd, ".", O_RDONLY | O_DIRECTORY, 0);
	if (d->sink.root < 0)
		return err_set(err, -d->sink.root, "open the directory to unpack to");
	if (fchmod(d->sink.root, 0700) < 0) {
		r = err_set(err, errno, "change the mode of the directory to unpack to");
		(void)close(d->sink.root);
		return r;
	}
	*ret = &take_ptr(d)->sink;
	return 0;
}
