/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-nested.h"

#include "agentd/container-private.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

#define CHILDREN "children"
#define NAMES "names"

const char *container_parent(const struct container *container)
{
	size_t depth = strv_len(container->parents);

	return depth ? container->parents[depth - 1] : NULL;
}

bool container_is_in(const struct container *container, const char *id)
{
	return !id || strv_contains(container->parents, id);
}

/* ---- directories ---- */

static int open_directory(struct engine *engine, const char *id, const char *name)
{
	cleanup_close int dirfd = container_open(engine, id);
	int fd;

	if (dirfd < 0)
		return dirfd;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

static int make_in(struct engine *engine, const char *id, const char *name)
{
	cleanup_close int dirfd = container_open(engine, id);

	return dirfd < 0 ? dirfd : fd_mkdir_open(dirfd, name, 0700);
}

int container_names(struct engine *engine, const char *parent)
{
	int fd;

	if (parent)
		return make_in(engine, parent, NAMES);
	fd = openat(engine_names_dirfd(engine), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void container_disown(struct engine *engine, const char *parent, const char *id)
{
	cleanup_close int dirfd = open_directory(engine, parent, CHILDREN);

	if (dirfd >= 0)
		(void)unlinkat(dirfd, id, 0);
}

struct below {
	struct engine *engine;
	int depth;
	int (*fn)(const char *id, void *arg);
	void *arg;
};

static int each_below(struct engine *engine, const char *id, int depth,
	int (*fn)(const char *id, void *arg), void *arg);

static int visit(const char *name, void *arg)
{
	const struct below *b = arg;
	int r = container_is_full_id(name) ? b->fn(name, b->arg) : 0;

	return r <= 0 ? r : each_below(b->engine, name, b->depth + 1, b->fn, b->arg);
}

/* Goes down where `fn` returns 1. Of one that is gone meanwhile nothing. */
static int each_below(struct engine *engine, const char *id, int depth,
	int (*fn)(const char *id, void *arg), void *arg)
{
	struct below b = { engine, depth, fn, arg };
	cleanup_close int dirfd = open_directory(engine, id, CHILDREN);

	if (dirfd == -ENOENT || depth > CONTAINER_DEPTH_MAX)
		return 0;
	return dirfd < 0 ? dirfd : container_each(dirfd, "", visit, &b);
}

static int count(const char *id, void *arg)
{
	(void)id;
	return ++*(size_t *)arg <= CONTAINER_BELOW_MAX;
}

static int note_child(
	struct engine *engine, const char *parent, const char *id, struct err *err)
{
	cleanup_close int dirfd = make_in(engine, parent, CHILDREN), fd = -1;

	if (dirfd >= 0)
		fd = openat(dirfd, id,
			O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(err, dirfd < 0 ? -dirfd : errno,
			"note a container in container %.*s", CONTAINER_SHORT_ID, parent);
	return 0;
}

/* Noted first and counted then: of two at once both may be refused, but never one too many be let
 * in. */
int container_adopt(
	struct engine *engine, const struct container *container, struct err *err)
{
	const char *outermost = *container->parents,
		   *parent = container_parent(container);
	size_t below = 0;
	int r = note_child(engine, parent, container->id, err);

	if (r < 0)
		return r;
	r = each_below(engine, outermost, 1, count, &below);
	if (r < 0)
		(void)err_set(err, -r, "count the containers in container %.*s",
			CONTAINER_SHORT_ID, outermost);
	else if (below > CONTAINER_BELOW_MAX)
		r = err_say(err, EACCES,
			"%d containers are in container %.*s already, which is the most; "
			"remove some that have ended",
			CONTAINER_BELOW_MAX, CONTAINER_SHORT_ID, outermost);
	if (r < 0)
		container_disown(engine, parent, container->id);
	return r;
}

/* ---- finding ---- */

int container_find_in(struct engine *engine, const char *id, const char *name,
	struct container **ret, struct err *err)
{
	cleanup_container struct container *container = NULL;
	/* -ENOENT where there were no children yet: no name is found there. */
	cleanup_close int dirfd =
		id ? open_directory(engine, id, NAMES) : container_names(engine, NULL);
	char found[CONTAINER_ID_MAX];
	int r = container_resolve(dirfd, name, found);

	if (r == 0)
		r = container_load(engine, found, &container, err);
	/* What may not be seen is not there, in the same words. */
	if (r == -ENOENT || (r == 0 && !container_is_in(container, id)))
		return container_say_none(name, err);
	if (r == 0)
		*ret = take_ptr(container);
	return r;
}

struct listing {
	struct engine *engine;
	struct container_list list;
	size_t room;
	bool is_deep;
	struct err *err;
};

static int list_one(const char *id, void *arg)
{
	struct listing *l = arg;
	struct container *container;
	int r = container_load(l->engine, id, &container, l->err);

	if (r == -ENOENT)
		return 0;
	if (r == 0 && array_grow(&l->list.items, l->list.count, &l->room,
			      sizeof(*l->list.items)) < 0) {
		container_free(container);
		r = err_oom(l->err);
	}
	if (r < 0)
		return r;
	l->list.items[l->list.count++] = container;
	return l->is_deep;
}

int container_list_in(struct engine *engine, const char *id, bool is_deep,
	struct container_list *ret, struct err *err)
{
	struct listing l = { .engine = engine, .is_deep = is_deep, .err = err };
	int r;

	if (err)
		err->code = 0;
	r = each_below(engine, id, 1, list_one, &l);
	if (r < 0) {
		container_list_done(&l.list);
		return err && err->code ? r : err_set(err, -r, "list containers");
	}
	container_list_sort(&l.list);
	*ret = l.list;
	return 0;
}

/* ---- ends ---- */

int container_keep(struct engine *engine, const char *parent, struct err *err)
{
	cleanup_container struct container *container = NULL;
	cleanup_close int fd = open_directory(engine, parent, CHILDREN);
	int r = fd < 0 ? fd : fd_lock(fd, false, true);

	if (r < 0)
		return err_set(err, -r, "keep the container that this one is in");
	r = container_load(engine, parent, &container, err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT || container->status == CONTAINER_EXITED ||
		container->status == CONTAINER_LOST)
		return err_say(err, ESRCH, "the container that this one is in has ended");
	return take_fd(&fd);
}

/* A copy that a process got by fork(2) does not hold the lock. */
void container_let_end(int *keep_fd)
{
	if (*keep_fd < 0)
		return;
	(void)flock(*keep_fd, LOCK_UN);
	(void)close(take_fd(keep_fd));
}

static int open_children(const struct container *container)
{
	int fd = openat(container->dirfd, CHILDREN,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

bool container_has_children(const struct container *container)
{
	return faccessat(container->dirfd, CHILDREN, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int container_await_launches(const struct container *container, struct err *err)
{
	cleanup_close int fd = open_children(container);
	int r = fd < 0 ? fd : fd_lock(fd, true, true);

	return r < 0 && r != -ENOENT
		       ? err_set(err, -r, "wait for launches in container %.*s",
				 CONTAINER_SHORT_ID, container->id)
		       : 0;
}

/* All are tried; the first failure is told. */
int container_remove_children(
	struct engine *engine, const struct container *container, struct err *err)
{
	cleanup_container_list struct container_list list = { 0 };
	int first = container_list_in(engine, container->id, false, &list, err);
	struct err ignored;

	for (size_t i = 0; i < list.count; i++) {
		int r = container_remove(
			engine, list.items[i], true, first ? &ignored : err);

		if (r < 0 && !first)
			first = r;
	}
	if (first == 0)
		(void)!fd_remove_tree(container->dirfd, CHILDREN);
	return first;
}
