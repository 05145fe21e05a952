/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/launch-root.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "images/erofs-mount.h"
#include "images/import.h"
#include "isolators/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

/*
 * "/" of an overlay has the attributes of the upper directory: it gets those of the image's.
 * A user cannot give it away; there it stays the user's, which is root inside.
 */
static int copy_attributes(
	int from_fd, int to_fd, const struct id_range *ids, struct err *err)
{
	struct stat st;

	if (fstat(from_fd, &st) < 0)
		return err_set(err, errno, "look at the image's root");
	st.st_uid = id_range_map(ids, st.st_uid);
	st.st_gid = id_range_map(ids, st.st_gid);
	if ((st.st_uid != geteuid() || st.st_gid != getegid()) &&
		fchown(to_fd, st.st_uid, st.st_gid) < 0 && errno != EPERM)
		return err_set(err, errno, "own the container's layer");
	if (fchmod(to_fd, st.st_mode & 07777) < 0)
		return err_set(err, errno, "set the mode of the container's layer");
	return 0;
}

static int open_writable(const struct launch_root_request *request,
	struct launch_root *root, struct err *err)
{
	root->upper_fd = fd_mkdir_open(request->container_dirfd, "upper", 0755);
	if (root->upper_fd < 0)
		return err_set(err, -root->upper_fd, "make upper/");
	root->work_fd = fd_mkdir_open(request->container_dirfd, "work", 0700);
	if (root->work_fd < 0)
		return err_set(err, -root->work_fd, "make work/");
	if (!root->lower_count)
		return 0;
	return copy_attributes(
		root->lowers[root->lower_count - 1], root->upper_fd, request->ids, err);
}

/* overlayfs refuses a writable layer on itself; a kernel may have been built without it. */
static const char *why_no_overlay(int container_dirfd)
{
	struct statfs fs;
	int fd;

	if (fstatfs(container_dirfd, &fs) == 0 && fs.f_type == OVERLAYFS_SUPER_MAGIC)
		return "containers are kept on an overlayfs, which cannot be stacked";
	fd = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
	if (fd >= 0)
		(void)close(fd);
	else if (errno == ENODEV)
		return "this kernel has no overlayfs";
	return NULL;
}

static int copy_image(struct store *store, const struct launch_root_request *request,
	struct launch_root *root, struct err *err)
{
	struct import_userns userns = { .userns_fd = -1 };
	cleanup_close int userns_fd = -1;
	int r;

	if (geteuid() != 0) {
		r = userns_open_rootless(&userns_fd, err);
		if (r < 0)
			return r;
		userns.userns_fd = userns_fd;
	}
	root->is_copy = true;
	return image_copy_out(store, request->image, root->target_fd, &userns,
		&request->notes->lines, err);
}

enum layer_form rootfs_backend_form(enum rootfs_backend backend)
{
	static const enum layer_form forms[] = {
		[ROOTFS_BACKEND_AUTO] = LAYER_FORM_ANY,
		[ROOTFS_BACKEND_OVERLAY] = LAYER_FORM_DIRECTORY,
		[ROOTFS_BACKEND_COPY] = LAYER_FORM_ANY,
		[ROOTFS_BACKEND_EROFS] = LAYER_FORM_EROFS,
	};

	return forms[backend];
}

int rootfs_backend_check(enum rootfs_backend backend, int dirfd, struct err *err)
{
	int r;

	if (backend != ROOTFS_BACKEND_EROFS)
		return 0;
	if (geteuid() != 0) {
		(void)err_say(err, EPERM, "only root can mount EROFS images");
		return err_hint(err, "Leave --rootfs-backend erofs out.");
	}
	r = erofs_probe(dirfd, err);
	if (r == 0)
		return 0;
	(void)err_wrap(err, "EROFS cannot be used here");
	return err_hint(err,
		"It takes Linux 6.15 and a file system on a disk for --root: leave --rootfs-backend erofs out.");
}

int launch_root_open(struct store *store, const struct launch_root_request *request,
	struct launch_root *ret, struct err *err)
{
	const char *why;
	int r;

	ret->target_fd = request->rootfs_fd;
	r = store_open_form(store, request->image, rootfs_backend_form(request->backend),
		ret->lowers, &ret->lease_fd, err);
	if (r < 0)
		return r;
	ret->lower_count = request->image->layer_count;
	if (request->backend == ROOTFS_BACKEND_COPY)
		return copy_image(store, request, ret, err);
	why = why_no_overlay(request->container_dirfd);
	if (why) {
		notes_add(request->notes, "%s: the image is copied for this container",
			why);
		return copy_image(store, request, ret, err);
	}
	return open_writable(request, ret, err);
}

struct rootfs launch_root_view(const struct launch_root *root)
{
	return (struct rootfs){
		.kind = root->is_tree	? ROOTFS_TREE
			: root->is_copy ? ROOTFS_DIRECTORY
					: ROOTFS_OVERLAY,
		.target_fd = root->target_fd,
		.lower_fds = root->lowers,
		.lower_count = root->lower_count,
		.upper_fd = root->upper_fd,
		.work_fd = root->work_fd,
		.is_volatile = true,
	};
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

void launch_root_done(struct launch_root *root)
{
	for (size_t i = 0; i < root->lower_count; i++)
		close_if_open(root->lowers[i]);
	close_if_open(root->lease_fd);
	close_if_open(root->upper_fd);
	close_if_open(root->work_fd);
}
