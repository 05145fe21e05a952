/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/mounts.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/path.h"
#include "isolators/copy-up.h"
#include "isolators/filesystem.h"
#include "isolators/mount-tree.h"
#include "isolators/mounts-private.h"
#include "isolators/namespaces.h"

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

static const struct mount_type mount_types[] = {
	{ "bind", mount_bind, NULL, 0, false },
	{ "proc", mount_kernel, "/proc", 0, false },
	{ "sysfs", mount_kernel, "/sys", MOUNT_ATTR_RDONLY, false },
	{ "mqueue", mount_kernel, "/dev/mqueue", 0, false },
	{ "cgroup", mount_cgroup, NULL, 0, false },
	{ "cgroup2", mount_cgroup, NULL, 0, false },
	{ NULL, mount_any, NULL, 0, true },
};

const struct mount_type *mount_type_find(const char *name)
{
	const struct mount_type *type = mount_types;

	while (type->name && !(name && str_eq(type->name, name)))
		type++;
	return type;
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
		r = mount_plan_make(isolation, &mounts->items[i], err);
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
	r = mount_options_apply(target, &plan->options, -1);
	return r < 0 ? err_set(err, -r, "mounts: remount %s", plan->target) : 0;
}

/* A normal user's sources become trees here, in his own mount namespace. */
static int open_in_child(
	struct isolation *isolation, const struct mount_plan *plan, struct err *err)
{
	cleanup_close int bundle = -1, source = -1;

	if (plan->spec->has_source_fd) {
		source = mount_reopen(plan->spec->source_fd, err);
		return source < 0 ? source
				  : mount_bind_open(isolation, source, plan, err);
	}
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
	if (tree >= 0 && isolation->is_rootless) {
		r = mount_options_apply(tree, &plan->options, -1);
		if (r < 0)
			return err_set(err, -r, "mounts: options of %s", plan->target);
	}
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
	cleanup_close int target = -1, from = -1;
	int r;

	target = mount_target_open(isolation->root_fd, plan, false, err);
	if (target < 0)
		return target;
	from = openat(target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (from < 0)
		return err_set(err, errno, "open %s", plan->target);
	r = copy_up(from, tree_fd, err);
	return r < 0 ? err_wrap(err, "%s", plan->target) : 0;
}

static int add_label(const struct isolation *isolation, struct mount_plan *plan)
{
	const char *label = isolation->spec->linux_.mount_label;

	if (str_empty(label) || !plan->type->is_labelled)
		return 0;
	return strv_take(&plan->options.data, str_printf("context=%s", label));
}

static bool has_long_value(char *const *data)
{
	strv_each (s, data) {
		if (strlen(*s) > FILESYSTEM_VALUE_MAX)
			return true;
	}
	return false;
}

/* "a,b=c", as mount(2) wants it. */
static char *join_data(char *const *data)
{
	struct buf b = BUF_INIT;

	strv_each (s, data)
		buf_printf(&b, "%s%s", b.len ? "," : "", *s);
	return buf_take(&b);
}

/*
 * mount(2), for values that are too long for fsconfig(2): an overlay whose lowerdir lists long
 * paths. The target is still a descriptor; what lies there afterwards must be another mount.
 */
static int mount_long(struct isolation *isolation, struct mount_plan *plan,
	const struct filesystem *f, struct err *err)
{
	const struct mount_change change = { .set = f->attributes, .idmap_fd = -1 };
	cleanup_free char *data = join_data(f->data);
	cleanup_close int target = -1, fresh = -1;
	char path[PATH_OF_FD_MAX];
	int r;

	if (!data)
		return err_oom(err);
	target = mount_target_open(isolation->root_fd, plan, false, err);
	if (target < 0)
		return target;
	if (mount(f->source ? f->source : f->type, path_of_fd(target, path), f->type, 0,
		    data) < 0)
		return err_set(err, errno, "mount %s onto %s", f->type, plan->target);
	fresh = path_open_in_root(isolation->root_fd, plan->target, O_PATH, 0);
	if (fresh < 0)
		return err_set(err, -fresh, "open the new mount %s", plan->target);
	if (mount_is_same(fresh, target))
		return err_say(err, EXDEV, "%s was moved away while it was mounted",
			plan->target);
	r = mount_change(fresh, &change);
	if (r < 0)
		return err_set(err, -r, "mounts: options of %s", plan->target);
	if (plan->is_late_readonly)
		plan->tree_fd = take_fd(&fresh);
	return 0;
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
	if (has_long_value(f.data))
		return mount_long(isolation, plan, &f, err);
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
