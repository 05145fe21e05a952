/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/console.h"

#include "common/cleanup.h"
#include "common/path.h"
#include "isolators/mount-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

/* Majors of Unix98 slaves (Documentation/admin-guide/devices.txt). */
#define PTS_MAJOR_FIRST 136
#define PTS_MAJOR_LAST 143

static bool is_ptmx(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(5, 2);
}

static bool is_on_devpts(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == DEVPTS_SUPER_MAGIC;
}

/* The multiplexer of the container's own devpts, found to be one before it is opened. */
static int open_master(int root_fd, struct err *err)
{
	cleanup_close int pts = -1, fd = -1;
	struct stat st;

	pts = path_open_in_root(root_fd, "/dev/pts", O_PATH | O_DIRECTORY, 0);
	if (pts < 0 || !is_on_devpts(pts)) {
		(void)err_say(err, ENOENT,
			"a terminal needs a devpts on /dev/pts of the container");
		return err_hint(err, "add a mount of type devpts");
	}
	if (fstatat(pts, "ptmx", &st, AT_SYMLINK_NOFOLLOW) < 0 || !is_ptmx(&st))
		return err_say(err, ENODEV,
			"/dev/pts/ptmx of the container is not the devpts multiplexer");
	fd = openat(pts, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open /dev/pts/ptmx of the container");
	return take_fd(&fd);
}

/* The other end, by descriptor: a name could lead elsewhere by now (CVE-2025-52565). */
static int open_slave(int master, struct err *err)
{
	cleanup_close int fd = -1;
	int unlocked = 0;
	struct stat st;

	if (ioctl(master, TIOCSPTLCK, &unlocked) < 0)
		return err_set(err, errno, "unlock the terminal");
	fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open the terminal");
	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "examine the terminal");
	if (!S_ISCHR(st.st_mode) || major(st.st_rdev) < PTS_MAJOR_FIRST ||
		major(st.st_rdev) > PTS_MAJOR_LAST || !is_on_devpts(fd))
		return err_say(err, ENOTTY,
			"the terminal is not a pty of the container's devpts");
	return take_fd(&fd);
}

static int bind_on_dev_console(int root_fd, int slave, struct err *err)
{
	static const char path[] = "/dev/console";
	cleanup_close int tree = mount_clone(slave, "", false);
	cleanup_close int target = -1;

	if (tree < 0)
		return err_set(err, -tree, "clone the mount of the terminal");
	target = path_make_target(root_fd, path, 1);
	if (target < 0)
		return err_set(err, -target, "make %s", path);
	return mount_attach(tree, target, root_fd, path, err);
}

static int set_size(int fd, const struct spec_process *process, struct err *err)
{
	struct winsize size = {
		.ws_row = (unsigned short)process->console_size.height,
		.ws_col = (unsigned short)process->console_size.width,
	};

	if (!size.ws_row && !size.ws_col)
		return 0;
	return ioctl(fd, TIOCSWINSZ, &size) < 0
		       ? err_set(err, errno, "set the terminal's size")
		       : 0;
}

/* The slave belongs to the user of the process, as after a login; where his id is not
 * mapped it stays root's. */
static int become_stdio(int slave, const struct spec_process *process, struct err *err)
{
	if (process->user.uid && fchown(slave, process->user.uid, (gid_t)-1) < 0 &&
		errno != EINVAL && errno != EPERM)
		return err_set(
			err, errno, "give the terminal to uid %u", process->user.uid);
	(void)setsid();
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		return err_set(err, errno, "make the terminal the controlling one");
	for (int fd = 0; fd < 3; fd++) {
		if (dup2(slave, fd) < 0)
			return err_set(
				err, errno, "make the terminal stdin, stdout and stderr");
	}
	return 0;
}

static int set_up(struct isolation *isolation, bool has_dev_console, struct err *err)
{
	cleanup_close int master = -1, slave = -1;
	int r;

	if (!isolation->process->terminal)
		return 0;
	master = open_master(isolation->root_fd, err);
	if (master < 0)
		return master;
	slave = open_slave(master, err);
	if (slave < 0)
		return slave;
	r = has_dev_console ? bind_on_dev_console(isolation->root_fd, slave, err) : 0;
	if (r == 0)
		r = set_size(master, isolation->process, err);
	if (r == 0)
		r = become_stdio(slave, isolation->process, err);
	if (r < 0)
		return r;
	isolation->console_fd = take_fd(&master);
	return 0;
}

static int isolate(struct isolation *isolation, struct err *err)
{
	return set_up(isolation, true, err);
}

static int isolate_exec(struct isolation *isolation, struct err *err)
{
	return set_up(isolation, false, err);
}

const struct isolator console_isolator = { .name = "console", .isolate = isolate };
const struct isolator console_exec_isolator = { .name = "console",
	.isolate = isolate_exec };
