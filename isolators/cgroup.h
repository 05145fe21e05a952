/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups, whichever version the host runs: v2, v1, or hybrid (v1 controllers
 * beside a v2 tree). Callers speak in neutral units and never ask which version it is.
 *
 * A cgroup_host is the mounted hierarchies and the caller's place in them, read once from
 * a descriptor of /sys/fs/cgroup and from /proc/self/cgroup. A cgroup is one directory
 * (v2) or one directory in each hierarchy (v1), held open by descriptors.
 *
 * Paths are absolute in the hierarchy, without ".."; a missing controller that the limits
 * need is an error that names it and says what to do.
 */
#ifndef UCR_ISOLATORS_CGROUP_H
#define UCR_ISOLATORS_CGROUP_H

#include "common/err.h"
#include "common/spec.h"
#include "isolators/cgroup-stats.h"

#include <sys/types.h>

struct cgroup_host;
struct cgroup;

/* `root_dirfd`: /sys/fs/cgroup; `proc_dirfd`: /proc. Both are duplicated. The host
 * outlives its cgroups. */
int cgroup_host_open(int root_dirfd, int proc_dirfd, struct cgroup_host **ret,
	struct err *err) __attribute__((warn_unused_result));
void cgroup_host_free(struct cgroup_host *host);
/* "v1", "v2", "hybrid" or "none": for people. */
const char *cgroup_host_name(const struct cgroup_host *host);
/* The controllers that a new cgroup could have here, for `info` and `features`. */
int cgroup_host_controllers(const struct cgroup_host *host, strv *ret)
	__attribute__((warn_unused_result));

/*
 * The path for a container: `cgroups_path` of the spec (absolute, relative to the
 * caller's place, or systemd's "slice:prefix:name"), or, when NULL, "<caller's
 * place>/ucr-<id>"; on v2, where processes and controllers exclude each other, beside the
 * caller instead of below it. Where that differs between hierarchies, the string has
 * further lines "controller:/path".
 */
int cgroup_choose_path(const struct cgroup_host *host, const char *cgroups_path,
	const char *id, char **ret, struct err *err) __attribute__((warn_unused_result));

/*
 * Makes the cgroup and applies `resources` (NULL: none), except that nothing is in it
 * yet. An existing non-empty cgroup is an error. IS_UNAVAILABLE (> 0): the caller may not
 * make cgroups and `resources` asks for no limit, so the container can run without one.
 */
#define CGROUP_UNAVAILABLE 1
int cgroup_create(const struct cgroup_host *host, const char *path,
	const struct spec_resources *resources, struct cgroup **ret, struct err *err)
	__attribute__((warn_unused_result));

/*
 * A container that other cgroups shall stand below keeps its own processes in a leaf: on v2 a
 * cgroup has processes, or hands controllers to its children. The leaf has no limits of its own
 * and goes with the cgroup.
 */
int cgroup_leaf(const struct cgroup *cgroup, const char *name, struct cgroup **ret,
	struct err *err) __attribute__((warn_unused_result));
/* The path of such a one; NULL: no memory. */
char *cgroup_path_below(const char *path, const char *name)
	__attribute__((warn_unused_result));
/* Whether a process is in it or below it; not, when it is gone. */
bool cgroup_has(const struct cgroup *cgroup, pid_t pid);

/* Opens an existing one. -ENOENT when it is gone. */
int cgroup_open(const struct cgroup_host *host, const char *path, struct cgroup **ret,
	struct err *err) __attribute__((warn_unused_result));
void cgroup_free(struct cgroup *cgroup); /* closes; the kernel's cgroup stays */
const char *cgroup_path(const struct cgroup *cgroup);

/*
 * The descriptor for clone3(CLONE_INTO_CGROUP), or -1 where attaching is needed instead.
 * Linux 6.14 and later kill who is born that way out of or into a cgroup that was ever
 * emptied by cgroup_kill(): a cgroup is spent then.
 */
int cgroup_clone_fd(const struct cgroup *cgroup);
/*
 * Who was born by that descriptor, and has one thread, enters the other hierarchies. A thread
 * that moves itself needs no lock on all forks and exits of the machine (Linux 5.5); moved by
 * somebody else it waits ten milliseconds for that lock's RCU grace period.
 */
int cgroup_join(const struct cgroup *cgroup, struct err *err)
	__attribute__((warn_unused_result));

int cgroup_set(struct cgroup *cgroup, const struct spec_resources *resources,
	struct err *err) __attribute__((warn_unused_result));

int cgroup_usage(struct cgroup *cgroup, struct cgroup_usage *ret, struct err *err)
	__attribute__((warn_unused_result));

/* Its directory in the version 2 tree, which perf_event_open(2) and others take for it: a descriptor,
 * or -ENOENT. */
int cgroup_open_unified(const struct cgroup *cgroup);

/* The processes in it and below it, as seen from the caller's pid namespace. Heap array.
 */
int cgroup_pids(struct cgroup *cgroup, pid_t **ret, size_t *ret_count, struct err *err)
	__attribute__((warn_unused_result));

int cgroup_freeze(struct cgroup *cgroup, bool is_on, struct err *err)
	__attribute__((warn_unused_result));
/* SIGKILL to everything inside, so that no fork can escape; returns once it is empty. */
int cgroup_kill(struct cgroup *cgroup, struct err *err)
	__attribute__((warn_unused_result));
/* Sends `signal` to every process inside (of a frozen moment). */
int cgroup_signal(struct cgroup *cgroup, int signal, struct err *err)
	__attribute__((warn_unused_result));
/* Removes it, all below, and the empty parents that were made for it; waits out the kernel's
 * EBUSY for a while. Absent is fine. */
int cgroup_destroy(struct cgroup *cgroup, struct err *err)
	__attribute__((warn_unused_result));

#endif
