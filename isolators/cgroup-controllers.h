/* SPDX-License-Identifier: Apache-2.0 */
/* The controllers, as bits: their names in both versions, and which limits need which. */
#ifndef UCR_ISOLATORS_CGROUP_CONTROLLERS_H
#define UCR_ISOLATORS_CGROUP_CONTROLLERS_H

#include "common/err.h"
#include "common/spec-resources.h"

#include <stdint.h>

struct cgroup_host;

enum {
	CGROUP_CPU = 1 << 0,
	CGROUP_CPUACCT = 1 << 1,
	CGROUP_CPUSET = 1 << 2,
	CGROUP_MEMORY = 1 << 3,
	CGROUP_PIDS = 1 << 4,
	CGROUP_IO = 1 << 5,
	CGROUP_DEVICES = 1 << 6,
	CGROUP_FREEZER = 1 << 7,
	CGROUP_HUGETLB = 1 << 8,
	CGROUP_RDMA = 1 << 9,
	CGROUP_NET_CLS = 1 << 10,
	CGROUP_NET_PRIO = 1 << 11,
	CGROUP_MISC = 1 << 12,
	CGROUP_UNIFIED = 1 << 13, /* "has the files of v2": what `unified` asks for */
};

uint32_t cgroup_controller_bit(const char *name, size_t len);
uint32_t cgroup_controllers_parse(const char *names, char separator);
const char *cgroup_controller_name(uint32_t bit); /* the name that people use */
/* The controllers without which the limits of `resources` cannot hold; not devices. */
uint32_t cgroup_controllers_asked(const struct spec_resources *resources);
int cgroup_controller_missing(
	uint32_t bit, const struct cgroup_host *host, struct err *err);

#endif
