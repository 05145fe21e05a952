/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/masks.h"

#include "common/cleanup.h"
#include "common/path.h"
#include "isolators/filesystem.h"
#include "isolators/mount-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* What covers: opened when first needed. */
struct covers {
	int null_fd;	  /* the host's null device */
	int empty_fd;	  /* an empty read-only tmpfs */
	bool is_attached; /* empty_fd: further ones are clones of it */
};

static void covers_done(struct covers *covers)
{
	if (covers->null_fd >= 0)
		(void)close(covers->null_fd);
	if (covers->empty_fd >= 0)
		(void)close(covers->empty_fd);
}

static int open_null(struct err *err)
{
	cleanup_close int fd = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, errno, "open the host's /dev/null");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return err_say(
			err, ENODEV, "the host's /dev/null is not the null device");
	return take_fd(&fd);
}

static int cover_for_file(struct covers *covers, struct err *err)
{
	int fd;

	if (covers->null_fd < 0)
		covers->null_fd = open_null(err);
	if (covers->null_fd < 0)
		return covers->null_fd;
	fd = mount_clone(covers->null_fd, "", false);
	return fd < 0 ? err_set(err, -fd, "clone the null device") : fd;
}

static int cover_for_directory(struct covers *covers, struct err *err)
{
	static char *const data[] = { (char *)"size=0", (char *)"nr_inodes=1",
		(char *)"mode=755", NULL };
	static const struct filesystem empty = {
		.type = "tmpfs",
		.source = "tmpfs",
		.data = data,
		.attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			      MOUNT_ATTR_NOEXEC,
	};
	int fd;

	if (covers->is_attached) {
		fd = mount_clone(covers->empty_fd, "", false);
		return fd < 0 ? err_set(err, -fd, "clone the empty directory") : fd;
	}
	covers->empty_fd = filesystem_mount(&empty, err);
	if (covers->empty_fd < 0)
		return covers->empty_fd;
	fd = fcntl(covers->empty_fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return err_set(err, errno, "duplicate a descriptor");
	covers->is_attached = true;
	return fd;
}

/* An open path, or -ENOENT for one that is absent and therefore needs no mask. */
static int open_present(int root_fd, const char *path, struct err *err)
{
	int fd = path_open_in_root(root_fd, path, O_PATH, 0);

	if (fd >= 0 || fd == -ENOENT || fd == -ENOTDIR)
		return fd == -ENOTDIR ? -ENOENT : fd;
	return err_set(err, -fd, "open %s", path);
}

/* What is covered is the object that the descriptor holds, by whatever name it is reached. */
static int mask(int root_fd, const char *path, struct covers *covers, struct err *err)
{
	cleanup_close int target = open_present(root_fd, path, err), cover = -1;
	struct stat st;

	if (target < 0)
		return target == -ENOENT ? 0 : target;
	if (fstat(target, &st) < 0)
		return err_set(err, errno, "examine %s", path);
	cover = S_ISDIR(st.st_mode) ? cover_for_directory(covers, err)
				    : cover_for_file(covers, err);
	if (cover < 0)
		return cover;
	return mount_place(cover, target, path, err);
}

static int make_readonly(int root_fd, const char *path, struct err *err)
{
	const struct mount_change change = {
		.set = MOUNT_ATTR_RDONLY, .idmap_fd = -1, .is_recursive = true
	};
	cleanup_close int target = open_present(root_fd, path, err), tree = -1;
	int r;

	if (target < 0)
		return target == -ENOENT ? 0 : target;
	tree = mount_clone(target, "", true);
	if (tree < 0)
		return err_set(err, -tree, "clone %s", path);
	r = mount_change(tree, &change);
	if (r < 0)
		return err_set(err, -r, "make %s read-only", path);
	return mount_place(tree, target, path, err);
}

static int isolate(struct isolation *isolation, struct err *err)
{
	const struct spec_linux *linux_ = &isolation->spec->linux_;
	cleanup_with(
		covers_done) struct covers covers = { .null_fd = -1, .empty_fd = -1 };
	int r;

	strv_each (path, linux_->readonly_paths) {
		r = make_readonly(isolation->root_fd, *path, err);
		if (r < 0)
			return r;
	}
	strv_each (path, linux_->masked_paths) {
		r = mask(isolation->root_fd, *path, &covers, err);
		if (r < 0)
			return r;
	}
	return 0;
}

const struct isolator masks_isolator = { .name = "masks", .isolate = isolate };
