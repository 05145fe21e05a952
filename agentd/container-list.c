/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-private.h"

#include "common/array.h"
#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define CANDIDATES_SHOWN 5
#define ABANDONED_AFTER_S 60 /* far more than a launch takes from mkdir to its lock */

static bool is_hex(const char *s)
{
	return *s && s[strspn(s, "0123456789abcdef")] == '\0';
}

bool container_is_full_id(const char *s)
{
	return strlen(s) == CONTAINER_ID_MAX - 1 && is_hex(s);
}

int container_each(
	int dirfd, const char *prefix, int (*fn)(const char *name, void *arg), void *arg)
{
	cleanup_closedir DIR *dir = NULL;
	struct dirent *e;
	int fd, r;

	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return -ENOMEM;
	}
	while (errno = 0, (e = readdir(dir))) {
		if (!str_skip_prefix(e->d_name, prefix))
			continue;
		r = fn(e->d_name, arg);
		if (r < 0)
			return r;
	}
	return -errno;
}

static int collect_id(const char *id, void *arg)
{
	return container_is_full_id(id) ? strv_add(arg, id) : 0;
}

static int say_ambiguous(const char *reference, char *const *ids, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	size_t shown = 0;

	strv_each (id, ids) {
		if (shown++ == CANDIDATES_SHOWN) {
			buf_puts(&b, " …");
			break;
		}
		buf_printf(
			&b, "%s%.*s", shown > 1 ? " " : "", CONTAINER_SHORT_ID + 4, *id);
	}
	(void)err_say(err, ENOTUNIQ, "%s is the beginning of more than one id: %s",
		reference, buf_finish(&b) < 0 ? "" : b.data);
	return err_hint(err, "give more digits, or the name");
}

int container_resolve(int names_dirfd, const char *reference, char ret[CONTAINER_ID_MAX])
{
	char target[CONTAINER_ID_MAX + 1];
	ssize_t n;

	if (!str_is_name(reference))
		return -ENOENT;
	n = readlinkat(names_dirfd, reference, target, sizeof(target));
	if (n != CONTAINER_ID_MAX - 1) {
		if (!container_is_full_id(reference))
			return -ENOENT;
		memcpy(target, reference, CONTAINER_ID_MAX - 1);
	}
	memcpy(ret, target, CONTAINER_ID_MAX - 1);
	ret[CONTAINER_ID_MAX - 1] = '\0';
	return 0;
}

/* The same for the beginning of an id, too. */
static int resolve(struct engine *engine, const char *reference,
	char ret[CONTAINER_ID_MAX], struct err *err)
{
	cleanup_strv strv ids = NULL;
	int r = container_resolve(engine_names_dirfd(engine), reference, ret);

	if (r != -ENOENT || !is_hex(reference))
		return r;
	r = container_each(engine_containers_dirfd(engine), reference, collect_id, &ids);
	if (r < 0)
		return err_set(err, -r, "list containers");
	if (strv_len(ids) > 1)
		return say_ambiguous(reference, ids, err);
	if (!ids)
		return -ENOENT;
	memcpy(ret, ids[0], CONTAINER_ID_MAX);
	return 0;
}

int container_say_none(const char *reference, struct err *err)
{
	char shown[160];

	str_printable(reference, shown, sizeof(shown));
	(void)err_say(err, ENOENT, "no container %s", shown);
	return err_hint(err, "`ucrctl ps -a` lists them");
}

int container_find(struct engine *engine, const char *reference, struct container **ret,
	struct err *err)
{
	char id[CONTAINER_ID_MAX];
	int r = resolve(engine, reference, id, err);

	if (r == 0)
		r = container_load(engine, id, ret, err);
	return r == -ENOENT ? container_say_none(reference, err) : r;
}

int container_find_exactly(struct engine *engine, const char *reference,
	struct container **ret, struct err *err)
{
	char id[CONTAINER_ID_MAX];
	int r = container_resolve(engine_names_dirfd(engine), reference, id);

	if (r == 0)
		r = container_load(engine, id, ret, err);
	return r == -ENOENT ? container_say_none(reference, err) : r;
}

struct collection {
	struct engine *engine;
	struct container_list list;
	size_t room;
	struct err *err;
};

/* One that ended without being cleaned up is finished by whoever meets it. False: it was to be
 * removed and now is. */
static bool settle(struct engine *engine, struct container *c)
{
	bool has_ended = c->status == CONTAINER_EXITED || c->status == CONTAINER_LOST;
	struct err ignored;

	if (!has_ended || (!c->needs_cleanup && !c->is_auto_removed))
		return true;
	return container_cleanup(engine, c, &ignored) < 0 ||
	       container_refresh(c, &ignored) != -ENOENT;
}

/* A launch writes nothing but rootfs/ before it holds the lock on it. */
static bool was_supervised(int dirfd)
{
	cleanup_closedir DIR *dir = NULL;
	struct dirent *e;
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return false;
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return false;
	}
	while ((e = readdir(dir))) {
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, "..") &&
			!str_eq(e->d_name, "rootfs"))
			return true;
	}
	return false;
}

/* A launch that was killed before it wrote container.json leaves a directory that is nobody's
 * container: no supervisor holds its lock, and none is about to take it. */
static bool is_abandoned(struct engine *engine, const char *id)
{
	cleanup_close int dirfd = container_open(engine, id);
	struct stat st;

	return dirfd >= 0 && fstat(dirfd, &st) == 0 &&
	       (time(NULL) - st.st_mtime > ABANDONED_AFTER_S || was_supervised(dirfd)) &&
	       !container_is_supervised(dirfd) &&
	       faccessat(dirfd, "container.json", F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
	       errno == ENOENT;
}

static void sweep_abandoned(struct engine *engine, const char *id)
{
	int dirfd = engine_containers_dirfd(engine);
	char gone[CONTAINER_ID_MAX + sizeof(CONTAINER_GONE_PREFIX)];
	struct err ignored;

	if (!is_abandoned(engine, id))
		return;
	(void)snprintf(gone, sizeof(gone), CONTAINER_GONE_PREFIX "%s", id);
	if (renameat(dirfd, id, dirfd, gone) == 0)
		(void)!container_erase_gone(engine, gone, &ignored);
}

static int collect_container(const char *id, void *arg)
{
	struct collection *c = arg;
	struct container *container;
	int r;

	if (!container_is_full_id(id))
		return 0;
	r = container_load(c->engine, id, &container, c->err);
	if (r == -ENOENT) {
		sweep_abandoned(c->engine, id);
		return 0;
	}
	if (r < 0)
		return r;
	if (!settle(c->engine, container)) {
		container_free(container);
		return 0;
	}
	if (array_grow(&c->list.items, c->list.count, &c->room, sizeof(*c->list.items)) <
		0) {
		container_free(container);
		return err_oom(c->err);
	}
	c->list.items[c->list.count++] = container;
	return 0;
}

/* A removal whose command was killed is carried on by the next listing. */
static int finish_removal(const char *name, void *arg)
{
	struct err ignored;

	(void)!container_erase_gone(arg, name, &ignored);
	return 0;
}

static int newer_first(const void *a, const void *b)
{
	const struct container *const *x = a, *const *y = b;

	if ((*x)->created != (*y)->created)
		return (*x)->created < (*y)->created ? 1 : -1;
	return strcmp((*x)->id, (*y)->id);
}

int container_list(struct engine *engine, struct container_list *ret, struct err *err)
{
	struct collection c = { .engine = engine, .err = err };
	int r;

	if (err)
		err->code = 0;
	(void)!container_each(engine_containers_dirfd(engine), CONTAINER_GONE_PREFIX,
		finish_removal, engine);
	r = container_each(engine_containers_dirfd(engine), "", collect_container, &c);
	if (r < 0) {
		container_list_done(&c.list);
		return err && err->code ? r : err_set(err, -r, "list containers");
	}
	container_list_sort(&c.list);
	*ret = c.list;
	return 0;
}

void container_list_sort(struct container_list *list)
{
	if (list->count)
		qsort(list->items, list->count, sizeof(struct container *), newer_first);
}

void container_list_done(struct container_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		container_free(list->items[i]);
	free(list->items);
	*list = (struct container_list){ 0 };
}
