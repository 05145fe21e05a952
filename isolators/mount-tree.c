/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/mount-tree.h"

#include "common/cleanup.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>

int mount_reopen(int fd, struct err *err)
{
	char link[PATH_OF_FD_MAX], name[PATH_MAX];
	cleanup_close int again = -1;
	struct stat before, after;
	ssize_t n;

	n = readlink(path_of_fd(fd, link), name, sizeof(name) - 1);
	if (n < 0)
		return err_set(err, errno, "find the name of an open directory");
	name[n] = '\0';
	again = open(name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (again < 0)
		return err_set(err, errno, "open %s in the new mount namespace", name);
	if (fstat(fd, &before) < 0 || fstat(again, &after) < 0)
		return err_set(err, errno, "examine %s", name);
	if (before.st_dev != after.st_dev || before.st_ino != after.st_ino)
		return err_say(
			err, ESTALE, "%s changed while the container was made", name);
	return take_fd(&again);
}

int mount_clone(int dirfd, const char *path, bool is_recursive)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	int fd;

	if (is_recursive)
		flags |= AT_RECURSIVE;
	if (!*path)
		flags |= AT_EMPTY_PATH;
	fd = open_tree(dirfd, path, flags);
	return fd < 0 ? -errno : fd;
}

int mount_change(int fd, const struct mount_change *change)
{
	struct mount_attr attr = {
		.attr_set = change->set,
		.attr_clr = change->clear,
		.propagation = change->propagation,
	};
	unsigned int flags = AT_EMPTY_PATH;

	if (change->is_recursive)
		flags |= AT_RECURSIVE;
	if (change->idmap_fd >= 0) {
		attr.attr_set |= MOUNT_ATTR_IDMAP;
		attr.userns_fd = (uint64_t)change->idmap_fd;
	}
	return mount_setattr(fd, "", flags, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

static int mount_id(int fd, uint64_t *ret)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0)
		return -errno;
	*ret = stx.stx_mnt_id;
	return 0;
}

bool mount_is_same(int fd, int other_fd)
{
	uint64_t id, other;

	return mount_id(fd, &id) == 0 && mount_id(other_fd, &other) == 0 && id == other;
}

static int verify(int tree_fd, int root_fd, const char *path, struct err *err)
{
	cleanup_close int fd = path_open_in_root(root_fd, path, O_PATH, 0);

	if (fd < 0)
		return err_set(err, -fd, "open the new mount %s", path);
	if (!mount_is_same(tree_fd, fd))
		return err_say(
			err, EXDEV, "%s was moved away while it was mounted", path);
	return 0;
}

int mount_place(int tree_fd, int target_fd, const char *path, struct err *err)
{
	if (move_mount(tree_fd, "", target_fd, "",
		    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(err, errno, "mount onto %s", path);
	return 0;
}

int mount_attach(
	int tree_fd, int target_fd, int root_fd, const char *path, struct err *err)
{
	int r = mount_place(tree_fd, target_fd, path, err);

	return r < 0 ? r : verify(tree_fd, root_fd, path, err);
}
