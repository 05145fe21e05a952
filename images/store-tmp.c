/* SPDX-License-Identifier: Apache-2.0 */
#include "images/store-tmp.h"

#include "common/fd.h"
#include "images/unpacker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#define STAGE_AGAIN_MAX 100
#define PART_KEPT_S (24 * 3600)

int store_hold_name(
	struct store *store, const char *name, bool wait, int *ret_fd, struct err *err)
{
	char path[STORE_PATH_MAX];
	int r;

	(void)snprintf(path, sizeof(path), "tmp/lock-%s", name);
	for (;;) {
		cleanup_close int fd = -1;

		fd = openat(store->dirfd, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
			0600);
		if (fd < 0)
			return err_set(err, errno, "lock %s of the image store", path);
		r = fd_lock(fd, true, wait);
		if (r < 0)
			return err_set(err, -r, "lock %s of the image store", path);
		/* The last holder removed the file while we waited: that lock is worth
		 * nothing. */
		if (store_is_in_place(store, path, fd)) {
			*ret_fd = take_fd(&fd);
			return 0;
		}
	}
}

void store_release_name(struct store *store, const char *name, int *fd)
{
	char path[STORE_PATH_MAX];

	if (*fd < 0)
		return;
	(void)snprintf(path, sizeof(path), "tmp/lock-%s", name);
	(void)unlinkat(store->dirfd, path, 0);
	(void)close(take_fd(fd));
}

int store_stage(struct store *store, const char *prefix, char ret_name[STORE_NAME_MAX],
	int *ret_fd, struct err *err)
{
	char name[STORE_NAME_MAX], path[STORE_PATH_MAX];

	for (int i = 0; i < STAGE_AGAIN_MAX; i++) {
		cleanup_close int fd = -1;

		fd_random_name(prefix, name, sizeof(name));
		(void)store_path(path, "tmp", name, "");
		fd = fd_mkdir_open(store->dirfd, path, 0700);
		if (fd < 0 && fd != -ENOENT)
			return err_set(err, -fd, "make %s in the image store", path);
		/* A sweep may have come between the making and the locking. */
		if (fd >= 0 && fd_lock(fd, true, false) == 0 &&
			store_is_in_place(store, path, fd)) {
			memcpy(ret_name, name, sizeof(name));
			*ret_fd = take_fd(&fd);
			return 0;
		}
	}
	return err_say(err, EAGAIN,
		"make a staging directory in the image store: others keep removing it");
}

int store_remove_tree(struct store *store, const struct import_userns *userns,
	const char *name, struct err *err)
{
	cleanup_close int tmp_fd = -1;
	int r;

	tmp_fd = openat(
		store->dirfd, "tmp", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (tmp_fd < 0)
		return err_set(err, errno, "open tmp of the image store");
	r = fd_remove_tree(tmp_fd, name);
	if (r == 0)
		return 0;
	if ((r == -EACCES || r == -EPERM) && userns && userns->userns_fd >= 0)
		return unpacker_remove(store->libexec_path, userns, tmp_fd, name, err);
	return err_set(err, -r, "remove tmp/%s from the image store", name);
}

static int sweep_lock(struct store *store, const char *path)
{
	cleanup_close int fd = -1;

	fd = openat(store->dirfd, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fd_lock(fd, true, false) < 0 || !store_is_in_place(store, path, fd))
		return 0;
	return unlinkat(store->dirfd, path, 0) == 0;
}

static int sweep_file(struct store *store, const char *path, struct err *err)
{
	cleanup_close int lock_fd = -1;
	int r;

	r = store_lock(store, &lock_fd, err);
	if (r < 0)
		return r;
	return unlinkat(store->dirfd, path, 0) == 0;
}

/* What was not gone on with for a day is given up. */
static int sweep_part(struct store *store, const char *path)
{
	cleanup_close int fd = -1;
	struct stat st;

	fd = openat(store->dirfd, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || time(NULL) - st.st_mtime < PART_KEPT_S ||
		fd_lock(fd, true, false) < 0)
		return 0;
	return unlinkat(store->dirfd, path, 0) == 0;
}

static int sweep_directory(struct store *store, const struct import_userns *userns,
	const char *name, struct err *err)
{
	cleanup_close int fd = -1;
	char path[STORE_PATH_MAX];
	int r;

	(void)store_path(path, "tmp", name, "");
	fd = openat(store->dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fd_lock(fd, true, false) < 0)
		return 0;
	r = store_remove_tree(store, userns, name, err);
	return r < 0 ? r : 1;
}

struct sweep {
	const struct import_userns *userns;
	size_t count;
};

static int sweep_entry(struct store *store, const char *name, void *arg, struct err *err)
{
	struct sweep *sweep = arg;
	char path[STORE_PATH_MAX];
	int r;

	if (strlen(name) >= STORE_NAME_MAX)
		return 0;
	(void)store_path(path, "tmp", name, "");
	if (str_skip_prefix(name, "lock-"))
		r = sweep_lock(store, path);
	else if (str_skip_prefix(name, "part-") || str_skip_prefix(name, "whole-"))
		r = sweep_part(store, path);
	else if (str_skip_prefix(name, "file-"))
		r = sweep_file(store, path, err);
	else
		r = sweep_directory(store, sweep->userns, name, err);
	if (r > 0)
		sweep->count++;
	return r < 0 ? r : 0;
}

int store_sweep(struct store *store, const struct import_userns *userns,
	size_t *ret_count, struct err *err)
{
	struct sweep sweep = { .userns = userns };
	int r;

	r = store_each(store, "tmp", sweep_entry, &sweep, err);
	*ret_count += sweep.count;
	return r;
}
