/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/mounts.h"

#include "common/cleanup.h"
#include "common/path.h"
#include "isolators/copy-up.h"
#include "isolators/filesystem.h"
#include "isolators/mount-tree.h"
#include "isolators/mounts-private.h"
#include "isolators/namespaces.h"
#include "isolators/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

static int mount_bind(
	struct isolation *isolation, struct mount_plan *plan, struct err *err);
static int mount_kernel(
	struct isolation *isolation, struct mount_plan *plan, struct err *err);
static int mount_any(
	struct isolation *isolation, struct mount_plan *plan, struct err *err);

/*
 * A kernel file system belongs to a namespace (procfs to the pid namespace, sysfs to the
 * network, mqueue to ipc). Where the container shares the host's and lacks the privilege
 * over it, it gets the host's mount instead; "all" are the attributes it then has
 * throughout.
 */
struct mount_type {
	const char *name;
	mount_fn mount;
	const char *fallback;
	uint64_t all;
	bool is_labelled; /* takes "context=" of linux.mountLabel */
};

static const struct mount_type mount_types[] = {
	{ "bind", mount_bind, NULL, 0, false },
	{ "proc", mount_kernel, "/proc", 0, false },
	{ "sysfs", mount_kernel, "/sys", MOUNT_ATTR_RDONLY, false },
	{ "mqueue", mount_kernel, "/dev/mqueue", 0, false },
	{ "cgroup", mount_cgroup, NULL, 0, false },
	{ "cgroup2", mount_cgroup, NULL, 0, false },
	{ NULL, mount_any, NULL, 0, true },
};

static const struct mount_type *find_type(const char *name)
{
	const struct mount_type *type = mount_types;

	while (type->name && !(name && str_eq(type->name, name)))
		type++;
	return type;
}

/* ---- the parent: plans and bind sources
 * -------------------------------------------------- */

static int idmap_of(const struct isolation *isolation, const struct spec_mount *mount,
	int *ret_fd, struct err *err)
{
	const struct spec_linux *linux_ = &isolation->spec->linux_;

	if (isolation->is_rootless)
		return err_say(err, EPERM, "mounts: an id-mapped mount of %s needs root",
			mount->source);
	if (mount->uid_mappings.count && mount->gid_mappings.count)
		return userns_open(
			&mount->uid_mappings, &mount->gid_mappings, ret_fd, err);
	if (linux_->uid_mappings.count && linux_->gid_mappings.count)
		return userns_open(
			&linux_->uid_mappings, &linux_->gid_mappings, ret_fd, err);
	return err_say(err, EINVAL,
		"mounts: idmap of %s needs uidMappings and gidMappings, of the mount or "
		"of linux",
		mount->source);
}

/* A flag that the mount brings along cannot be cleared in a user namespace (it is locked,
 * see mount_namespaces(7)): it then stays. */
static int change_or_keep(int fd, struct mount_change *change)
{
	int r = mount_change(fd, change);

	if (r != -EPERM || !change->clear)
		return r;
	change->clear = change->set & MOUNT_ATTR_NOATIME ? MOUNT_ATTR__ATIME : 0;
	return mount_change(fd, change);
}

/* Two calls at most: what concerns the whole tree, what concerns its top. */
static int change_tree(int fd, const struct mount_options *o, int idmap_fd)
{
	struct mount_change all = { o->recursive.set, o->recursive.clear, o->propagation,
		idmap_fd, o->is_recursive };
	struct mount_change top = { o->own.set, o->own.clear, 0, -1, false };
	int r;

	if (!all.propagation)
		all.propagation = MS_PRIVATE | (o->is_recursive ? MS_REC : 0);
	if (!(all.propagation & MS_REC) && !all.set && !all.clear &&
		o->idmap != MOUNT_IDMAP_RECURSIVE)
		all.is_recursive = false;
	all.propagation &= ~(uint64_t)MS_REC;
	if (!all.is_recursive) {
		all.set |= top.set;
		all.clear |= top.clear;
		return change_or_keep(fd, &all);
	}
	r = change_or_keep(fd, &all);
	if (r < 0 || !(top.set | top.clear))
		return r;
	return change_or_keep(fd, &top);
}

int mount_bind_open(const struct isolation *isolation, int dirfd,
	const struct mount_plan *plan, struct err *err)
{
	const struct spec_mount *mount = plan->spec;
	cleanup_close int tree = -1, idmap = -1;
	int r;

	if (str_empty(mount->source))
		return err_say(err, EINVAL, "mounts: the bind onto %s has no source",
			plan->target);
	tree = mount_clone(dirfd, mount->source, plan->options.is_recursive);
	if (tree == -EINVAL && !plan->options.is_recursive) {
		(void)err_say(err, EINVAL,
			"mounts: %s cannot be bound without what is mounted in it",
			mount->source);
		return err_hint(err, "use the option rbind");
	}
	if (tree < 0)
		return err_set(err, -tree, "mounts: source %s", mount->source);
	if (plan->options.idmap != MOUNT_IDMAP_NONE) {
		r = idmap_of(isolation, mount, &idmap, err);
		if (r < 0)
			return r;
	}
	r = change_tree(tree, &plan->options, idmap);
	if (r == -EINVAL && idmap >= 0)
		return err_say(err, EINVAL,
			"mounts: the file system of %s takes no id map", mount->source);
	return r < 0 ? err_set(err, -r, "mounts: options of %s", mount->source)
		     : take_fd(&tree);
}

/* A group that no map of the container knows is refused by devpts in its user namespace.
 */
static int drop_unmapped_tty_group(
	const struct isolation *isolation, struct mount_plan *plan)
{
	const struct spec_id_maps *maps = &isolation->spec->linux_.gid_mappings;
	strv kept = NULL;
	uint32_t gid;

	if (!plan->spec->type || !str_eq(plan->spec->type, "devpts") || !maps->count)
		return 0;
	strv_each (s, plan->options.data) {
		const char *value = str_skip_prefix(*s, "gid=");
		bool is_mapped = !value || str_to_u32(value, &gid) < 0;

		for (size_t i = 0; !is_mapped && i < maps->count; i++)
			is_mapped =
				gid - maps->items[i].container_id < maps->items[i].size;
		if (!is_mapped)
			notes_add(isolation->notes,
				"%s: group %u is not mapped, so left out", plan->target,
				gid);
		else if (strv_add(&kept, *s) < 0)
			return strv_free(kept), -ENOMEM;
	}
	strv_free(plan->options.data);
	plan->options.data = kept;
	return 0;
}

static int plan_options(
	struct isolation *isolation, struct mount_plan *plan, struct err *err)
{
	const struct spec_mount *mount = plan->spec;
	struct mount_options *o = &plan->options;
	int r = mount_options_parse(mount->options, o, err);

	if (r < 0)
		return r;
	o->is_bind |= mount->type && str_eq(mount->type, "bind");
	if (mount->uid_mappings.count && o->idmap == MOUNT_IDMAP_NONE)
		o->idmap = MOUNT_IDMAP_ONE;
	if (o->idmap != MOUNT_IDMAP_NONE && !o->is_bind)
		return err_say(err, EINVAL, "mounts: %s: only a bind can be id-mapped",
			plan->target);
	if (o->is_bind)
		strv_each (s, o->data)
			notes_add(isolation->notes, "mounts: %s: a bind has no option %s",
				plan->target, *s);
	return drop_unmapped_tty_group(isolation, plan) < 0 ? err_oom(err) : 0;
}

static int plan_one(struct isolation *isolation, struct mount_plan *plan, struct err *err)
{
	int r;

	plan->target = path_clean(plan->spec->destination);
	if (!plan->target)
		return err_oom(err);
	if (*plan->spec->destination != '/')
		notes_add(isolation->notes,
			"mounts: destination %s is relative, taken as %s",
			plan->spec->destination, plan->target);
	r = plan_options(isolation, plan, err);
	if (r == 0)
		r = mount_target_check(plan, err);
	if (r < 0)
		return r;
	plan->type =
		plan->options.is_bind ? &mount_types[0] : find_type(plan->spec->type);
	plan->is_late_readonly = !plan->options.is_bind &&
				 (plan->options.own.set & MOUNT_ATTR_RDONLY) &&
				 plan->type->mount != mount_kernel;
	if (!plan->options.is_bind || plan->options.is_remount || isolation->is_rootless)
		return 0;
	plan->tree_fd = mount_bind_open(isolation, isolation->bundle_dirfd, plan, err);
	return plan->tree_fd < 0 ? plan->tree_fd : 0;
}

static int prepare(struct isolation *isolation, struct err *err)
{
	const struct spec_mounts *list = &isolation->spec->mounts;
	const char *label = isolation->spec->linux_.mount_label;
	struct mounts *mounts = calloc(1, sizeof(*mounts));
	int r;

	isolation->mounts = mounts;
	if (!mounts)
		return err_oom(err);
	if (!str_empty(label) && access("/sys/fs/selinux/status", F_OK) < 0)
		return err_say(err, ENOTSUP,
			"linux.mountLabel needs SELinux, which is not enabled");
	mounts->items = calloc(list->count + 1, sizeof(*mounts->items));
	if (!mounts->items)
		return err_oom(err);
	for (; mounts->count < list->count; mounts->count++)
		mounts->items[mounts->count] =
			(struct mount_plan){ .spec = &list->items[mounts->count],
				.tree_fd = -1 };
	for (size_t i = 0; i < mounts->count; i++) {
		r = plan_one(isolation, &mounts->items[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void release(struct isolation *isolation)
{
	struct mounts *mounts = take_ptr(isolation->mounts);

	for (size_t i = 0; mounts && i < mounts->count; i++) {
		struct mount_plan *plan = &mounts->items[i];

		mount_options_done(&plan->options);
		free(plan->target);
		if (plan->tree_fd >= 0)
			(void)close(plan->tree_fd);
	}
	if (mounts)
		free(mounts->items);
	free(mounts);
}

/* ---- the child
 * ----------------------------------------------------------------------------- */

static int attach_plan(struct isolation *isolation, struct mount_plan *plan, int tree_fd,
	bool is_file, struct err *err)
{
	cleanup_close int target = -1;

	target = mount_target_open(isolation->root_fd, plan, is_file, err);
	if (target < 0)
		return target;
	return mount_attach(tree_fd, target, isolation->root_fd, plan->target, err);
}

/* Whatever is bound onto /proc must itself be a procfs. */
static int check_proc_source(const struct mount_plan *plan, int tree_fd, struct err *err)
{
	struct statfs fs;

	if (!str_eq(plan->target, "/proc"))
		return 0;
	if (fstatfs(tree_fd, &fs) < 0)
		return err_set(err, errno, "examine %s", plan->spec->source);
	if (fs.f_type != PROC_SUPER_MAGIC)
		return err_say(err, EPERM, "mounts: %s is not a procfs, so not for /proc",
			plan->spec->source);
	return 0;
}

static int remount(struct isolation *isolation, struct mount_plan *plan, struct err *err)
{
	cleanup_close int target =
		path_open_in_root(isolation->root_fd, plan->target, O_PATH, 0);
	int r;

	if (target < 0)
		return err_set(err, -target, "mounts: remount %s", plan->target);
	r = change_tree(target, &plan->options, -1);
	return r < 0 ? err_set(err, -r, "mounts: remount %s", plan->target) : 0;
}

/* A normal user's sources become trees here, in his own mount namespace. */
static int open_in_child(
	const struct isolation *isolation, const struct mount_plan *plan, struct err *err)
{
	cleanup_close int bundle = -1;

	if (!str_empty(plan->spec->source) && *plan->spec->source == '/')
		return mount_bind_open(isolation, AT_FDCWD, plan, err);
	bundle = mount_reopen(isolation->bundle_dirfd, err);
	return bundle < 0 ? bundle : mount_bind_open(isolation, bundle, plan, err);
}

static int mount_bind(
	struct isolation *isolation, struct mount_plan *plan, struct err *err)
{
	cleanup_close int tree = take_fd(&plan->tree_fd);
	struct stat st;
	int r;

	if (plan->options.is_remount)
		return remount(isolation, plan, err);
	if (tree < 0)
		tree = open_in_child(isolation, plan, err);
	if (tree < 0)
		return tree;
	if (fstat(tree, &st) < 0)
		return err_set(err, errno, "examine %s", plan->spec->source);
	r = check_proc_source(plan, tree, err);
	return r < 0 ? r : attach_plan(isolation, plan, tree, !S_ISDIR(st.st_mode), err);
}

static struct filesystem describe(const struct mount_plan *plan)
{
	const struct mount_options *o = &plan->options;
	struct filesystem f = {
		.type = plan->spec->type,
		.source = plan->spec->source,
		.flags = o->flags,
		.data = o->data,
		.attributes = o->own.set | o->recursive.set,
	};

	if (plan->is_late_readonly)
		f.attributes &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	return f;
}

static int bind_fallback(
	struct isolation *isolation, struct mount_plan *plan, struct err *err)
{
	const struct mount_change change = {
		.set = plan->type->all | plan->options.own.set,
		.propagation = MS_SLAVE,
		.idmap_fd = -1,
		.is_recursive = true,
	};
	cleanup_close int tree = mount_clone(AT_FDCWD, plan->type->fallback, true);
	int r;

	if (tree < 0)
		return err_set(err, -tree, "clone the host's %s", plan->type->fallback);
	r = mount_change(tree, &change);
	if (r < 0)
		return err_set(err, -r, "set up the host's %s", plan->type->fallback);
	return attach_plan(isolation, plan, tree, false, err);
}

static int mount_kernel(
	struct isolation *isolation, struct mount_plan *plan, struct err *err)
{
	const struct filesystem f = describe(plan);
	cleanup_close int tree = filesystem_mount(&f, err);

	if (tree == -EPERM)
		return bind_fallback(isolation, plan, err);
	return tree < 0 ? tree : attach_plan(isolation, plan, tree, false, err);
}

static int copy_target_up(struct isolation *isolation, const struct mount_plan *plan,
	int tree_fd, struct err *err)
{
	cleanup_close int from = -1;

	from = path_open_in_root(
		isolation->root_fd, plan->target, O_RDONLY | O_DIRECTORY, 0);
	if (from == -ENOENT)
		return 0;
	if (from < 0)
		return err_set(err, -from, "open %s", plan->target);
	return copy_up(from, tree_fd, err) < 0 ? err_wrap(err, "%s", plan->target) : 0;
}

static int add_label(const struct isolation *isolation, struct mount_plan *plan)
{
	const char *label = isolation->spec->linux_.mount_label;

	if (str_empty(label) || !plan->type->is_labelled)
		return 0;
	return strv_take(&plan->options.data, str_printf("context=%s", label));
}

static int mount_any(
	struct isolation *isolation, struct mount_plan *plan, struct err *err)
{
	cleanup_close int tree = -1;
	struct filesystem f;
	int r;

	if (str_empty(plan->spec->type))
		return err_say(err, EINVAL,
			"mounts: %s has neither a type nor the option bind",
			plan->target);
	if (add_label(isolation, plan) < 0)
		return err_oom(err);
	f = describe(plan);
	tree = filesystem_mount(&f, err);
	if (tree < 0)
		return err_wrap(err, "mounts: %s", plan->target);
	r = plan->options.copy_up ? copy_target_up(isolation, plan, tree, err) : 0;
	if (r == 0)
		r = attach_plan(isolation, plan, tree, false, err);
	if (r == 0 && plan->is_late_readonly)
		plan->tree_fd = take_fd(&tree);
	return r;
}

/* Propagation of a file system that was just made: only when asked for. */
static int set_propagation(
	const struct isolation *isolation, const struct mount_plan *plan, struct err *err)
{
	struct mount_change change = { .propagation = plan->options.propagation,
		.idmap_fd = -1 };
	cleanup_close int fd = -1;
	int r;

	if (plan->options.is_bind || !change.propagation)
		return 0;
	change.is_recursive = change.propagation & MS_REC;
	change.propagation &= ~(uint64_t)MS_REC;
	fd = path_open_in_root(isolation->root_fd, plan->target, O_PATH, 0);
	r = fd < 0 ? fd : mount_change(fd, &change);
	return r < 0 ? err_set(err, -r, "mounts: propagation of %s", plan->target) : 0;
}

static int isolate(struct isolation *isolation, struct err *err)
{
	struct mounts *mounts = isolation->mounts;
	int r;

	for (size_t i = 0; i < mounts->count; i++) {
		r = mounts->items[i].type->mount(isolation, &mounts->items[i], err);
		if (r == 0)
			r = set_propagation(isolation, &mounts->items[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_readonly(int fd, const char *path, struct err *err)
{
	const struct mount_change change = { .set = MOUNT_ATTR_RDONLY, .idmap_fd = -1 };
	int r = mount_change(fd, &change);

	return r < 0 ? err_set(err, -r, "make %s read-only", path) : 0;
}

static int isolate_readonly(struct isolation *isolation, struct err *err)
{
	struct mounts *mounts = isolation->mounts;
	int r;

	for (size_t i = 0; i < mounts->count; i++) {
		struct mount_plan *plan = &mounts->items[i];
		cleanup_close int fd = -1;

		if (!plan->is_late_readonly || plan->tree_fd < 0)
			continue;
		fd = take_fd(&plan->tree_fd);
		r = make_readonly(fd, plan->target, err);
		if (r < 0)
			return r;
	}
	if (!isolation->spec->root.readonly)
		return 0;
	return make_readonly(isolation->root_fd, "the root file system", err);
}

const struct isolator mounts_isolator = {
	.name = "mounts",
	.prepare = prepare,
	.isolate = isolate,
	.release = release,
};

const struct isolator mounts_readonly_isolator = {
	.name = "mounts-readonly",
	.isolate = isolate_readonly,
};
