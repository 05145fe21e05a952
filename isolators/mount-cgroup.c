/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mount of type cgroup or cgroup2: the container's own cgroups and nothing above them
 * (D14), as binds of the host's directories. On v2 that is one mount; on v1 and hybrid a
 * tmpfs with one directory for each hierarchy, named as the host names them. In a cgroup
 * namespace such a bind looks like a mount of the whole hierarchy.
 */
#include "isolators/mounts-private.h"

#include "common/cleanup.h"
#include "common/path.h"
#include "common/str.h"
#include "isolators/filesystem.h"
#include "isolators/mount-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define HOST_ROOT "/sys/fs/cgroup"

/* One line of /proc/self/cgroup, "4:cpu,cpuacct:/path", borrowed from it. */
struct hierarchy {
	const char *name; /* of its directory; "" for v2 */
	const char *path;
};

static bool parse_line(char *line, struct hierarchy *ret)
{
	char *controllers;
	const char *named;

	(void)strsep(&line, ":");
	controllers = strsep(&line, ":");
	if (!controllers || !line || *line != '/')
		return false;
	named = str_skip_prefix(controllers, "name=");
	ret->name = named ? named : controllers;
	ret->path = line;
	return true;
}

/* The container's directory of one hierarchy as a detached tree; -ENOENT where the host
 * has not mounted it. `dir`: of the hierarchy, relative to HOST_ROOT. */
static int clone_own(int host_fd, const char *dir, const char *path, uint64_t attributes)
{
	const struct mount_change change = {
		.set = attributes, .propagation = MS_PRIVATE, .idmap_fd = -1
	};
	cleanup_close int hierarchy = -1, own = -1, tree = -1;
	int r;

	hierarchy = openat(host_fd, dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (hierarchy < 0)
		return -errno;
	own = path_open_beneath(hierarchy, path + 1, O_PATH | O_DIRECTORY, 0);
	if (own < 0)
		return own;
	tree = mount_clone(own, "", false);
	if (tree < 0)
		return tree;
	r = mount_change(tree, &change);
	return r < 0 ? r : take_fd(&tree);
}

/* "cpu" and "cpuacct" beside "cpu,cpuacct", as the host has them. */
static int link_controllers(int dirfd, const char *name)
{
	cleanup_free char *copy = NULL;
	char *rest, *controller;

	if (!strchr(name, ','))
		return 0;
	rest = copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	while ((controller = strsep(&rest, ","))) {
		if (symlinkat(name, dirfd, controller) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/* `tmpfs_fd` is attached already; its directories are named by the kernel's list. */
static int mount_hierarchy(int tmpfs_fd, int host_fd, const struct hierarchy *h,
	uint64_t attributes, struct err *err)
{
	const char *name = *h->name ? h->name : "unified";
	cleanup_close int tree = -1, target = -1;
	int r;

	tree = clone_own(host_fd, name, h->path, attributes);
	if (tree == -ENOENT)
		return 0;
	if (tree < 0)
		return err_set(err, -tree, "open the container's cgroup of %s", name);
	if (mkdirat(tmpfs_fd, name, 0755) < 0)
		return err_set(err, errno, "make the directory of cgroup %s", name);
	target = openat(tmpfs_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0 || move_mount(tree, "", target, "",
				  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(err, errno, "mount cgroup %s", name);
	r = link_controllers(tmpfs_fd, name);
	return r < 0 ? err_set(err, -r, "link the controllers of cgroup %s", name) : 0;
}

static int attach(struct isolation *isolation, const struct mount_plan *plan, int tree_fd,
	struct err *err)
{
	cleanup_close int target =
		mount_target_open(isolation->root_fd, plan, false, err);

	if (target < 0)
		return target;
	return mount_attach(tree_fd, target, isolation->root_fd, plan->target, err);
}

static int mount_v1(struct isolation *isolation, struct mount_plan *plan, int host_fd,
	struct err *err)
{
	static char *const data[] = { (char *)"mode=755", NULL };
	uint64_t attributes = plan->options.own.set | plan->options.recursive.set;
	const struct filesystem f = { .type = "tmpfs",
		.source = "tmpfs",
		.data = data,
		.attributes = attributes & ~(uint64_t)MOUNT_ATTR_RDONLY };
	cleanup_close int tmpfs = filesystem_mount(&f, err);
	char *rest = isolation->cgroup_paths, *line;
	struct hierarchy h;
	int r;

	if (tmpfs < 0)
		return tmpfs;
	r = attach(isolation, plan, tmpfs, err);
	while (r == 0 && (line = strsep(&rest, "\n"))) {
		if (parse_line(line, &h) && !str_eq(h.path, "/"))
			r = mount_hierarchy(tmpfs, host_fd, &h, attributes, err);
	}
	if (r == 0 && plan->is_late_readonly)
		plan->tree_fd = take_fd(&tmpfs);
	return r;
}

static int mount_v2(struct isolation *isolation, struct mount_plan *plan, int host_fd,
	struct err *err)
{
	cleanup_close int tree = -1;
	char *rest = isolation->cgroup_paths, *line;
	struct hierarchy h = { .path = "/" };

	while ((line = strsep(&rest, "\n"))) {
		if (parse_line(line, &h) && !*h.name)
			break;
	}
	tree = clone_own(host_fd, ".", h.path,
		plan->options.own.set | plan->options.recursive.set);
	if (tree < 0)
		return err_set(err, -tree, "open the container's cgroup");
	return attach(isolation, plan, tree, err);
}

int mount_cgroup(struct isolation *isolation, struct mount_plan *plan, struct err *err)
{
	cleanup_close int host = open(HOST_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (host < 0 || fstatfs(host, &fs) < 0)
		return err_set(err, errno, "open %s", HOST_ROOT);
	return fs.f_type == CGROUP2_SUPER_MAGIC ? mount_v2(isolation, plan, host, err)
						: mount_v1(isolation, plan, host, err);
}
