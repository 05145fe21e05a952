/* SPDX-License-Identifier: Apache-2.0 */
/* The operations "copy" (layers merged into one directory, as overlayfs would show them)
 * and "remove". */
#include "images/unpack.h"

#include "common/fd.h"
#include "common/path.h"
#include "images/copy-file.h"
#include "images/hard-links.h"
#include "images/lower.h"
#include "images/xattr.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#define PROGRESS_EVERY 4096 /* files */

struct copy {
	struct unpack_job *job;
	int dest_fd;
	char path[PATH_MAX]; /* of the current directory, "" or ending in a slash */
	size_t path_len;
	size_t depth;
	struct hard_links links; /* of the layer that is being copied */
	uint64_t files;
};

/* 1 when the file was copied under another name before and is now linked to it. */
static int try_link(struct copy *c, const struct stat *st, int to_fd, const char *name,
	struct err *err)
{
	const char *first = hard_links_find(&c->links, st);
	cleanup_free char *parent = NULL;
	cleanup_close int dirfd = -1;
	char show[SHOWN_MAX];
	const char *base;

	if (!first)
		return 0;
	base = path_base(first);
	parent = strndup(first, (size_t)(base - first));
	if (!parent)
		return err_oom(err);
	dirfd = path_open_beneath(c->dest_fd, parent, O_PATH | O_DIRECTORY, 0);
	if (dirfd < 0 || linkat(dirfd, base, to_fd, name, 0) < 0)
		return err_set(err, dirfd < 0 ? -dirfd : errno, "make the hard link %s",
			shown(name, show));
	return 1;
}

static int remove_name(int fd, const char *name, struct err *err)
{
	char show[SHOWN_MAX];
	int r = fd_remove_tree(fd, name);

	return r < 0 ? err_set(err, -r, "remove %s", shown(name, show)) : 0;
}

static int copy_one(struct copy *c, int from_fd, int to_fd, const char *name,
	const struct stat *st, struct err *err)
{
	int r;

	r = remove_name(to_fd, name, err);
	if (r < 0)
		return r;
	if (st->st_nlink > 1) {
		r = try_link(c, st, to_fd, name, err);
		if (r != 0)
			return r < 0 ? r : 0;
		if (hard_links_add(&c->links, st, str_printf("%s%s", c->path, name)) < 0)
			return err_oom(err);
	}
	if (++c->files % PROGRESS_EVERY == 0) {
		r = unpack_progress(c->job, "copy", 0, 0, c->files, 0, err);
		if (r < 0)
			return r;
	}
	return copy_file(from_fd, name, st, to_fd, name, &c->job->notes, err);
}

/* The directory as the layer has it; what lower layers gave it goes. */
static int copy_attributes(
	struct copy *c, int from_fd, int to_fd, const struct stat *st, struct err *err)
{
	struct timespec times[2] = { st->st_mtim, st->st_mtim };
	struct xattr_file from = { .fd = from_fd, .member = c->path };
	struct xattr_file to = { .fd = to_fd, .member = c->path };
	char show[SHOWN_MAX];
	int r;

	if (fchown(to_fd, st->st_uid, st->st_gid) < 0 ||
		fchmod(to_fd, st->st_mode & 07777) < 0)
		return err_set(err, errno, "change the owner and mode of %s",
			shown(c->path, show));
	r = xattr_clear(to_fd, c->path, err);
	if (r == 0)
		r = xattr_copy(&from, &to, &c->job->notes, err);
	if (r < 0)
		return r;
	return futimens(to_fd, times) < 0
		       ? err_set(err, errno, "set the time of %s", shown(c->path, show))
		       : 0;
}

static int copy_dir(struct copy *c, int from_fd, int to_fd, struct err *err);

/* Makes the destination's directory, empty when the layer's hides what was there. */
static int make_dir(
	int from_fd, int to_dirfd, const char *name, int *ret_fd, struct err *err)
{
	char show[SHOWN_MAX];
	struct stat st;
	int r, fd;

	if (fstatat(to_dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		(!S_ISDIR(st.st_mode) || is_opaque(from_fd))) {
		r = remove_name(to_dirfd, name, err);
		if (r < 0)
			return r;
	}
	if (mkdirat(to_dirfd, name, 0700) < 0 && errno != EEXIST)
		return err_set(err, errno, "make the directory %s", shown(name, show));
	fd = path_open_beneath(to_dirfd, name, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return err_set(err, -fd, "open the directory %s", shown(name, show));
	*ret_fd = fd;
	return 0;
}

static int copy_subdir(
	struct copy *c, int from_dirfd, int to_dirfd, const char *name, struct err *err)
{
	cleanup_close int from_fd = -1, to_fd = -1;
	size_t len = strlen(name), before = c->path_len;
	char show[SHOWN_MAX];
	int r;

	if (before + len + 2 > sizeof(c->path) ||
		c->depth >= c->job->request.limits.depth)
		return err_say(err, ENAMETOOLONG, "the directory %s is too deep",
			shown(name, show));
	from_fd = path_open_beneath(from_dirfd, name, O_RDONLY | O_DIRECTORY, 0);
	if (from_fd < 0)
		return err_set(err, -from_fd, "open the directory %s", shown(name, show));
	r = make_dir(from_fd, to_dirfd, name, &to_fd, err);
	if (r < 0)
		return r;
	memcpy(c->path + before, name, len);
	memcpy(c->path + before + len, "/", 2);
	c->path_len = before + len + 1;
	c->depth++;
	r = copy_dir(c, from_fd, to_fd, err);
	c->depth--;
	c->path_len = before;
	c->path[before] = '\0';
	return r;
}

static int copy_entry(
	struct copy *c, int from_fd, int to_fd, const char *name, struct err *err)
{
	char show[SHOWN_MAX];
	struct stat st;

	if (fstatat(from_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, errno, "look at %s", shown(name, show));
	if (is_whiteout(&st))
		return remove_name(to_fd, name, err);
	if (S_ISDIR(st.st_mode))
		return copy_subdir(c, from_fd, to_fd, name, err);
	return copy_one(c, from_fd, to_fd, name, &st, err);
}

static int copy_dir(struct copy *c, int from_fd, int to_fd, struct err *err)
{
	cleanup_closedir DIR *dir = NULL;
	char show[SHOWN_MAX];
	struct dirent *e;
	struct stat st;
	int fd, r = 0;

	fd = path_open_beneath(from_fd, ".", O_RDONLY | O_DIRECTORY, 0);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir || fstat(from_fd, &st) < 0)
		return err_set(err, fd < 0 ? -fd : errno, "open the directory %s",
			shown(c->path, show));
	while (r == 0 && (errno = 0, e = readdir(dir))) {
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			r = copy_entry(c, from_fd, to_fd, e->d_name, err);
	}
	if (r == 0 && errno)
		return err_set(err, errno, "list the directory %s", shown(c->path, show));
	return r < 0 ? r : copy_attributes(c, from_fd, to_fd, &st, err);
}

static int check_empty(int fd, struct err *err)
{
	cleanup_closedir DIR *dir = NULL;
	struct dirent *e;
	int list_fd;

	list_fd = path_open_beneath(fd, ".", O_RDONLY | O_DIRECTORY, 0);
	dir = list_fd < 0 ? NULL : fdopendir(list_fd);
	if (!dir)
		return err_set(
			err, list_fd < 0 ? -list_fd : errno, "open the destination");
	while ((e = readdir(dir))) {
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			return err_say(
				err, ENOTEMPTY, "the destination directory is not empty");
	}
	return 0;
}

static int copy_layer(struct copy *c, int layer_fd, struct err *err)
{
	cleanup_close int from_fd = -1, to_fd = -1;
	int r;

	from_fd = path_open_beneath(layer_fd, ".", O_RDONLY | O_DIRECTORY, 0);
	to_fd = path_open_beneath(c->dest_fd, ".", O_RDONLY | O_DIRECTORY, 0);
	if (from_fd < 0 || to_fd < 0)
		return err_set(err, from_fd < 0 ? -from_fd : -to_fd, "open a layer");
	r = copy_dir(c, from_fd, to_fd, err);
	hard_links_done(&c->links);
	return r;
}

int unpack_copy(struct unpack_job *job, struct err *err)
{
	struct copy *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_oom(err);
	c->job = job;
	c->dest_fd = job->msg->fds[0];
	r = check_empty(c->dest_fd, err);
	for (size_t i = 1; r == 0 && i < job->msg->fd_count; i++)
		r = copy_layer(c, job->msg->fds[i], err);
	free(c);
	return r < 0 ? r : unpack_done(job, NULL, 0, err);
}

int unpack_remove(struct unpack_job *job, struct err *err)
{
	const char *name = job->request.name;
	int r;

	if (str_empty(name) || strchr(name, '/') || str_eq(name, ".") ||
		str_eq(name, ".."))
		return err_say(err, EPROTO, "the request names nothing to remove");
	r = remove_name(job->msg->fds[0], name, err);
	return r < 0 ? r : unpack_done(job, NULL, 0, err);
}
