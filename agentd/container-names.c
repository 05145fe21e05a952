/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-names.h"

#include "agentd/container-nested.h"
#include "agentd/container-private.h"
#include "common/cleanup.h"
#include "common/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool has_record(int container_dirfd)
{
	return faccessat(container_dirfd, "container.json", F_OK, AT_SYMLINK_NOFOLLOW) ==
		       0 ||
	       errno != ENOENT;
}

/* A launch takes its lock before a name, and has a container.json when it lets go of it: where there
 * is neither, it was killed. Looked at again, as it may have come to its end meanwhile. */
static bool is_container(struct engine *engine, const char *id)
{
	cleanup_close int dirfd = container_open(engine, id);

	if (dirfd < 0)
		return dirfd != -ENOENT;
	return has_record(dirfd) || container_is_supervised(dirfd) || has_record(dirfd);
}

/* False: nobody's. `ret`: who it is, also where that one is gone. */
static bool find_holder(struct engine *engine, int dirfd, const char *name,
	char ret[CONTAINER_ID_MAX + 1])
{
	ssize_t n = readlinkat(dirfd, name, ret, CONTAINER_ID_MAX);

	ret[n > 0 ? n : 0] = '\0';
	return n == CONTAINER_ID_MAX - 1 && is_container(engine, ret);
}

/* One at a time: two that both saw the dead holder would each take the name, the second from the
 * first. */
static int lock_names(int dirfd)
{
	cleanup_close int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : fd_lock(fd, true, true);

	return r < 0 ? r : take_fd(&fd);
}

static int take_stale(struct engine *engine, int dirfd, const char *name, const char *id,
	struct err *err)
{
	cleanup_close int lock_fd = lock_names(dirfd);
	char holder[CONTAINER_ID_MAX + 1];

	if (lock_fd < 0)
		return err_set(err, -lock_fd, "lock the directory of names");
	if (find_holder(engine, dirfd, name, holder)) {
		(void)err_say(err, EEXIST, "the name %s belongs to container %.*s", name,
			CONTAINER_SHORT_ID, holder);
		return err_hint(
			err, "remove it with `ucrctl rm %s`, or take another", name);
	}
	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return err_set(err, errno, "free the name %s", name);
	if (symlinkat(id, dirfd, name) < 0)
		return err_set(err, errno, "take the name %s", name);
	return 0;
}

int container_name_take(struct engine *engine, const char *parent, const char *name,
	const char *id, struct err *err)
{
	cleanup_close int dirfd = container_names(engine, parent);

	if (dirfd < 0)
		return err_set(err, -dirfd, "open the directory of names");
	if (symlinkat(id, dirfd, name) == 0)
		return 0;
	if (errno == EEXIST)
		return take_stale(engine, dirfd, name, id, err);
	return err_set(err, errno, "take the name %s", name);
}

void container_name_release(
	struct engine *engine, const char *parent, const char *name, const char *id)
{
	char holder[CONTAINER_ID_MAX + 1];
	cleanup_close int dirfd = name ? container_names(engine, parent) : -1;

	/* Gone with the parent. */
	if (dirfd < 0)
		return;
	(void)find_holder(engine, dirfd, name, holder);
	if (str_eq(holder, id))
		(void)unlinkat(dirfd, name, 0);
}

void container_names_sweep(struct engine *engine)
{
	cleanup_close int lock_fd = lock_names(engine_names_dirfd(engine));
	cleanup_closedir DIR *dir = NULL;
	char holder[CONTAINER_ID_MAX + 1];
	struct dirent *e;
	int fd = openat(
		engine_names_dirfd(engine), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return;
	}
	while (lock_fd >= 0 && (e = readdir(dir))) {
		if (*e->d_name != '.' && !find_holder(engine, fd, e->d_name, holder))
			(void)unlinkat(fd, e->d_name, 0);
	}
}
