/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/dev.h"

#include "common/cleanup.h"
#include "common/path.h"
#include "isolators/mount-options.h"
#include "isolators/mount-tree.h"
#include "isolators/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* The nodes that the OCI runtime specification wants in every container. */
static const struct {
	const char *name;
	unsigned int major, minor;
} default_nodes[] = {
	{ "null", 1, 3 },
	{ "zero", 1, 5 },
	{ "full", 1, 7 },
	{ "random", 1, 8 },
	{ "urandom", 1, 9 },
	{ "tty", 5, 0 },
};

static const struct {
	const char *name, *target;
} links[] = {
	{ "fd", "/proc/self/fd" },
	{ "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" },
	{ "core", "/proc/kcore" },
	{ "ptmx", "pts/ptmx" },
};

static const struct {
	char letter;
	mode_t type;
} device_types[] = { { 'c', S_IFCHR }, { 'u', S_IFCHR }, { 'b', S_IFBLK },
	{ 'p', S_IFIFO } };

/* A node to be: by name in an open directory. */
struct node {
	const char *name, *path; /* path: in the container, and on the host for a bind */
	mode_t mode;		 /* with type */
	dev_t rdev;
	uid_t uid;
	gid_t gid;
};

static mode_t type_of(const char *text)
{
	for (size_t i = 0; i < sizeof(device_types) / sizeof(device_types[0]); i++) {
		if (text && text[0] == device_types[i].letter && !text[1])
			return device_types[i].type;
	}
	return 0;
}

static bool is_wanted_node(const struct stat *st, const struct node *node)
{
	return (st->st_mode & S_IFMT) == (node->mode & S_IFMT) &&
	       (S_ISFIFO(st->st_mode) || st->st_rdev == node->rdev);
}

/* An existing node is left as it is; anything else in its place is an error. */
static int check_existing(int dirfd, const struct node *node, struct err *err)
{
	struct stat st;

	if (fstatat(dirfd, node->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, errno, "examine %s of the container", node->path);
	if (!is_wanted_node(&st, node))
		return err_say(err, EEXIST,
			"%s of the container exists and is not the device that was asked for",
			node->path);
	return 0;
}

/* Where mknod(2) is not permitted: the host's node of the same path, if it is the same.
 */
static int bind_host_node(
	int root_fd, int dirfd, const struct node *node, struct err *err)
{
	cleanup_close int tree = mount_clone(AT_FDCWD, node->path, false);
	cleanup_close int target = -1;
	struct stat st;

	if (tree < 0 || fstat(tree, &st) < 0)
		return err_set(
			err, tree < 0 ? -tree : errno, "open the host's %s", node->path);
	if (!is_wanted_node(&st, node))
		return err_say(err, ENODEV,
			"the host's %s is not the device that was asked for", node->path);
	target = openat(
		dirfd, node->name, O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	if (target < 0)
		return err_set(err, errno, "make the mount target %s", node->path);
	return mount_attach(tree, target, root_fd, node->path, err);
}

static int make_node(const struct isolation *isolation, int dirfd,
	const struct node *node, struct err *err)
{
	bool may_bind = !S_ISFIFO(node->mode) &&
			namespaces_is_own(isolation->namespaces, CLONE_NEWNS);

	/* A user namespace's mknod(2) succeeds nowhere but for FIFOs. */
	if (may_bind && namespaces_is_own(isolation->namespaces, CLONE_NEWUSER))
		return bind_host_node(isolation->root_fd, dirfd, node, err);
	if (mknodat(dirfd, node->name, node->mode, node->rdev) < 0) {
		if (errno == EEXIST)
			return check_existing(dirfd, node, err);
		if (errno == EPERM && may_bind)
			return bind_host_node(isolation->root_fd, dirfd, node, err);
		return err_set(err, errno, "make %s", node->path);
	}
	if ((node->uid || node->gid) && fchownat(dirfd, node->name, node->uid, node->gid,
						AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, errno, "give %s its owner", node->path);
	return 0;
}

static int make_defaults(const struct isolation *isolation, int dev_fd, struct err *err)
{
	char path[32];
	int r;

	for (size_t i = 0; i < sizeof(default_nodes) / sizeof(default_nodes[0]); i++) {
		const struct node node = {
			.name = default_nodes[i].name,
			.path = path,
			.mode = S_IFCHR | 0666,
			.rdev = makedev(default_nodes[i].major, default_nodes[i].minor),
		};

		(void)snprintf(path, sizeof(path), "/dev/%s", node.name);
		r = make_node(isolation, dev_fd, &node, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Existing links stay; the image's own ptmx would lead to another devpts and is replaced.
 */
static int make_links(int dev_fd, struct err *err)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (symlinkat(links[i].target, dev_fd, links[i].name) == 0)
			continue;
		if (errno == EEXIST && str_eq(links[i].name, "ptmx") &&
			unlinkat(dev_fd, "ptmx", 0) == 0 &&
			symlinkat(links[i].target, dev_fd, "ptmx") == 0)
			continue;
		if (errno != EEXIST)
			return err_set(err, errno, "link /dev/%s", links[i].name);
	}
	return 0;
}

/* The directory in which a configured device goes: /dev itself, or made below the root.
 */
static int open_parent(const struct isolation *isolation, const char *path, int dev_fd)
{
	const char *base = path_base(path);
	cleanup_free char *parent = NULL;

	if (base == path + strlen("/dev/") && str_skip_prefix(path, "/dev/"))
		return fcntl(dev_fd, F_DUPFD_CLOEXEC, 3);
	parent = strndup(path, (size_t)(base - path));
	if (!parent)
		return -ENOMEM;
	return path_mkdir_in_root(isolation->root_fd, parent, 0755, 0, 0);
}

static int make_configured(const struct isolation *isolation,
	const struct spec_device *device, int dev_fd, struct err *err)
{
	cleanup_free char *path = path_clean(device->path);
	cleanup_close int parent = -1;
	struct node node = { .path = path, .uid = device->uid, .gid = device->gid };

	if (!path)
		return err_oom(err);
	node.name = path_base(path);
	node.mode = type_of(device->type) |
		    (device->has_file_mode ? device->file_mode & 07777 : 0666);
	if (!S_ISFIFO(node.mode))
		node.rdev =
			makedev((unsigned int)device->major, (unsigned int)device->minor);
	parent = open_parent(isolation, path, dev_fd);
	if (parent < 0)
		return err_set(err, parent == -1 ? errno : -parent,
			"open the directory of %s", path);
	return make_node(isolation, parent, &node, err);
}

/* ---- the isolator
 * -------------------------------------------------------------------------- */

static int prepare(struct isolation *isolation, struct err *err)
{
	const struct spec_devices *devices = &isolation->spec->linux_.devices;

	for (size_t i = 0; i < devices->count; i++) {
		const struct spec_device *device = &devices->items[i];

		if (!type_of(device->type))
			return err_say(err, EINVAL,
				"linux.devices: %s has the unknown type %s", device->path,
				device->type ? device->type : "(none)");
		if (*device->path != '/' || !*path_base(device->path))
			return err_say(err, EINVAL,
				"linux.devices: %s is not an absolute path",
				device->path);
		if (type_of(device->type) != S_IFIFO &&
			(device->major < 0 || device->major > 4095 || device->minor < 0 ||
				device->minor > 0xfffff))
			return err_say(err, EINVAL,
				"linux.devices: %s has an impossible number %lld:%lld",
				device->path, (long long)device->major,
				(long long)device->minor);
	}
	return 0;
}

/* A bind onto /dev brings its own devices. */
static bool dev_is_bound(const struct spec_mounts *mounts)
{
	for (size_t i = 0; i < mounts->count; i++) {
		const struct spec_mount *mount = &mounts->items[i];
		bool is_bind = mount->type && str_eq(mount->type, "bind");

		strv_each (s, mount->options)
			is_bind |= str_eq(*s, "bind") || str_eq(*s, "rbind");
		if (is_bind && (str_eq(mount->destination, "/dev") ||
				       str_eq(mount->destination, "/dev/")))
			return true;
	}
	return false;
}

/* The container's /dev, never through a link (CVE-2026-47766). */
static int open_dev(const struct isolation *isolation, struct err *err)
{
	int fd = path_open_in_root(
		isolation->root_fd, "/dev", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

	if (fd == -ENOENT) {
		fd = path_mkdir_in_root(isolation->root_fd, "/dev", 0755, 0, 0);
		return fd < 0 ? err_set(err, -fd, "make /dev of the container") : fd;
	}
	if (fd == -ENOTDIR || fd == -ELOOP)
		return err_say(
			err, ENOTDIR, "/dev of the container is not a plain directory");
	return fd < 0 ? err_set(err, -fd, "open /dev of the container") : fd;
}

static int make_all(const struct isolation *isolation, int dev_fd, struct err *err)
{
	const struct spec_devices *devices = &isolation->spec->linux_.devices;
	int r;

	r = make_defaults(isolation, dev_fd, err);
	for (size_t i = 0; r == 0 && i < devices->count; i++)
		r = make_configured(isolation, &devices->items[i], dev_fd, err);
	return r < 0 ? r : make_links(dev_fd, err);
}

static int isolate(struct isolation *isolation, struct err *err)
{
	cleanup_close int dev_fd = -1;
	mode_t old;
	int r;

	if (!namespaces_is_own(isolation->namespaces, CLONE_NEWNS) ||
		dev_is_bound(&isolation->spec->mounts))
		return 0;
	dev_fd = open_dev(isolation, err);
	if (dev_fd < 0)
		return dev_fd;
	old = umask(0);
	r = make_all(isolation, dev_fd, err);
	(void)umask(old);
	return r;
}

const struct isolator dev_isolator = {
	.name = "dev", .prepare = prepare, .isolate = isolate
};
