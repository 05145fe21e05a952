/* SPDX-License-Identifier: Apache-2.0 */
#include "common/path.h"

#include "common/cleanup.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define OPEN_AGAIN_MAX 64
#define LINK_HOPS_MAX 8

/* EAGAIN: the kernel saw a rename or mount race with ".." and could not prove
 * containment. */
int path_open_scoped(
	int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC),
		.mode = flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? mode : 0,
		.resolve = resolve | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	for (int i = 0; i < OPEN_AGAIN_MAX; i++) {
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd < 0 ? -errno : (int)fd;
}

int path_open_in_root(int root_dirfd, const char *path, int flags, mode_t mode)
{
	return path_open_scoped(
		root_dirfd, *path ? path : ".", flags, mode, RESOLVE_IN_ROOT);
}

int path_open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
	return path_open_scoped(dirfd, *path ? path : ".", flags, mode,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

/* The next component of *path copied to `name`; 0 at the end, -ENAMETOOLONG. */
static int next_component(const char **path, char name[NAME_MAX + 1])
{
	size_t len;

	*path += strspn(*path, "/");
	len = strcspn(*path, "/");
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, *path, len);
	name[len] = '\0';
	*path += len;
	return (int)len;
}

/* Opens the first `len` bytes of a path in the root. */
static int open_prefix(int root_dirfd, const char *path, size_t len)
{
	cleanup_free char *prefix = strndup(path, len);

	if (!prefix)
		return -ENOMEM;
	return path_open_in_root(root_dirfd, prefix, O_PATH | O_DIRECTORY, 0);
}

static int make_component(int dirfd, const char *name, mode_t mode, uid_t uid, gid_t gid)
{
	if (mkdirat(dirfd, name, mode) < 0)
		return errno == EEXIST ? 0 : -errno;
	if ((uid || gid) && fchownat(dirfd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

/*
 * What exists is resolved from the root each time, so that links and ".." mean what they
 * mean inside; a component is only ever made by its single name below an open descriptor.
 */
int path_mkdir_in_root(
	int root_dirfd, const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	cleanup_close int fd = -1;
	const char *at = path;
	char name[NAME_MAX + 1];
	int next, n;

	fd = path_open_in_root(root_dirfd, path, O_PATH | O_DIRECTORY, 0);
	if (fd >= 0 || fd != -ENOENT)
		return take_fd(&fd);
	fd = path_open_in_root(root_dirfd, "/", O_PATH | O_DIRECTORY, 0);
	while (fd >= 0 && (n = next_component(&at, name)) != 0) {
		if (n < 0)
			return n;
		next = open_prefix(root_dirfd, path, (size_t)(at - path));
		if (next == -ENOENT) {
			n = make_component(fd, name, mode, uid, gid);
			if (n < 0)
				return n;
			next = open_prefix(root_dirfd, path, (size_t)(at - path));
		}
		(void)close(take_fd(&fd));
		fd = next;
	}
	return take_fd(&fd);
}

/* Makes the last component, whose parent exists, and opens it: one name below one descriptor. */
static int make_last(int dirfd, const char *base, int want_file)
{
	cleanup_close int fd = -1;
	int r;

	if (!want_file) {
		r = make_component(dirfd, base, 0755, 0, 0);
		if (r < 0)
			return r;
	} else {
		fd = openat(dirfd, base,
			O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0644);
		if (fd < 0 && errno != EEXIST)
			return -errno;
	}
	r = openat(dirfd, base, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return r < 0 ? -errno : r;
}

/* The directory that holds the last component of a path in the root, made when missing. */
static int open_parent(int root_dirfd, const char *path, size_t len)
{
	cleanup_free char *parent = strndup(path, len);

	if (!parent)
		return -ENOMEM;
	return path_mkdir_in_root(root_dirfd, parent, 0755, 0, 0);
}

/* What a link that leads nowhere yet says, as a path in the root. */
static char *link_target(int link_fd, const char *path)
{
	const char *base = path_base(path);
	char text[PATH_MAX];
	ssize_t n = readlinkat(link_fd, "", text, sizeof(text));

	if (n <= 0 || n == (ssize_t)sizeof(text))
		return NULL;
	if (*text == '/')
		return strndup(text, (size_t)n);
	return str_printf("%.*s%.*s", (int)(base - path), path, (int)n, text);
}

static int make_target(int root_dirfd, const char *path, int want_file, int hops);

/* A link lies there, or somebody has just put one: what it names is resolved anew, in the root. */
static int make_behind_link(
	int root_dirfd, int link_fd, const char *path, int want_file, int hops)
{
	cleanup_free char *target = NULL;
	int fd;

	fd = path_open_in_root(root_dirfd, path, O_PATH, 0);
	if (fd != -ENOENT)
		return fd;
	if (hops >= LINK_HOPS_MAX)
		return -ELOOP;
	target = link_target(link_fd, path);
	return target ? make_target(root_dirfd, target, want_file, hops + 1) : -ENOENT;
}

static int make_target(int root_dirfd, const char *path, int want_file, int hops)
{
	cleanup_close int dirfd = -1, fd = -1;
	const char *base = path_base(path);
	struct stat st;

	fd = path_open_in_root(root_dirfd, path, O_PATH, 0);
	if (fd != -ENOENT)
		return take_fd(&fd);
	if (!*base || str_eq(base, ".") || str_eq(base, ".."))
		return want_file ? -EISDIR
				 : path_mkdir_in_root(root_dirfd, path, 0755, 0, 0);
	dirfd = open_parent(root_dirfd, path, (size_t)(base - path));
	if (dirfd < 0)
		return dirfd;
	fd = make_last(dirfd, base, want_file);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode))
		return make_behind_link(root_dirfd, fd, path, want_file, hops);
	return take_fd(&fd);
}

int path_make_target(int root_dirfd, const char *path, int want_file)
{
	return make_target(root_dirfd, path, want_file, 0);
}

const char *path_of_fd(int fd, char ret[PATH_OF_FD_MAX])
{
	(void)snprintf(ret, PATH_OF_FD_MAX, "/proc/self/fd/%d", fd);
	return ret;
}

char *path_clean(const char *path)
{
	char *clean = malloc(strlen(path) + 2);
	size_t used = 0;

	if (!clean)
		return NULL;
	for (const char *at = path; *at;) {
		size_t len;

		at += strspn(at, "/");
		len = strcspn(at, "/");
		if (len == 2 && at[0] == '.' && at[1] == '.') {
			while (used > 0 && clean[--used] != '/')
				;
		} else if (len > 0 && !(len == 1 && at[0] == '.')) {
			clean[used++] = '/';
			memcpy(clean + used, at, len);
			used += len;
		}
		at += len;
	}
	if (!used)
		clean[used++] = '/';
	clean[used] = '\0';
	return clean;
}

const char *path_below(const char *path, const char *dir)
{
	const char *rest = str_skip_prefix(path, dir);

	if (!rest || !*rest || str_has_suffix(dir, "/"))
		return rest;
	return *rest == '/' ? rest + 1 : NULL;
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
