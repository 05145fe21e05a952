/* SPDX-License-Identifier: Apache-2.0 */
/* What is known about a mount before any process exists: its options, and its source open. */
#include "isolators/mounts-private.h"

#include "common/cleanup.h"
#include "common/path.h"
#include "isolators/mount-tree.h"
#include "isolators/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>

/* ---- the parent: plans and bind sources
 * -------------------------------------------------- */

/* One for the whole container, unless the mount has maps of its own. */
static int idmap_of(struct isolation *isolation, const struct spec_mount *mount,
	int *ret_own_fd, struct err *err)
{
	const struct spec_linux *linux_ = &isolation->spec->linux_;
	int r;

	if (isolation->is_rootless)
		return err_say(err, EPERM, "mounts: an id-mapped mount of %s needs root",
			mount->source);
	if (mount->uid_mappings.count && mount->gid_mappings.count) {
		r = userns_open(
			&mount->uid_mappings, &mount->gid_mappings, ret_own_fd, err);
		return r < 0 ? r : *ret_own_fd;
	}
	if (linux_->uid_mappings.count && linux_->gid_mappings.count)
		return userns_for_mounts(isolation, err);
	return err_say(err, EINVAL,
		"mounts: idmap of %s needs uidMappings and gidMappings, of the mount or of linux",
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
int mount_options_apply(int fd, const struct mount_options *o, int idmap_fd)
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

int mount_bind_open(struct isolation *isolation, int dirfd, const struct mount_plan *plan,
	struct err *err)
{
	const struct spec_mount *mount = plan->spec;
	cleanup_close int tree = -1, own_idmap = -1;
	int idmap = -1, r;

	if (str_empty(mount->source))
		return err_say(err, EINVAL, "mounts: the bind onto %s has no source",
			plan->target);
	tree = mount->has_source_fd
		       ? mount_clone(dirfd, "", plan->options.is_recursive)
		       : mount_clone(dirfd, mount->source, plan->options.is_recursive);
	if (tree == -EINVAL && !plan->options.is_recursive) {
		(void)err_say(err, EINVAL,
			"mounts: %s cannot be bound without what is mounted in it",
			mount->source);
		return err_hint(err, "use the option rbind");
	}
	if (tree < 0)
		return err_set(err, -tree, "mounts: source %s", mount->source);
	if (plan->options.idmap != MOUNT_IDMAP_NONE) {
		idmap = idmap_of(isolation, mount, &own_idmap, err);
		if (idmap < 0)
			return idmap;
	}
	r = mount_options_apply(tree, &plan->options, idmap);
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

/* What somebody opened for this mount, whose path means nothing here. */
static int given_tree(const struct isolation *isolation, const struct mount_plan *plan)
{
	size_t at = (size_t)(plan - isolation->mounts->items);

	return at < isolation->mount_count ? isolation->mount_fds[at] : -1;
}

static int take_tree(
	const struct isolation *isolation, struct mount_plan *plan, struct err *err)
{
	int r;

	plan->tree_fd = fcntl(given_tree(isolation, plan), F_DUPFD_CLOEXEC, 3);
	if (plan->tree_fd < 0)
		return err_set(err, errno, "mounts: open %s", plan->target);
	/* Of the user namespace, which a normal user is only in as the child. */
	r = isolation->is_rootless
		    ? 0
		    : mount_options_apply(plan->tree_fd, &plan->options, -1);
	return r < 0 ? err_set(err, -r, "mounts: options of %s", plan->target) : 0;
}

int mount_plan_make(struct isolation *isolation, struct mount_plan *plan, struct err *err)
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
	plan->type = mount_type_find(plan->options.is_bind ? "bind" : plan->spec->type);
	plan->is_late_readonly = !plan->options.is_bind &&
				 (plan->options.own.set & MOUNT_ATTR_RDONLY) &&
				 !plan->type->fallback;
	if (given_tree(isolation, plan) >= 0)
		return take_tree(isolation, plan, err);
	if (!plan->options.is_bind || plan->options.is_remount || isolation->is_rootless)
		return 0;
	plan->tree_fd = mount_bind_open(isolation,
		plan->spec->has_source_fd ? plan->spec->source_fd
					  : isolation->bundle_dirfd,
		plan, err);
	return plan->tree_fd < 0 ? plan->tree_fd : 0;
}
