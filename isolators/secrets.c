/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/secrets.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/path.h"
#include "common/str.h"
#include "isolators/filesystem.h"
#include "isolators/mount-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define FILE_MODE 0400
#define NAME_ROOM 24

static void name_of(size_t i, char ret[NAME_ROOM])
{
	(void)snprintf(ret, NAME_ROOM, "%zu", i);
}

static int write_file(int tree_fd, size_t i, const struct secret *secret,
	const struct spec_user *user, struct err *err)
{
	cleanup_close int fd = -1;
	char name[NAME_ROOM];
	int r;

	name_of(i, name);
	fd = openat(tree_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		FILE_MODE);
	if (fd < 0)
		return err_set(err, errno, "make the secret %s", secret->path);
	r = fd_write_all(fd, secret->data, secret->len);
	if (r == 0 && (fchown(fd, user->uid, user->gid) < 0 || fchmod(fd, FILE_MODE) < 0))
		r = -errno;
	return r < 0 ? err_set(err, -r, "write the secret %s", secret->path) : 0;
}

/* One file out of the tree, which is attached already: no kernel clones less. */
static int place_file(const struct isolation *isolation, int tree_fd, size_t i,
	const char *path, struct err *err)
{
	cleanup_close int file = -1, target = -1;
	char name[NAME_ROOM];

	name_of(i, name);
	file = mount_clone(tree_fd, name, false);
	if (file < 0)
		return err_set(err, -file, "clone the secret %s", path);
	target = path_make_target(isolation->root_fd, path, 1);
	if (target < 0)
		return err_set(err, -target, "make a place for the secret %s", path);
	return mount_attach(file, target, isolation->root_fd, path, err);
}

static int mount_memory(struct err *err)
{
	char *const data[] = { (char[]){ "mode=0700" }, NULL };
	const struct filesystem memory = { .type = "tmpfs",
		.source = "secrets",
		.data = data,
		.attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC };

	return filesystem_mount(&memory, err);
}

/* Out of sight on top of "/", where no path leads, and taken away once its files are placed. */
static int place_files(const struct isolation *isolation, int tree_fd, struct err *err)
{
	const struct mount_change lock = { .set = MOUNT_ATTR_RDONLY, .idmap_fd = -1 };
	const struct secrets *secrets = isolation->secrets;
	int r = mount_place(tree_fd, isolation->root_fd, "/", err);

	if (r < 0)
		return r;
	r = mount_change(tree_fd, &lock);
	if (r < 0)
		r = err_set(err, -r, "make secrets read-only");
	for (size_t i = 0; r == 0 && i < secrets->count; i++) {
		if (secrets->items[i].path)
			r = place_file(
				isolation, tree_fd, i, secrets->items[i].path, err);
	}
	if (fchdir(tree_fd) < 0 || umount2(".", MNT_DETACH) < 0 ||
		fchdir(isolation->root_fd) < 0)
		return r < 0 ? r
			     : err_set(err, errno, "let go of the secrets' file system");
	return r;
}

static int make_files(const struct isolation *isolation, struct err *err)
{
	cleanup_close int tree = mount_memory(err);
	const struct secrets *secrets = isolation->secrets;
	int r = tree < 0 ? tree : 0;

	for (size_t i = 0; r == 0 && i < secrets->count; i++) {
		if (secrets->items[i].path)
			r = write_file(tree, i, &secrets->items[i],
				&isolation->process->user, err);
	}
	return r < 0 ? r : place_files(isolation, tree, err);
}

static int set_variables(const struct isolation *isolation, struct err *err)
{
	const struct secrets *secrets = isolation->secrets;

	for (size_t i = 0; i < secrets->count; i++) {
		const struct secret *s = &secrets->items[i];
		cleanup_free char *assignment =
			s->path ? NULL : str_printf("%s=%s", s->name, s->data);

		if (!s->path && (!assignment || strv_env_set(&isolation->process->env,
							assignment) < 0))
			return err_oom(err);
	}
	return 0;
}

static int isolate(struct isolation *isolation, struct err *err)
{
	const struct secrets *secrets = isolation->secrets;
	bool has_files = false;
	int r;

	if (!secrets || !secrets->count)
		return 0;
	for (size_t i = 0; i < secrets->count; i++)
		has_files |= secrets->items[i].path != NULL;
	r = set_variables(isolation, err);
	return r == 0 && has_files ? make_files(isolation, err) : r;
}

const struct isolator secrets_isolator = { .name = "secrets", .isolate = isolate };
