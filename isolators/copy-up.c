/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/copy-up.h"

#include "common/cleanup.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#define DEPTH_MAX 64
#define CHUNK_MAX ((size_t)1 << 24)

static int copy_entries(int from, int to, dev_t dev, int depth);

static int copy_attributes(int to, const char *name, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISLNK(st->st_mode) && fchmodat(to, name, st->st_mode & 07777, 0) < 0)
		return -errno;
	return utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int copy_file(int from, int to, const char *name)
{
	cleanup_close int in = -1, out = -1;
	ssize_t n;

	in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (in < 0)
		return -errno;
	out = openat(
		to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return -errno;
	do {
		n = sendfile(out, in, NULL, CHUNK_MAX);
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : 0;
}

static int copy_link(int from, int to, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlinkat(target, to, name) < 0 ? -errno : 0;
}

static int copy_directory(int from, int to, const char *name, dev_t dev, int depth)
{
	cleanup_close int in = -1, out = -1;

	in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (in < 0 || mkdirat(to, name, 0700) < 0)
		return -errno;
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return out < 0 ? -errno : copy_entries(in, out, dev, depth + 1);
}

static int copy_one(int from, int to, const char *name, dev_t dev, int depth)
{
	struct stat st;
	int r;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode) && st.st_dev == dev)
		r = copy_directory(from, to, name, dev, depth);
	else if (S_ISREG(st.st_mode))
		r = copy_file(from, to, name);
	else if (S_ISLNK(st.st_mode))
		r = copy_link(from, to, name);
	else
		return 0;
	return r < 0 ? r : copy_attributes(to, name, &st);
}

static int copy_entries(int from, int to, dev_t dev, int depth)
{
	cleanup_closedir DIR *dir = NULL;
	struct dirent *e;
	int fd, r;

	if (depth > DEPTH_MAX)
		return -ELOOP;
	fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return -ENOMEM;
	}
	while (errno = 0, (e = readdir(dir))) {
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		r = copy_one(from, to, e->d_name, dev, depth);
		if (r < 0)
			return r;
	}
	return -errno;
}

int copy_up(int from_dirfd, int to_dirfd, struct err *err)
{
	struct stat st;
	int r;

	if (fstat(from_dirfd, &st) < 0)
		return err_set(err, errno, "examine the directory to copy up");
	r = copy_entries(from_dirfd, to_dirfd, st.st_dev, 0);
	if (r < 0)
		return err_set(err, -r, "copy up");
	if (fchmodat(to_dirfd, ".", st.st_mode & 07777, 0) < 0 ||
		fchownat(to_dirfd, ".", st.st_uid, st.st_gid, 0) < 0)
		return err_set(err, errno, "copy up the directory's mode and owner");
	return 0;
}
