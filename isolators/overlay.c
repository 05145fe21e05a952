/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/overlay.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/path.h"
#include "isolators/filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>

char *overlay_lowerdir(const struct rootfs *rootfs, enum overlay_naming naming)
{
	const char *prefix = naming == OVERLAY_FULL_NAMES ? "/proc/self/fd/" : "";
	struct buf b = BUF_INIT;

	for (size_t i = rootfs->lower_count; i-- > 0;)
		buf_printf(&b, "%s%d%s", prefix, rootfs->lower_fds[i], i ? ":" : "");
	return buf_take(&b);
}

/*
 * userxattr always: the layers mark opaque directories with user.overlay.opaque, which
 * works in a user namespace too, and a privileged mount must read the same marks. index
 * and metacopy are off because a container's upper layer outlives its mount.
 */
static int set_common(int fs, const struct rootfs *rootfs)
{
	static const char *const fixed[][2] = { { "userxattr", NULL }, { "index", "off" },
		{ "metacopy", "off" } };
	char path[PATH_OF_FD_MAX];
	int r;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		r = filesystem_set(fs, fixed[i][0], fixed[i][1]);
		if (r < 0)
			return r;
	}
	if (rootfs->upper_fd < 0)
		return 0;
	r = filesystem_set(fs, "upperdir", path_of_fd(rootfs->upper_fd, path));
	if (r == 0)
		r = filesystem_set(fs, "workdir", path_of_fd(rootfs->work_fd, path));
	if (r == 0 && rootfs->is_volatile)
		r = filesystem_set(fs, "volatile", NULL);
	return r;
}

/* Linux 6.7 takes layer by layer; an older kernel says EINVAL when it creates. */
static int append_each(int fs, const struct rootfs *rootfs)
{
	char path[PATH_OF_FD_MAX];
	int r;

	for (size_t i = rootfs->lower_count; i-- > 0;) {
		r = filesystem_set(
			fs, "lowerdir+", path_of_fd(rootfs->lower_fds[i], path));
		if (r < 0)
			return r;
	}
	return 0;
}

static int mount_named(const struct rootfs *rootfs, const char *lowerdir, struct err *err)
{
	cleanup_close int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	int r;

	if (fs < 0 && errno == ENODEV) {
		(void)err_say(err, ENODEV, "this kernel has no overlayfs");
		return err_hint(
			err, "load it (modprobe overlay), or copy the image instead");
	}
	if (fs < 0)
		return err_set(err, errno, "open overlayfs");
	r = lowerdir ? filesystem_set(fs, "lowerdir", lowerdir) : append_each(fs, rootfs);
	if (r == 0)
		r = set_common(fs, rootfs);
	if (r < 0)
		return err_set(
			err, -r, "set up an overlay of %zu layers", rootfs->lower_count);
	return filesystem_finish(fs, "overlay", 0, err);
}

/* For a kernel that wants all layers in one string of at most 255 bytes. The names are
 * relative to the working directory, which is put back. */
static int mount_short(const struct rootfs *rootfs, struct err *err)
{
	cleanup_free char *lowerdir = overlay_lowerdir(rootfs, OVERLAY_SHORT_NAMES);
	cleanup_close int old = -1;
	int fd;

	if (!lowerdir)
		return err_oom(err);
	if (strlen(lowerdir) > FILESYSTEM_VALUE_MAX) {
		(void)err_say(err, E2BIG,
			"%zu layers are more than this kernel's overlayfs takes",
			rootfs->lower_count);
		return err_hint(err, "Linux 6.7 takes up to %d", ROOTFS_LAYERS_MAX);
	}
	old = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (old < 0 || chdir("/proc/self/fd") < 0)
		return err_set(err, errno, "enter /proc/self/fd");
	fd = mount_named(rootfs, lowerdir, err);
	if (fchdir(old) < 0 && fd >= 0) {
		(void)close(fd);
		return err_set(err, errno, "go back to the working directory");
	}
	return fd;
}

int overlay_mount(const struct rootfs *rootfs, struct err *err)
{
	cleanup_free char *lowerdir = NULL;
	struct err refusal;
	int fd;

	if (rootfs->lower_count == 0 || rootfs->lower_count > ROOTFS_LAYERS_MAX)
		return err_say(err, EINVAL, "an overlay needs 1 to %d layers, not %zu",
			ROOTFS_LAYERS_MAX, rootfs->lower_count);
	lowerdir = overlay_lowerdir(rootfs, OVERLAY_FULL_NAMES);
	if (!lowerdir)
		return err_oom(err);
	if (strlen(lowerdir) <= FILESYSTEM_VALUE_MAX)
		return mount_named(rootfs, lowerdir, err);
	fd = mount_named(rootfs, NULL, &refusal);
	if (fd == -EINVAL)
		return mount_short(rootfs, err);
	if (fd < 0 && err)
		*err = refusal;
	return fd;
}
