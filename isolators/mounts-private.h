/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that make mounts; nobody else includes it. */
#ifndef UCR_ISOLATORS_MOUNTS_PRIVATE_H
#define UCR_ISOLATORS_MOUNTS_PRIVATE_H

#include "isolators/isolator.h"
#include "isolators/mount-options.h"

struct mount_plan;

/* How a type is mounted, in the child; attaches what it makes. */
typedef int (*mount_fn)(
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

struct mount_plan {
	const struct spec_mount *spec;
	const struct mount_type *type;
	struct mount_options options;
	char *target; /* cleaned destination */
	int tree_fd;  /* a bind source made ready in the parent; later what awaits "ro" */
	bool is_late_readonly;
};

struct mounts {
	struct mount_plan *items;
	size_t count;
};

/* Opens the target, makes it when missing; refuses links where procfs, sysfs and /dev go.
 */
int mount_target_open(int root_fd, const struct mount_plan *plan, bool want_file,
	struct err *err) __attribute__((warn_unused_result));
/* What may be mounted where, as far as names tell. */
int mount_target_check(const struct mount_plan *plan, struct err *err)
	__attribute__((warn_unused_result));

/* By the name in config.json; the row for every other file system when there is none. */
const struct mount_type *mount_type_find(const char *name);

/* Fills what prepare can know of one mount; plan->spec is set. */
int mount_plan_make(struct isolation *isolation, struct mount_plan *plan, struct err *err)
	__attribute__((warn_unused_result));

/* Attributes and propagation of an open tree, in two calls at most. -errno. */
int mount_options_apply(int fd, const struct mount_options *options, int idmap_fd)
	__attribute__((warn_unused_result));

/* The host's view of a bind source as a detached tree with the plan's attributes. `dirfd` is what
 * the source is relative to, or with has_source_fd the source itself. */
int mount_bind_open(struct isolation *isolation, int dirfd, const struct mount_plan *plan,
	struct err *err) __attribute__((warn_unused_result));

/* mount-cgroup.c: the container's own cgroups, whichever version the host runs. */
int mount_cgroup(struct isolation *isolation, struct mount_plan *plan, struct err *err)
	__attribute__((warn_unused_result));

#endif
