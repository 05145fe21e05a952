/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/rootfs.h"

#include "common/cleanup.h"
#include "isolators/mount-tree.h"
#include "isolators/namespaces.h"
#include "isolators/overlay.h"
#include "isolators/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>

/* As linux.rootfsPropagation names them. */
static const struct {
	const char *name;
	uint64_t propagation;
	bool is_recursive;
} propagations[] = {
	{ "private", MS_PRIVATE, false },
	{ "rprivate", MS_PRIVATE, true },
	{ "slave", MS_SLAVE, false },
	{ "rslave", MS_SLAVE, true },
	{ "shared", MS_SHARED, false },
	{ "rshared", MS_SHARED, true },
	{ "unbindable", MS_UNBINDABLE, false },
	{ "runbindable", MS_UNBINDABLE, true },
};

#define PROPAGATION_COUNT (sizeof(propagations) / sizeof(propagations[0]))

static int find_propagation(const char *name, size_t *ret)
{
	for (size_t i = 0; i < PROPAGATION_COUNT; i++) {
		if (str_eq(propagations[i].name, name)) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

/* ---- making the root ------------------------------------------------------------------
 */

/* The root as a plain directory: root.path of the bundle, or what the launcher prepared.
 */
static int open_directory(const struct isolation *isolation, struct err *err)
{
	const char *path = isolation->spec->root.path;
	int fd;

	if (isolation->rootfs) {
		fd = fcntl(isolation->rootfs->target_fd, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? err_set(err, errno, "open the root file system") : fd;
	}
	if (str_empty(path))
		return err_say(err, EINVAL, "root.path is missing");
	fd = openat(isolation->bundle_dirfd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_set(err, errno, "open the root file system %s", path) : fd;
}

static int make_private(int tree_fd, int userns_fd, struct err *err)
{
	const struct mount_change cut = {
		.propagation = MS_PRIVATE, .idmap_fd = userns_fd, .is_recursive = true
	};
	int r = mount_change(tree_fd, &cut);

	if (r == -EINVAL && userns_fd >= 0)
		return overlay_say_no_idmap(err);
	return r < 0 ? err_set(err, -r, "make the root file system private") : 0;
}

/* A clone that takes no part in the host's propagation, whatever the mount it came from. */
static int clone_directory(int dirfd, int userns_fd, struct err *err)
{
	cleanup_close int tree = mount_clone(dirfd, "", true);
	int r;

	if (tree < 0)
		return err_set(err, -tree, "clone the mount of the root file system");
	r = make_private(tree, userns_fd, err);
	return r < 0 ? r : take_fd(&tree);
}

/* What a launcher prepared belongs to ids of the host that the user namespace does not have.
 */
static bool is_foreign(const struct isolation *isolation)
{
	return isolation->rootfs &&
	       namespaces_is_own(isolation->namespaces, CLONE_NEWUSER);
}

static int make_in_parent(struct isolation *isolation, struct err *err)
{
	cleanup_close int dir = -1;
	int userns_fd = -1, r;

	if (is_foreign(isolation)) {
		userns_fd = userns_for_mounts(isolation, err);
		if (userns_fd < 0)
			return userns_fd;
	}
	if (isolation->rootfs && isolation->rootfs->kind == ROOTFS_OVERLAY)
		return userns_fd < 0
			       ? overlay_mount(isolation->rootfs, err)
			       : overlay_mount_mapped(isolation->rootfs, userns_fd, err);
	dir = open_directory(isolation, err);
	/* It has the ids that it shall have. */
	if (dir >= 0 && isolation->rootfs && isolation->rootfs->kind == ROOTFS_TREE) {
		r = make_private(dir, -1, err);
		return r < 0 ? r : take_fd(&dir);
	}
	return dir < 0 ? dir : clone_directory(dir, userns_fd, err);
}

/* Closes what was opened again. */
struct reopened {
	int lowers[ROOTFS_LAYERS_MAX];
	size_t count;
};

static void reopened_done(struct reopened *r)
{
	for (size_t i = 0; i < r->count; i++)
		(void)close(r->lowers[i]);
}

static int overlay_in_child(const struct rootfs *rootfs, struct err *err)
{
	cleanup_with(reopened_done) struct reopened lowers = { 0 };
	cleanup_close int upper = -1, work = -1;
	struct rootfs own = *rootfs;

	for (size_t i = 0; i < rootfs->lower_count && i < ROOTFS_LAYERS_MAX; i++) {
		int fd = mount_reopen(rootfs->lower_fds[i], err);

		if (fd < 0)
			return fd;
		lowers.lowers[lowers.count++] = fd;
	}
	if (rootfs->upper_fd >= 0) {
		upper = mount_reopen(rootfs->upper_fd, err);
		if (upper < 0)
			return upper;
		work = mount_reopen(rootfs->work_fd, err);
		if (work < 0)
			return work;
	}
	own.lower_fds = lowers.lowers;
	own.upper_fd = upper;
	own.work_fd = work;
	return overlay_mount(&own, err);
}

static int make_in_child(const struct isolation *isolation, struct err *err)
{
	cleanup_close int dir = -1, again = -1;

	if (isolation->rootfs && isolation->rootfs->kind == ROOTFS_OVERLAY)
		return overlay_in_child(isolation->rootfs, err);
	dir = open_directory(isolation, err);
	if (dir < 0)
		return dir;
	again = mount_reopen(dir, err);
	return again < 0 ? again : clone_directory(again, -1, err);
}

/* ---- the isolators
 * ---------------------------------------------------------------------- */

static int prepare(struct isolation *isolation, struct err *err)
{
	const char *propagation = isolation->spec->linux_.rootfs_propagation;
	size_t row;
	int fd;

	if (!str_empty(propagation) && find_propagation(propagation, &row) < 0)
		return err_say(err, EINVAL, "linux.rootfsPropagation: unknown value %s",
			propagation);
	if (!namespaces_is_own(isolation->namespaces, CLONE_NEWNS)) {
		if (isolation->rootfs && isolation->rootfs->kind == ROOTFS_OVERLAY)
			return err_say(err, EINVAL, "an image needs a mount namespace");
		fd = open_directory(isolation, err);
	} else if (isolation->is_rootless) {
		return 0;
	} else {
		fd = make_in_parent(isolation, err);
	}
	if (fd < 0)
		return fd;
	isolation->root_fd = fd;
	return 0;
}

/*
 * The root goes on top of "/", the one directory that always exists. The host's tree
 * below stays in reach until it is left, cut off from the host's propagation: nothing
 * mounted or unmounted here may be seen there.
 */
static int isolate(struct isolation *isolation, struct err *err)
{
	struct mount_attr slave = { .propagation = MS_SLAVE };
	int fd;

	if (!namespaces_is_own(isolation->namespaces, CLONE_NEWNS))
		return 0;
	if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &slave, sizeof(slave)) < 0)
		return err_set(
			err, errno, "cut the new mount namespace off from the host's");
	if (isolation->root_fd < 0) {
		fd = make_in_child(isolation, err);
		if (fd < 0)
			return fd;
		isolation->root_fd = fd;
	}
	if (move_mount(isolation->root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) <
		0)
		return err_set(err, errno, "mount the root file system");
	return 0;
}

static void release(struct isolation *isolation)
{
	if (isolation->root_fd >= 0)
		(void)close(take_fd(&isolation->root_fd));
}

/* pivot_root(2) of "." onto ".": the old root ends up on top of the new one, where the
 * next unmount takes it away. */
static int pivot(struct err *err)
{
	if (syscall(SYS_pivot_root, ".", ".") < 0) {
		(void)err_set(err, errno, "pivot_root into the root file system");
		return err_hint(
			err, "on an initramfs pivot_root cannot work: use --no-pivot");
	}
	if (umount2(".", MNT_DETACH) < 0)
		return err_set(err, errno, "let go of the host's mounts");
	return 0;
}

static int set_propagation(const struct isolation *isolation, struct err *err)
{
	const char *name = isolation->spec->linux_.rootfs_propagation;
	struct mount_change change = { .idmap_fd = -1 };
	size_t row;
	int r;

	if (str_empty(name) || find_propagation(name, &row) < 0)
		return 0;
	change.propagation = propagations[row].propagation;
	change.is_recursive = propagations[row].is_recursive;
	r = mount_change(isolation->root_fd, &change);
	return r < 0 ? err_set(err, -r, "linux.rootfsPropagation %s", name) : 0;
}

static int enter(struct isolation *isolation, struct err *err)
{
	int r;

	if (fchdir(isolation->root_fd) < 0)
		return err_set(err, errno, "enter the root file system");
	if (!isolation->no_pivot &&
		namespaces_is_new(isolation->namespaces, CLONE_NEWNS)) {
		r = pivot(err);
		return r < 0 ? r : set_propagation(isolation, err);
	}
	if (chroot(".") < 0)
		return err_set(err, errno, "chroot into the root file system");
	return namespaces_is_own(isolation->namespaces, CLONE_NEWNS)
		       ? set_propagation(isolation, err)
		       : 0;
}

const struct isolator rootfs_isolator = {
	.name = "rootfs",
	.prepare = prepare,
	.isolate = isolate,
	.release = release,
};

const struct isolator rootfs_enter_isolator = { .name = "rootfs-enter",
	.isolate = enter };
