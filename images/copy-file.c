/* SPDX-License-Identifier: Apache-2.0 */
#include "images/copy-file.h"

#include "common/path.h"
#include "common/str.h"
#include "images/xattr.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define READ_PIECE (1U << 17)

/* Where neither sharing nor copying inside the kernel works: across file systems, say. */
static int copy_by_reading(int from, int to, off_t at, off_t end)
{
	cleanup_free char *piece = malloc(READ_PIECE);
	ssize_t n, done;

	if (!piece)
		return -ENOMEM;
	while (at < end) {
		n = pread(from, piece,
			end - at < READ_PIECE ? (size_t)(end - at) : READ_PIECE, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		for (ssize_t put = 0; put < n; put += done) {
			done = pwrite(to, piece + put, (size_t)(n - put), at + put);
			if (done < 0 && errno != EINTR)
				return -errno;
			if (done < 0)
				done = 0;
		}
		at += n;
	}
	return 0;
}

static int copy_extent(int from, int to, off_t at, off_t end)
{
	off_t in = at, out = at;
	ssize_t n;

	while (in < end) {
		n = copy_file_range(from, &in, to, &out, (size_t)(end - in), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno == ENOSPC
				       ? -ENOSPC
				       : copy_by_reading(from, to, in, end);
	}
	return 0;
}

static int copy_data(int from, int to, off_t size)
{
	off_t at = 0, data, hole;
	int r;

	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	while (at < size) {
		data = lseek(from, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break; /* only a hole is left */
		hole = data < 0 ? size : lseek(from, data, SEEK_HOLE);
		if (data < 0)
			data = at;
		if (hole < 0 || hole > size)
			hole = size;
		r = copy_extent(from, to, data, hole);
		if (r < 0)
			return r;
		at = hole;
	}
	return ftruncate(to, size) < 0 ? -errno : 0;
}

static int copy_regular(int from_dirfd, const char *name, const struct stat *st,
	int to_dirfd, const char *to_name, struct notes *notes, struct err *err)
{
	struct timespec times[2] = { st->st_mtim, st->st_mtim };
	struct xattr_file from_file = { .member = name }, to_file = { .member = name };
	cleanup_close int from = -1, to = -1;
	char show[SHOWN_MAX];
	int r;

	from = openat(from_dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (from < 0)
		return err_set(err, errno, "open %s", shown(name, show));
	to = openat(to_dirfd, to_name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, st->st_mode & 0777);
	if (to < 0)
		return err_set(err, errno, "make %s", shown(to_name, show));
	r = copy_data(from, to, st->st_size);
	if (r < 0)
		return err_set(err, -r, "copy %s", shown(name, show));
	if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
		return err_set(
			err, errno, "change the owner and mode of %s", shown(name, show));
	from_file.fd = from;
	to_file.fd = to;
	r = xattr_copy(&from_file, &to_file, notes, err);
	if (r < 0)
		return r;
	return futimens(to, times) < 0
		       ? err_set(err, errno, "set the time of %s", shown(name, show))
		       : 0;
}

static int copy_symlink(
	int from_dirfd, const char *name, int to_dirfd, const char *to_name)
{
	char target[PATH_MAX];
	ssize_t n;

	n = readlinkat(from_dirfd, name, target, sizeof(target));
	if (n < 0 || n >= (ssize_t)sizeof(target))
		return n < 0 ? -errno : -ENAMETOOLONG;
	target[n] = '\0';
	return symlinkat(target, to_dirfd, to_name) < 0 ? -errno : 0;
}

static int copy_special(int from_dirfd, const char *name, const struct stat *st,
	int to_dirfd, const char *to_name, struct notes *notes, struct err *err)
{
	struct xattr_file from = {
		.fd = -1, .dirfd = from_dirfd, .name = name, .member = name
	};
	struct xattr_file to = {
		.fd = -1, .dirfd = to_dirfd, .name = to_name, .member = name
	};
	struct timespec times[2] = { st->st_mtim, st->st_mtim };
	char show[SHOWN_MAX];
	int r;

	if (S_ISLNK(st->st_mode))
		r = copy_symlink(from_dirfd, name, to_dirfd, to_name);
	else
		r = mknodat(to_dirfd, to_name, st->st_mode, st->st_rdev) < 0 ? -errno : 0;
	if (r == -EPERM) {
		notes_add(notes, NOTE_DEVICE, name);
		return 0;
	}
	if (r < 0)
		return err_set(err, -r, "make %s", shown(name, show));
	if (fchownat(to_dirfd, to_name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) <
			0 ||
		(!S_ISLNK(st->st_mode) &&
			fchmodat(to_dirfd, to_name, st->st_mode & 07777, 0) < 0))
		return err_set(
			err, errno, "change the owner and mode of %s", shown(name, show));
	r = xattr_copy(&from, &to, notes, err);
	if (r < 0)
		return r;
	return utimensat(to_dirfd, to_name, times, AT_SYMLINK_NOFOLLOW) < 0
		       ? err_set(err, errno, "set the time of %s", shown(name, show))
		       : 0;
}

int copy_file(int from_dirfd, const char *name, const struct stat *st, int to_dirfd,
	const char *to_name, struct notes *notes, struct err *err)
{
	return S_ISREG(st->st_mode)
		       ? copy_regular(from_dirfd, name, st, to_dirfd, to_name, notes, err)
		       : copy_special(
				 from_dirfd, name, st, to_dirfd, to_name, notes, err);
}

int copy_file_beneath(int from_dirfd, const char *path, int to_dirfd, const char *to_name,
	struct notes *notes, struct err *err)
{
	const char *base = path_base(path);
	cleanup_free char *parent = strndup(path, (size_t)(base - path));
	cleanup_close int dirfd = -1;
	char show[SHOWN_MAX];
	struct stat st;

	if (!parent)
		return err_oom(err);
	dirfd = path_open_beneath(from_dirfd, parent, O_PATH | O_DIRECTORY, 0);
	if (dirfd < 0 || fstatat(dirfd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, dirfd < 0 ? -dirfd : errno,
			"look at %s of a lower layer", shown(path, show));
	return copy_file(dirfd, base, &st, to_dirfd, to_name, notes, err);
}
