/* SPDX-License-Identifier: Apache-2.0 */
/* The directories of a layer: what they are to become, and the pass that makes them so.
 */
#include "images/writer-private.h"

#include "common/cleanup.h"
#include "common/path.h"
#include "common/str.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <unistd.h>

static int compare_dirs(const void *a, const void *b)
{
	return strcmp(((const struct dir *)a)->path, ((const struct dir *)b)->path);
}

static void free_dir(void *p)
{
	struct dir *dir = p;

	free(dir->path);
	buf_done(&dir->xattrs);
	free(dir);
}

void writer_dirs_free(struct writer *w)
{
	tdestroy(w->dirs, free_dir);
	w->dirs = NULL;
}

struct dir *writer_dir_record(struct writer *w, const char *path)
{
	struct dir key = { .path = (char *)(uintptr_t)path }, *dir;
	struct dir **found = tfind(&key, &w->dirs, compare_dirs);

	if (found)
		return *found;
	dir = calloc(1, sizeof(*dir));
	if (dir)
		dir->path = strdup(path);
	if (!dir || !dir->path || !tsearch(dir, &w->dirs, compare_dirs)) {
		if (dir)
			free(dir->path);
		free(dir);
		return NULL;
	}
	w->dir_count++;
	return dir;
}

int writer_dir_made(struct writer *w, const char *path, mode_t made_mode)
{
	struct dir *dir = writer_dir_record(w, path);

	if (!dir)
		return -ENOMEM;
	/* Nobody says when it was last changed: the same answer each time. */
	dir->attributes = (struct attributes){ .mode = S_IFDIR | 0755 };
	dir->made_mode = made_mode;
	dir->is_described = false;
	dir->is_new = false;
	buf_done(&dir->xattrs);
	return 0;
}

static int hide_here(struct writer *w, struct err *err);

/* One name of a lower layer that shows through: a whiteout, or, where both have a directory,
 * what is in that. */
static int hide_name(struct writer *w, const char *name, struct err *err)
{
	cleanup_free char *path =
		str_printf("%s%s%s", w->path, *w->path ? "/" : "", name);
	struct lower_file below;
	mode_t mode = 0;
	int r;

	if (!path)
		return err_oom(err);
	r = lower_find(w->lower, path, &below, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = writer_look(w, name, &mode);
	if (r == -ENOENT)
		return writer_whiteout(w, name, err);
	if (r < 0 || !S_ISDIR(mode) || !S_ISDIR(below.st.st_mode))
		return r < 0 ? err_set(err, -r, "look at %s", path) : 0;
	r = writer_push(w, name);
	if (r < 0)
		return err_set(err, -r, "open %s", path);
	r = hide_here(w, err);
	w->path[w->levels[w->depth - 1].path_len] = '\0';
	w->sink->ops->close_dir(w->sink, w->levels[w->depth--].dir);
	return r;
}

static int hide_names_of(struct writer *w, int layer_fd, struct err *err)
{
	cleanup_closedir DIR *dir = NULL;
	struct dirent *e;
	int fd, r = 0;

	fd = path_open_beneath(layer_fd, w->path, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return 0; /* this layer has no such directory */
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return err_oom(err);
	}
	while (r == 0 && (errno = 0, e = readdir(dir))) {
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			r = hide_name(w, e->d_name, err);
	}
	if (r == 0 && errno)
		return err_set(err, errno, "list a directory of a lower layer");
	return r;
}

static int hide_names(struct writer *w, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->lower->count; i++)
		r = hide_names_of(w, w->lower->fds[i], err);
	return r;
}

/* Overlayfs does not look for the mark on a layer's root, and some file systems cannot keep
 * it: there every name is hidden by itself. */
static int hide_here(struct writer *w, struct err *err)
{
	char show[SHOWN_MAX];
	int r;

	if (!w->depth)
		return hide_names(w, err);
	r = w->sink->ops->set_opaque(w->sink, writer_at(w));
	if (r == -EOPNOTSUPP)
		return hide_names(w, err);
	return r < 0 ? err_set(err, -r, "make %s opaque", shown(w->path, show)) : 0;
}

int writer_hide_lower(struct writer *w, bool is_deleted, struct err *err)
{
	struct dir *dir = writer_dir_record(w, w->path);

	if (!dir)
		return err_oom(err);
	dir->is_new = dir->is_new || is_deleted;
	return hide_here(w, err);
}

/* The path without its last component; 0 at the top. */
static size_t parent_len(const char *path, size_t len)
{
	while (len > 0 && path[len - 1] != '/')
		len--;
	return len ? len - 1 : 0;
}

int writer_forget(
	struct writer *w, const struct writer_path *path, size_t keep, struct err *err)
{
	int r = 0;

	if (writer_reenter(w, path, path->dir_len))
		r = writer_remove(w, path->base, err);
	for (size_t len = path->dir_len; r == 0 && len > keep;
		len = parent_len(path->text, len)) {
		cleanup_free char *text = strndup(path->text, len);
		struct dir *dir = text ? writer_dir_record(w, text) : NULL;

		if (!dir)
			return err_oom(err);
		if (dir->is_described ||
			!writer_reenter(w, path, parent_len(path->text, len)) ||
			w->sink->ops->remove_dir(w->sink, writer_at(w), path_base(text)) <
				0)
			break;
	}
	return r;
}

/* A directory without a member of its own is the lower layers' with something changed in
 * it. */
static int inherit(struct writer *w, struct dir *dir, struct err *err)
{
	struct lower_file below;
	struct xattr_file from = { .member = dir->path };
	cleanup_close int fd = -1;
	char show[SHOWN_MAX];
	int r;

	if (dir->is_described || dir->is_new || !w->lower->count)
		return 0;
	r = lower_find(w->lower, dir->path, &below, err);
	if (r != 0 || !S_ISDIR(below.st.st_mode))
		return r < 0 ? r : 0;
	dir->attributes = (struct attributes){ .mode = below.st.st_mode,
		.uid = below.st.st_uid,
		.gid = below.st.st_gid,
		.mtime = below.st.st_mtim };
	fd = path_open_beneath(below.layer_fd, dir->path, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return err_set(
			err, -fd, "open %s of a lower layer", shown(dir->path, show));
	from.fd = fd;
	return xattr_read(&from, &dir->xattrs, err);
}

static int finish_dir(struct writer *w, struct dir *dir, struct err *err)
{
	const char *base = *dir->path ? path_base(dir->path) : ".";
	const struct attributes *a = &dir->attributes;
	const struct sink_ops *ops = w->sink->ops;
	char show[SHOWN_MAX];
	int r;

	r = ops->own_dir(w->sink, writer_at(w), base, a, dir->made_mode);
	if (r < 0)
		return writer_own_error(-r, "the directory", dir->path, a, err);
	if (dir->xattrs.len)
		r = ops->set_xattrs(
			w->sink, writer_at(w), base, &dir->xattrs, dir->path, err);
	if (r < 0)
		return r;
	r = ops->set_time(w->sink, writer_at(w), base, &a->mtime);
	return r < 0 ? err_set(err, -r, "set the time of %s", shown(dir->path, show)) : 0;
}

/* True when the directory is still there: a later member may have taken its place. */
static bool enter_parent(struct writer *w, const struct dir *dir)
{
	struct writer_path path;
	mode_t mode = 0;

	if (writer_path_parse(dir->path, w->limits, &path, NULL) < 0 ||
		!writer_reenter(w, &path, path.dir_len))
		return false;
	return !*dir->path || (writer_look(w, path.base, &mode) == 0 && S_ISDIR(mode));
}

struct dir_list {
	struct dir **items;
	size_t count;
};

static void collect(const void *node, VISIT visit, void *arg)
{
	struct dir_list *list = arg;

	if (visit == postorder || visit == leaf)
		list->items[list->count++] = *(struct dir *const *)node;
}

int writer_finish(struct writer *w, struct err *err)
{
	cleanup_free struct dir **items =
		reallocarray(NULL, w->dir_count, sizeof(*items));
	struct dir_list list = { .items = items };
	int r = 0;

	if (!items)
		return err_oom(err);
	twalk_r(w->dirs, collect, &list);
	/* Backwards: a directory after all that is in it, so that none is closed to us
	 * yet. */
	for (size_t i = list.count; r == 0 && i-- > 0;) {
		if (!enter_parent(w, items[i]))
			continue;
		r = inherit(w, items[i], err);
		if (r == 0)
			r = finish_dir(w, items[i], err);
	}
	return r;
}
