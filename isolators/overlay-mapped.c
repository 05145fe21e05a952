/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/overlay.h"

#include "common/cleanup.h"
#include "common/fail.h"
#include "common/fd.h"
#include "common/ipc.h"
#include "isolators/mount-tree.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

struct mapped {
	int fds[ROOTFS_LAYERS_MAX]; /* id-mapped clones of the layers, detached */
	size_t count;
};

static void mapped_done(struct mapped *m)
{
	for (size_t i = 0; i < m->count; i++)
		(void)close(m->fds[i]);
}

int overlay_say_no_idmap(struct err *err)
{
	(void)err_say(err, EINVAL,
		"the file system that the image is kept on takes no id maps, which a user "
		"namespace needs");
	return err_hint(err,
		"keep it (--root) on ext4, xfs, btrfs, f2fs or, since Linux 6.3, tmpfs, or do "
		"without the user namespace (--userns host)");
}

static int map_layer(int layer_fd, int userns_fd, struct err *err)
{
	const struct mount_change change = { .propagation = MS_PRIVATE,
		.idmap_fd = userns_fd };
	cleanup_close int tree = mount_clone(layer_fd, "", false);
	int r;

	if (tree < 0)
		return err_set(err, -tree, "clone the mount of a layer");
	r = mount_change(tree, &change);
	if (r == -EINVAL)
		return overlay_say_no_idmap(err);
	return r < 0 ? err_set(err, -r, "map the ids of a layer") : take_fd(&tree);
}

static int map_layers(
	const struct rootfs *rootfs, int userns_fd, struct mapped *ret, struct err *err)
{
	for (size_t i = 0; i < rootfs->lower_count && i < ROOTFS_LAYERS_MAX; i++) {
		int fd = map_layer(rootfs->lower_fds[i], userns_fd, err);

		if (fd < 0)
			return fd;
		ret->fds[ret->count++] = fd;
	}
	return 0;
}

/* ---- before Linux 6.15 ---- */

/* Each on top of the directory that it shows; this namespace is seen by nobody else. */
static int attach_layers(
	const struct rootfs *rootfs, const struct mapped *mapped, struct err *err)
{
	for (size_t i = 0; i < mapped->count; i++) {
		cleanup_close int place = mount_reopen(rootfs->lower_fds[i], err);
		int r;

		if (place < 0)
			return place;
		r = mount_place(mapped->fds[i], place, "a layer", err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int mount_here(
	const struct rootfs *rootfs, const struct mapped *mapped, struct err *err)
{
	struct mount_attr private = { .propagation = MS_PRIVATE };
	cleanup_close int upper = -1, work = -1;
	struct rootfs own = *rootfs;
	int r;

	if (unshare(CLONE_NEWNS) < 0 ||
		mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private, sizeof(private)) < 0)
		return err_set(err, errno, "make a mount namespace");
	if (rootfs->upper_fd >= 0) {
		upper = mount_reopen(rootfs->upper_fd, err);
		work = upper < 0 ? upper : mount_reopen(rootfs->work_fd, err);
		if (work < 0)
			return work;
	}
	r = attach_layers(rootfs, mapped, err);
	own.lower_fds = mapped->fds;
	own.upper_fd = upper;
	own.work_fd = work;
	return r < 0 ? r : overlay_mount(&own, err);
}

enum answer { ANSWER_MOUNT = 1, ANSWER_FAILED };

static __attribute__((noreturn)) void mount_for_parent(
	const struct rootfs *rootfs, const struct mapped *mapped, int socket_fd)
{
	struct err err = { 0 };
	int fd = mount_here(rootfs, mapped, &err), r;

	r = fd < 0 ? ipc_send_err(socket_fd, ANSWER_FAILED, &err)
		   : ipc_send(socket_fd, ANSWER_MOUNT, NULL, 0, &fd, 1);
	_exit(r < 0);
}

static int mount_by_child(
	const struct rootfs *rootfs, const struct mapped *mapped, struct err *err)
{
	int fds[2], fd, r = ipc_pair(fds);
	pid_t pid;

	if (r < 0)
		return err_set(err, -r, "make a socket pair");
	pid = fork();
	if (pid == 0)
		mount_for_parent(rootfs, mapped, fds[1]);
	(void)close(fds[1]);
	fd = pid < 0 ? err_set(err, errno, "fork")
		     : ipc_recv_fd(fds[0], ANSWER_MOUNT, ANSWER_FAILED,
			       "wait for an overlay", err);
	(void)close(fds[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return fd;
}

/* Refused at the fail point, too, as a kernel before 6.15 does: after it has begun. */
static int mount_detached(const struct rootfs *rootfs, struct err *err)
{
	cleanup_close int fd = overlay_mount(rootfs, err);

	if (fd >= 0 && fail_point("overlay-detached") < 0)
		return -EINVAL;
	return fd < 0 ? fd : take_fd(&fd);
}

int overlay_mount_mapped(const struct rootfs *rootfs, int userns_fd, struct err *err)
{
	cleanup_with(mapped_done) struct mapped mapped = { .count = 0 };
	struct rootfs own = *rootfs;
	struct err refusal = { 0 };
	int fd, r;

	r = map_layers(rootfs, userns_fd, &mapped, err);
	if (r < 0)
		return r;
	own.lower_fds = mapped.fds;
	own.lower_count = mapped.count;
	fd = mount_detached(&own, &refusal);
	if (fd == -EINVAL) {
		/* What was refused has left a mark there that it was mounted without flushing. */
		if (rootfs->work_fd >= 0)
			(void)!fd_remove_tree(rootfs->work_fd, "work");
		return mount_by_child(rootfs, &mapped, err);
	}
	if (fd < 0 && err)
		*err = refusal;
	return fd;
}
