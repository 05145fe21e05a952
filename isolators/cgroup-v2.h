/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the v2 backend share. */
#ifndef UCR_ISOLATORS_CGROUP_V2_H
#define UCR_ISOLATORS_CGROUP_V2_H

#include "isolators/cgroup-tree.h"

int cgroup_v2_set(const struct cgroup_part *part, const struct spec_resources *resources,
	struct err *err);
void cgroup_v2_usage(const struct cgroup_part *part, struct cgroup_usage *usage);

/* The rules as a BPF program, attached to the cgroup in place of an earlier one of ours.
 */
int cgroup_v2_set_devices(const struct cgroup_part *part,
	const struct spec_device_rules *rules, struct err *err);

#endif
