/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the v1 backend share. */
#ifndef UCR_ISOLATORS_CGROUP_V1_H
#define UCR_ISOLATORS_CGROUP_V1_H

#include "isolators/cgroup-tree.h"

int cgroup_v1_set(const struct cgroup_part *part, const struct spec_resources *resources,
	struct err *err);
void cgroup_v1_usage(const struct cgroup_part *part, struct cgroup_usage *usage);

#endif
