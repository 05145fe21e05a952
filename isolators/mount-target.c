/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/mounts-private.h"

#include "common/cleanup.h"
#include "common/path.h"
#include "common/str.h"
#include "isolators/mount-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* Files of procfs that a bind may replace: statistics that nothing trusts (as lxcfs
 * does). */
static const char *const proc_files[] = {
	"/proc/cpuinfo",
	"/proc/diskstats",
	"/proc/loadavg",
	"/proc/meminfo",
	"/proc/net/dev",
	"/proc/slabinfo",
	"/proc/stat",
	"/proc/swaps",
	"/proc/sys/kernel/ns_last_pid",
	"/proc/uptime",
};

/* Targets that the runtime itself relies on afterwards: a link there would lead masks,
 * devices or values of sysctl astray. */
static const char *const guarded[] = { "/proc", "/sys", "/dev" };

static bool is_listed(const char *const *list, size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++) {
		if (str_eq(list[i], path))
			return true;
	}
	return false;
}

static bool is_guarded(const struct mount_plan *plan)
{
	const char *type = plan->spec->type;

	if (is_listed(guarded, sizeof(guarded) / sizeof(guarded[0]), plan->target))
		return true;
	return type && (str_eq(type, "proc") || str_eq(type, "sysfs"));
}

int mount_target_check(const struct mount_plan *plan, struct err *err)
{
	const char *type = plan->spec->type ? plan->spec->type : "";
	size_t count = sizeof(proc_files) / sizeof(proc_files[0]);

	if (str_eq(plan->target, "/"))
		return err_say(
			err, EINVAL, "mounts: \"/\" is the root file system's place");
	if (str_eq(plan->target, "/proc") && !str_eq(type, "proc") &&
		!plan->options.is_bind)
		return err_say(err, EPERM,
			"mounts: only a procfs may be mounted on /proc, not %s", type);
	if (str_skip_prefix(plan->target, "/proc/") &&
		!is_listed(proc_files, count, plan->target))
		return err_say(err, EPERM,
			"mounts: %s lies inside procfs and must not be covered",
			plan->target);
	return 0;
}

static int open_guarded(int root_fd, const char *target, struct err *err)
{
	int fd = path_open_in_root(root_fd, target, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);

	if (fd == -ENOTDIR || fd == -ELOOP)
		return err_say(err, ENOTDIR,
			"%s of the container is not a plain directory", target);
	return fd;
}

static int make_guarded(int root_fd, const char *target, struct err *err)
{
	int fd = open_guarded(root_fd, target, err);

	if (fd != -ENOENT)
		return fd;
	fd = path_mkdir_in_root(root_fd, target, 0755, 0, 0);
	if (fd < 0)
		return err_set(err, -fd, "make the mount target %s", target);
	(void)close(fd);
	return open_guarded(root_fd, target, err);
}

static bool is_same_place(int fd, int other_fd)
{
	struct stat st, other;

	return fstat(fd, &st) == 0 && fstat(other_fd, &other) == 0 &&
	       st.st_dev == other.st_dev && st.st_ino == other.st_ino &&
	       mount_is_same(fd, other_fd);
}

/* The names above say nothing once a link of the image was followed. */
static int check_reached(
	int root_fd, const struct mount_plan *plan, int fd, struct err *err)
{
	cleanup_close int dev_fd = path_open_in_root(root_fd, "/dev", O_PATH, 0);
	const char *where = NULL;
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return err_set(err, errno, "examine %s", plan->target);
	if (fs.f_type == PROC_SUPER_MAGIC)
		where = "procfs";
	else if (fs.f_type == SYSFS_MAGIC)
		where = "sysfs";
	else if (dev_fd >= 0 && is_same_place(fd, dev_fd))
		where = "/dev";
	else if (is_same_place(fd, root_fd))
		where = "the root";
	return where ? err_say(err, EPERM,
			       "mounts: a link makes %s a name for %s, which must not be covered",
			       plan->target, where)
		     : 0;
}

static int open_through_links(
	int root_fd, const struct mount_plan *plan, bool want_file, struct err *err)
{
	cleanup_close int fd = path_make_target(root_fd, plan->target, want_file);
	int r;

	if (fd < 0) {
		r = fd;
		return err_set(err, -r, "make the mount target %s", plan->target);
	}
	r = check_reached(root_fd, plan, fd, err);
	return r < 0 ? r : take_fd(&fd);
}

int mount_target_open(
	int root_fd, const struct mount_plan *plan, bool want_file, struct err *err)
{
	int fd;

	if (is_guarded(plan))
		return make_guarded(root_fd, plan->target, err);
	fd = path_open_beneath(root_fd, plan->target + 1, O_PATH, 0);
	if (fd >= 0)
		return fd;
	fd = open_through_links(root_fd, plan, want_file, err);
	if (fd == -EROFS)
		(void)err_hint(err,
			"the target must exist when the file system below it is read-only");
	return fd;
}
