/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Namespaces: which are made, which are joined by path, which stay the launcher's.
 *
 * The parent clones with namespaces_clone_flags(). Namespaces given by path are joined
 * before that clone by the process that clones (an intermediate one, since it changes
 * itself): see namespaces_must_join(). The cgroup namespace is made by the child itself,
 * after it was put into its cgroup, because the namespace's root is the place where its
 * maker stands; the time namespace too, because its offsets can only be set while nothing
 * lives in it.
 */
#ifndef UCR_ISOLATORS_NAMESPACES_H
#define UCR_ISOLATORS_NAMESPACES_H

#include "isolators/isolator.h"

#include <stdint.h>

struct namespace_type {
	const char *name;      /* as in config.json */
	uint64_t flag;	       /* CLONE_NEW… */
	const char *proc_name; /* below /proc/PID/ns */
};

/* The table's row by its name in config.json or by its flag; NULL when there is none. */
const struct namespace_type *namespace_type_by_name(const char *name);
const struct namespace_type *namespace_type_by_flag(uint64_t flag);
/* The rows in order, for `features`: NULL past the last. */
const struct namespace_type *namespace_type_at(size_t index);

/* Checks types, duplicates and the kind of each path; `ret` is freed by
 * namespaces_free(). */
int namespaces_new(const struct spec_namespaces *list, struct namespaces **ret,
	struct err *err) __attribute__((warn_unused_result));
/* For exec: those of `list`, new or by path, all joined in one call through the pidfd of
 * the container's first process. `pid_dirfd`: its /proc/PID. Both are borrowed. */
int namespaces_of_process(int pidfd, int pid_dirfd, const struct spec_namespaces *list,
	struct namespaces **ret, struct err *err) __attribute__((warn_unused_result));
void namespaces_free(struct namespaces *namespaces);

/* New ones for clone3(2), without the cgroup and time namespaces. */
uint64_t namespaces_clone_flags(const struct namespaces *namespaces);
bool namespaces_is_new(const struct namespaces *namespaces, uint64_t flag);
/* New or joined: not the launcher's own. */
bool namespaces_is_own(const struct namespaces *namespaces, uint64_t flag);
bool namespaces_must_join(const struct namespaces *namespaces);

/* setns(2) into all that were given by path. A pid or time namespace counts for children
 * forked afterwards. Only for a process made for this: a failure leaves it half way. */
int namespaces_join(const struct namespaces *namespaces, struct err *err)
	__attribute__((warn_unused_result));

/* prepare: fills isolation->namespaces and checks what needs one (hostname, time
 * offsets). isolate: cgroup and time namespace, host and domain name, loopback up. */
extern const struct isolator namespaces_isolator;

#endif
