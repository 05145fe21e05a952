/* SPDX-License-Identifier: Apache-2.0 */
/* The directories of a cgroup: made, opened, joined and removed alike in every hierarchy.
 */
#ifndef UCR_ISOLATORS_CGROUP_PARTS_H
#define UCR_ISOLATORS_CGROUP_PARTS_H

#include "isolators/cgroup-tree.h"

int cgroup_new(const struct cgroup_host *host, const char *path, struct cgroup **ret,
	struct err *err) __attribute__((warn_unused_result));
/* Makes or opens the directory in the hierarchy that has controller `bit`, unless it is a
 * part already. */
int cgroup_add_part(struct cgroup *cgroup, uint32_t bit, struct err *err)
	__attribute__((warn_unused_result));
/* Opens what exists. */
int cgroup_open_parts(struct cgroup *cgroup, struct err *err)
	__attribute__((warn_unused_result));
int cgroup_attach_part(const struct cgroup_part *part, pid_t pid, struct err *err)
	__attribute__((warn_unused_result));
/* The calling thread enters a part of v1. */
int cgroup_join_part(const struct cgroup_part *part, struct err *err)
	__attribute__((warn_unused_result));
/* Removes the directories; with `only_new` those that this process made. */
int cgroup_remove_parts(struct cgroup *cgroup, bool only_new, struct err *err);

#endif
