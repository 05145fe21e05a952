/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/proc-handle.h"

#include "common/cleanup.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/vfs.h>

/* A detached instance; -EPERM without the privilege, or in a user namespace whose view of
 * /proc is covered in places. */
static int open_own(void)
{
	cleanup_close int fs = fsopen("proc", FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = fsmount(fs, FSMOUNT_CLOEXEC,
		MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_hosts(struct err *err)
{
	cleanup_close int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return err_set(err, errno, "open /proc");
	if (fs.f_type != PROC_SUPER_MAGIC)
		return err_say(err, EXDEV, "/proc is not a procfs");
	return take_fd(&fd);
}

int proc_handle_open(struct err *err)
{
	int fd = open_own();

	return fd >= 0 ? fd : open_hosts(err);
}

/* "self" is a link within procfs; RESOLVE_BENEATH and RESOLVE_NO_XDEV keep it there. */
int proc_handle_write(int proc_dirfd, const char *path, const char *value)
{
	cleanup_close int fd = path_open_scoped(
		proc_dirfd, path, O_WRONLY, 0, RESOLVE_BENEATH | RESOLVE_NO_XDEV);
	ssize_t n;

	if (fd < 0)
		return fd;
	do {
		n = write(fd, value, strlen(value));
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static int isolate(struct isolation *isolation, struct err *err)
{
	const struct spec_process *process = isolation->process;
	int fd;

	if (isolation->proc_dirfd >= 0 || (!strv_len(isolation->spec->linux_.sysctl) &&
						  str_empty(process->apparmor_profile) &&
						  str_empty(process->selinux_label)))
		return 0;
	fd = proc_handle_open(err);
	if (fd < 0)
		return fd;
	isolation->proc_dirfd = fd;
	return 0;
}

const struct isolator proc_handle_isolator = { .name = "proc-handle",
	.isolate = isolate };
