/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container can reach the program that created it through /proc/PID/exe and, where it
 * is root on the host or the owner of the file, open it for writing once nothing executes
 * it any more. A process that runs from a read-only mount of its own, or from a sealed
 * copy, offers nothing to write to.
 */
#include "runtime/runtime.h"

#include "common/cleanup.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#define SELF "/proc/self/exe"
#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* Judged by what the kernel says of the file: a variable could be set by anybody. */
static bool is_on_read_only_mount(void)
{
	struct statfs fs;

	return statfs(SELF, &fs) == 0 && (fs.f_flags & ST_RDONLY);
}

static bool is_sealed(int exe_fd)
{
	int seals = fcntl(exe_fd, F_GET_SEALS);

	return seals >= 0 && (seals & ALL_SEALS) == ALL_SEALS;
}

/* A private read-only view of the file: no copy, nothing in any mount table. */
static int open_read_only(int exe_fd)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	cleanup_close int fd = -1;

	fd = (int)syscall(SYS_open_tree, exe_fd, "",
		AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0 || syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr,
			      sizeof(attr)) < 0)
		return -errno;
	return take_fd(&fd);
}

static int open_sealed_copy(int exe_fd, off_t size)
{
	cleanup_close int fd = -1;
	off_t at = 0;

	fd = memfd_create("ucr", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	while (at < size) {
		if (sendfile(fd, exe_fd, &at, (size_t)(size - at)) <= 0)
			return errno ? -errno : -EIO;
	}
	if (fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0)
		return -errno;
	return take_fd(&fd);
}

int runtime_protect_self(char **argv, struct err *err)
{
	cleanup_close int exe_fd = -1, safe_fd = -1;
	struct stat st;

	/* Executing a descriptor left its number as our name. */
	(void)prctl(PR_SET_NAME, path_base(argv[0]));
	if (is_on_read_only_mount())
		return 0;
	exe_fd = open(SELF, O_RDONLY | O_CLOEXEC);
	if (exe_fd < 0 || fstat(exe_fd, &st) < 0)
		return err_set(err, errno, "open " SELF);
	if (is_sealed(exe_fd))
		return 0;
	/* A file that belongs to somebody else needs no protection from us. */
	if (geteuid() != 0 && st.st_uid != geteuid())
		return 0;
	safe_fd = open_read_only(exe_fd);
	if (safe_fd < 0)
		safe_fd = open_sealed_copy(exe_fd, st.st_size);
	if (safe_fd < 0)
		return err_set(err, -safe_fd, "make a read-only copy of this program");
	(void)syscall(SYS_execveat, safe_fd, "", argv, environ, AT_EMPTY_PATH);
	return err_set(err, errno, "execute the read-only copy of this program");
}
