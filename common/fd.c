/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fd.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* More than an image may be deep, so that ucr-unpack, which may not rename, never needs to. */
#define REMOVE_DEPTH_MAX 300

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

int fd_read_all(int fd, size_t max, char **ret, size_t *ret_len)
{
	cleanup_buf struct buf b = BUF_INIT;
	size_t want = 4096;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		want = (size_t)st.st_size < max ? (size_t)st.st_size + 1 : max + 1;
	for (;;) {
		char *at = buf_room(&b, want);

		if (!at)
			return -ENOMEM;
		n = read(fd, at, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		buf_add(&b, (size_t)n);
		if (b.len > max)
			return -EFBIG;
		want = 4096;
	}
	if (ret_len)
		*ret_len = b.len;
	*ret = buf_take(&b);
	return *ret ? 0 : -ENOMEM;
}

int fd_read_file(int dirfd, const char *name, size_t max, char **ret, size_t *ret_len)
{
	cleanup_close int fd = -1;
	struct stat st;

	fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return fd_read_all(fd, max, ret, ret_len);
}

int fd_read_kernel_file(int dirfd, const char *name, char *ret, size_t room)
{
	cleanup_close int fd = -1;
	size_t used = 0;
	ssize_t n;

	fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (used + 1 < room) {
		n = read(fd, ret + used, room - used - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	ret[used] = '\0';
	return 0;
}

int fd_write_kernel_file(int dirfd, const char *name, const char *value)
{
	cleanup_close int fd = -1;
	ssize_t n;

	fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do {
		n = write(fd, value, strlen(value));
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int fd_write_all(int fd, const void *data, size_t len)
{
	const char *at = data;
	ssize_t n;

	while (len > 0) {
		n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int fd_write_all_at(int fd, const void *data, size_t len, uint64_t offset)
{
	const char *at = data;
	ssize_t n;

	while (len > 0) {
		n = pwrite(fd, at, len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

void fd_random_name(const char *prefix, char *ret, size_t room)
{
	uint64_t r = 0;

	while (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
		;
	(void)snprintf(ret, room, "%s%016llx", prefix, (unsigned long long)r);
}

static int write_temporary(int dirfd, const char *tmp, const void *data, size_t len,
	mode_t mode, enum fd_sync sync)
{
	cleanup_close int fd = -1;
	int r;

	fd = openat(
		dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, data, len);
	if (r < 0)
		return r;
	if (sync == FD_SYNC && fsync(fd) < 0)
		return -errno;
	return close(take_fd(&fd)) < 0 ? -errno : 0;
}

static int sync_dir(int dirfd)
{
	cleanup_close int fd = -1;

	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int fd_replace_file(int dirfd, const char *name, const void *data, size_t len,
	mode_t mode, enum fd_sync sync)
{
	char tmp[64];
	int r;

	fd_random_name(".tmp-", tmp, sizeof(tmp));
	r = write_temporary(dirfd, tmp, data, len, mode, sync);
	if (r == 0 && renameat(dirfd, tmp, dirfd, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dirfd, tmp, 0);
		return r;
	}
	return sync == FD_SYNC ? sync_dir(dirfd) : 0;
}

int fd_unnamed(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

int fd_memfd_sealed(const char *name, const void *data, size_t len)
{
	cleanup_close int fd = -1;
	int r;

	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, data, len);
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS,
		    F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return take_fd(&fd);
}

int fd_mkdir_open(int dirfd, const char *name, mode_t mode)
{
	int fd;

	if (mkdirat(dirfd, name, mode) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* A tree that is removed; what lies too deep is first moved to its top, since whoever made the
 * tree may have made it deeper than there are descriptors. */
struct removal {
	int top_fd;
	dev_t dev;
	unsigned int moved;
};

static int remove_entries(struct removal *removal, int fd, int depth);

/* What is there under the new name may be replaced: it goes as well. */
static int move_to_top(struct removal *removal, int dirfd, const char *name)
{
	char to[32];

	if (geteuid() != 0)
		(void)!fchmodat(dirfd, name, 0700, 0);
	for (;;) {
		(void)snprintf(to, sizeof(to), ".deep-%u", removal->moved++);
		if (renameat(dirfd, name, removal->top_fd, to) == 0 || errno == ENOENT)
			return 0;
		if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR)
			return -errno;
	}
}

static int open_to_empty(int dirfd, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(dirfd, name, flags);

	if (fd < 0 && errno == EACCES && fchmodat(dirfd, name, 0700, 0) == 0)
		fd = openat(dirfd, name, flags);
	return fd < 0 ? -errno : fd;
}

/* Removes a directory that unlink refused: enters it, empties it, removes it. Another removal of
 * the same tree may be faster: what is gone is removed. */
static int remove_dir(struct removal *removal, int dirfd, const char *name, int depth)
{
	cleanup_close int fd = -1;
	struct stat st;
	int r;

	if (depth > REMOVE_DEPTH_MAX)
		return move_to_top(removal, dirfd, name);
	fd = open_to_empty(dirfd, name);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_dev != removal->dev)
		return -EXDEV;
	if ((st.st_mode & 0300) != 0300 && geteuid() != 0)
		(void)fchmod(fd, 0700);
	r = remove_entries(removal, take_fd(&fd), depth);
	if (r < 0)
		return r;
	return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

/* 1: a directory with entries. */
static int remove_simple(int dirfd, const char *name)
{
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0)
		return 0;
	return errno == ENOTDIR ? -EPERM : 1;
}

/* Takes the descriptor. */
static int remove_entries(struct removal *removal, int fd, int depth)
{
	cleanup_closedir DIR *dir = fdopendir(fd);
	struct dirent *e;
	int r;

	if (!dir) {
		(void)close(fd);
		return -ENOMEM;
	}
	while (errno = 0, (e = readdir(dir))) {
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		r = remove_simple(fd, e->d_name);
		if (r > 0)
			r = remove_dir(removal, fd, e->d_name, depth + 1);
		if (r < 0)
			return r;
	}
	return -errno;
}

/* As often as something was moved to the top. */
static int remove_top(struct removal *removal, int dirfd, const char *name)
{
	unsigned int moved;
	int r;

	do {
		moved = removal->moved;
		r = remove_dir(removal, dirfd, name, 0);
	} while (r == -ENOTEMPTY && removal->moved != moved);
	return r;
}

int fd_remove_tree(int dirfd, const char *name)
{
	cleanup_close int top_fd = -1;
	struct removal removal;
	struct stat st;
	int r;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	r = remove_simple(dirfd, name);
	if (r <= 0)
		return r;
	top_fd = open_to_empty(dirfd, name);
	if (top_fd < 0)
		return top_fd == -ENOENT ? 0 : top_fd;
	removal = (struct removal){ .top_fd = top_fd, .dev = st.st_dev };
	return remove_top(&removal, dirfd, name);
}

int fd_set_cloexec(int fd, bool is_on)
{
	return fcntl(fd, F_SETFD, is_on ? FD_CLOEXEC : 0) < 0 ? -errno : 0;
}

int fd_set_nonblock(int fd, bool is_on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = is_on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

void fd_open_stdio(void)
{
	struct pollfd fds[] = { { .fd = STDIN_FILENO }, { .fd = STDOUT_FILENO },
		{ .fd = STDERR_FILENO } };
	int fd;

	/* One call for the common case: POLLNVAL tells what is closed. */
	if (poll(fds, sizeof(fds) / sizeof(fds[0]), 0) <= 0)
		return;
	do {
		fd = open("/dev/null", O_RDONLY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

int fd_cloexec_from(int first)
{
	if (syscall(SYS_close_range, (unsigned int)first, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return -errno;
	return 0;
}

int fd_lock(int fd, bool is_exclusive, bool wait)
{
	int op = (is_exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB);

	while (flock(fd, op) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}
