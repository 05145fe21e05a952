/* SPDX-License-Identifier: Apache-2.0 */
/* "linux.resources" of config.json: what a cgroup is told. Also read alone, by `update`.
 */
#ifndef UCR_COMMON_SPEC_RESOURCES_H
#define UCR_COMMON_SPEC_RESOURCES_H

#include "common/str.h"

/* A number that may be absent. Memory and quota values of -1 mean "no limit". */
struct spec_i64 {
	bool is_set;
	int64_t value;
};

struct spec_u64 {
	bool is_set;
	uint64_t value;
};

struct spec_device_rule {
	bool allow;
	char *type;		      /* "a", "c", "b"; NULL: "a" */
	struct spec_i64 major, minor; /* absent or -1: all */
	char *access;		      /* of "rwm"; NULL: all */
};

struct spec_device_rules {
	struct spec_device_rule *items;
	size_t count;
};

struct spec_memory {
	struct spec_i64 limit, reservation, swap, kernel, kernel_tcp;
	struct spec_u64 swappiness;
	bool disable_oom_killer, use_hierarchy, check_before_update;
};

struct spec_cpu {
	struct spec_u64 shares, period, burst, realtime_period;
	struct spec_i64 quota, realtime_runtime, idle;
	char *cpus, *mems;
};

struct spec_block_device {
	int64_t major, minor;
	struct spec_u64 weight, leaf_weight, rate;
};

struct spec_block_devices {
	struct spec_block_device *items;
	size_t count;
};

struct spec_block_io {
	struct spec_u64 weight, leaf_weight;
	struct spec_block_devices weight_device;
	struct spec_block_devices throttle_read_bps_device, throttle_write_bps_device;
	struct spec_block_devices throttle_read_iops_device, throttle_write_iops_device;
};

struct spec_hugepage_limit {
	char *page_size; /* "2MB" */
	uint64_t limit;
};

struct spec_hugepage_limits {
	struct spec_hugepage_limit *items;
	size_t count;
};

struct spec_net_priority {
	char *name;
	uint32_t priority;
};

struct spec_net_priorities {
	struct spec_net_priority *items;
	size_t count;
};

struct spec_rdma {
	char *device; /* the key */
	struct spec_u64 hca_handles, hca_objects;
};

struct spec_rdmas {
	struct spec_rdma *items;
	size_t count;
};

struct spec_resources {
	struct spec_device_rules devices;
	struct spec_memory memory;
	struct spec_cpu cpu;
	struct spec_i64 pids_limit; /* -1: no limit */
	struct spec_block_io block_io;
	struct spec_hugepage_limits hugepage_limits;
	struct {
		struct spec_u64 class_id;
		struct spec_net_priorities priorities;
	} network;
	struct spec_rdmas rdma;
	strv unified; /* "memory.high=100M": cgroup v2 file and value */
};

#endif
