/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel knows of a running container: its cgroup's figures and its processes. */
#ifndef UCR_AGENTD_CONTAINER_USAGE_H
#define UCR_AGENTD_CONTAINER_USAGE_H

#include "agentd/container.h"
#include "isolators/cgroup-stats.h"

/* What it uses now, and its processes in the caller's pid namespace (a heap array); -ESRCH
 * when it does not run. */
int container_usage(struct engine *engine, struct container *container,
	struct cgroup_usage *ret, struct err *err) __attribute__((warn_unused_result));
int container_pids(struct engine *engine, struct container *container, pid_t **ret,
	size_t *ret_count, struct err *err) __attribute__((warn_unused_result));

/* Its cgroup's directory in the version 2 tree. A descriptor, or -errno where it has none. */
int container_cgroup_dir(struct engine *engine, const struct container *container)
	__attribute__((warn_unused_result));

#endif
