/* SPDX-License-Identifier: Apache-2.0 */
#include "images/confine-rights.h"

#include "common/cleanup.h"
#include "images/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#ifndef FSOPEN_CLOEXEC
#define FSOPEN_CLOEXEC 1
#endif

static int make_empty_root(void)
{
	cleanup_close int fs_fd = -1, mount_fd = -1;

	fs_fd = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
	if (fs_fd < 0 ||
		syscall(SYS_fsconfig, fs_fd, FSCONFIG_SET_STRING, "mode", "0555", 0) <
			0 ||
		syscall(SYS_fsconfig, fs_fd, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
		syscall(SYS_fsconfig, fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	mount_fd = (int)syscall(SYS_fsmount, fs_fd, FSMOUNT_CLOEXEC,
		MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			MOUNT_ATTR_NOEXEC);
	if (mount_fd < 0 ||
		syscall(SYS_move_mount, mount_fd, "", AT_FDCWD, "/",
			MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
		fchdir(mount_fd) < 0)
		return -errno;
	return 0;
}

/* The mount and with it every path of the host goes; descriptors keep working. */
static int leave_root(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		make_empty_root() < 0)
		return -errno;
	/* An initramfs cannot be pivoted away from; there, chroot(2) without the right to
	 * call it again must do. */
	if (syscall(SYS_pivot_root, ".", ".") == 0)
		return umount2(".", MNT_DETACH) < 0 ? -errno : 0;
	return chroot(".") < 0 ? -errno : 0;
}

int confine_root(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		return -errno;
	return leave_root();
}

static bool is_kept(cap_value_t cap, const cap_value_t *kept, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (kept[i] == cap)
			return true;
	}
	return false;
}

int confine_caps(const cap_value_t *kept, size_t count, struct err *err)
{
	cap_t have = cap_get_proc(), keep = cap_init();
	int r = 0;

	for (cap_value_t cap = 0; CAP_IS_SUPPORTED(cap); cap++) {
		cap_flag_value_t permitted = CAP_CLEAR;

		if (!is_kept(cap, kept, count)) {
			(void)cap_drop_bound(
				cap); /* needs SETPCAP; never gained again anyhow */
			continue;
		}
		if (!have || !keep ||
			cap_get_flag(have, cap, CAP_PERMITTED, &permitted) < 0 ||
			cap_set_flag(keep, CAP_PERMITTED, 1, &cap, permitted) < 0 ||
			cap_set_flag(keep, CAP_EFFECTIVE, 1, &cap, permitted) < 0)
			r = -ENOMEM;
	}
	(void)cap_reset_ambient();
	if (r < 0 || cap_set_proc(keep) < 0)
		r = err_set(err, r < 0 ? -r : errno, "give up capabilities");
	(void)cap_free(have);
	(void)cap_free(keep);
	return r;
}

/* The caller's terminal may be among them. */
int confine_stdio(struct err *err)
{
	cleanup_close int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, errno, "open /dev/null");
	for (int i = 0; i < HELPER_SOCKET_FD; i++) {
		if (dup2(fd, i) < 0)
			return err_set(err, errno, "leave the caller's terminal");
	}
	return 0;
}
