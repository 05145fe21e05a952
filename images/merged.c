/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All names of all layers are collected, each with its layer's place in the stack, and sorted by
 * name and place: of each group the first entry decides what the name is.
 */
#include "images/merged.h"

#include "common/array.h"
#include "common/path.h"
#include "images/lower.h"
#include "images/unpack-limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum kind { KIND_OTHER, KIND_DIRECTORY, KIND_WHITEOUT };

struct found {
	char *name;
	size_t place; /* in the stack: 0 is the topmost */
	enum kind kind;
};

struct finding {
	struct found *items;
	size_t count, room;
};

static void finding_done(struct finding *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->items[i].name);
	free(f->items);
}

/* ---- collecting ---- */

/* Only what may be a whiteout, or is not told, is looked at. -ENOENT: it is gone again. */
static int kind_of(int dirfd, const struct dirent *e, enum kind *ret)
{
	struct stat st;

	*ret = e->d_type == DT_DIR ? KIND_DIRECTORY : KIND_OTHER;
	if (e->d_type != DT_CHR && e->d_type != DT_UNKNOWN)
		return 0;
	if (fstatat(dirfd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		*ret = KIND_DIRECTORY;
	else if (is_whiteout(&st))
		*ret = KIND_WHITEOUT;
	return 0;
}

static int add(struct finding *f, const char *name, size_t place, enum kind kind)
{
	if (array_grow(&f->items, f->count, &f->room, sizeof(*f->items)) < 0)
		return -ENOMEM;
	f->items[f->count] = (struct found){ strdup(name), place, kind };
	return f->items[f->count++].name ? 0 : -ENOMEM;
}

static int collect(struct finding *f, int dirfd, size_t place)
{
	cleanup_closedir DIR *stream = NULL;
	struct dirent *e;
	enum kind kind;
	int fd, r;

	fd = path_open_beneath(dirfd, ".", O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	stream = fdopendir(fd);
	if (!stream) {
		(void)close(fd);
		return -ENOMEM;
	}
	while (errno = 0, (e = readdir(stream))) {
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		r = kind_of(fd, e, &kind);
		if (r == -ENOENT)
			continue;
		if (r == 0)
			r = add(f, e->d_name, place, kind);
		if (r < 0)
			return r;
	}
	return -errno;
}

/* ---- merging ---- */

static int compare(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r ? r : (x->place > y->place) - (x->place < y->place);
}

static int keep_name(struct merged_dir *dir, struct found *first, size_t n)
{
	struct merged_name *name = &dir->names[dir->count];

	if (first->kind == KIND_WHITEOUT)
		return 0;
	*name = (struct merged_name){ .layer = dir->stack.layers[first->place],
		.is_directory = first->kind == KIND_DIRECTORY };
	if (name->is_directory) {
		name->stack = calloc(1, sizeof(*name->stack));
		if (!name->stack)
			return -ENOMEM;
	}
	for (size_t i = 0; name->stack && i < n && first[i].kind == KIND_DIRECTORY; i++)
		name->stack->layers[name->stack->count++] =
			dir->stack.layers[first[i].place];
	name->name = take_ptr(first->name);
	dir->count++;
	return 0;
}

static int merge(struct finding *f, struct merged_dir *dir)
{
	size_t n;
	int r;

	dir->names = calloc(f->count + 1, sizeof(*dir->names));
	if (!dir->names)
		return -ENOMEM;
	if (f->count)
		qsort(f->items, f->count, sizeof(*f->items), compare);
	for (size_t i = 0; i < f->count; i += n) {
		for (n = 1; i + n < f->count &&
			    str_eq(f->items[i].name, f->items[i + n].name);
			n++)
			;
		r = keep_name(dir, &f->items[i], n);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- */

/* Down to the layer that hides the others. */
static int open_stack(const int *layer_fds, const char *path,
	const struct merged_stack *stack, struct merged_dir *dir)
{
	for (size_t i = 0; i < stack->count; i++) {
		int fd = path_open_beneath(
			layer_fds[stack->layers[i]], path, O_RDONLY | O_DIRECTORY, 0);

		if (fd < 0)
			return fd;
		dir->stack.layers[i] = stack->layers[i];
		dir->fds[dir->stack.count++] = fd;
		if (is_opaque(fd))
			break;
	}
	return 0;
}

int merged_dir_open(const int *layer_fds, const char *path,
	const struct merged_stack *stack, struct merged_dir *ret, struct err *err)
{
	cleanup_with(finding_done) struct finding f = { 0 };
	char show[SHOWN_MAX];
	int r;

	*ret = (struct merged_dir){ 0 };
	r = open_stack(layer_fds, path, stack, ret);
	for (size_t i = 0; r == 0 && i < ret->stack.count; i++)
		r = collect(&f, ret->fds[i], i);
	if (r == 0)
		r = merge(&f, ret);
	if (r < 0) {
		merged_dir_done(ret);
		return err_set(err, -r, "list the directory %s", shown(path, show));
	}
	return 0;
}

void merged_dir_close(struct merged_dir *dir)
{
	while (dir->stack.count > 0)
		(void)close(dir->fds[--dir->stack.count]);
}

void merged_dir_done(struct merged_dir *dir)
{
	merged_dir_close(dir);
	for (size_t i = 0; i < dir->count; i++) {
		free(dir->names[i].name);
		free(dir->names[i].stack);
	}
	free(dir->names);
	*dir = (struct merged_dir){ 0 };
}

int merged_dir_fd(const struct merged_dir *dir, unsigned char layer)
{
	for (size_t i = 0; i < dir->stack.count; i++) {
		if (dir->stack.layers[i] == layer)
			return dir->fds[i];
	}
	return -EBADF;
}
