/* SPDX-License-Identifier: Apache-2.0 */
#include "common/spec-resources.h"

#include "common/spec-fields.h"

static const struct json_field device_rule_fields[] = {
	SPEC_REQUIRED("allow", json_bool, struct spec_device_rule, allow, NULL),
	SPEC_FIELD("type", json_string, struct spec_device_rule, type, NULL),
	SPEC_OPT_I64("major", struct spec_device_rule, major),
	SPEC_OPT_I64("minor", struct spec_device_rule, minor),
	SPEC_FIELD("access", json_string, struct spec_device_rule, access, NULL),
	{ 0 },
};

static const struct json_array_of device_rules = { sizeof(struct spec_device_rule),
	device_rule_fields, NULL };

static const struct json_field memory_fields[] = {
	SPEC_OPT_I64("limit", struct spec_memory, limit),
	SPEC_OPT_I64("reservation", struct spec_memory, reservation),
	SPEC_OPT_I64("swap", struct spec_memory, swap),
	SPEC_OPT_I64("kernel", struct spec_memory, kernel),
	SPEC_OPT_I64("kernelTCP", struct spec_memory, kernel_tcp),
	SPEC_OPT_U64("swappiness", struct spec_memory, swappiness),
	SPEC_FIELD("disableOOMKiller", json_bool, struct spec_memory, disable_oom_killer,
		NULL),
	SPEC_FIELD("useHierarchy", json_bool, struct spec_memory, use_hierarchy, NULL),
	SPEC_FIELD("checkBeforeUpdate", json_bool, struct spec_memory,
		check_before_update, NULL),
	{ 0 },
};

static const struct json_field cpu_fields[] = {
	SPEC_OPT_U64("shares", struct spec_cpu, shares),
	SPEC_OPT_I64("quota", struct spec_cpu, quota),
	SPEC_OPT_U64("burst", struct spec_cpu, burst),
	SPEC_OPT_U64("period", struct spec_cpu, period),
	SPEC_OPT_I64("realtimeRuntime", struct spec_cpu, realtime_runtime),
	SPEC_OPT_U64("realtimePeriod", struct spec_cpu, realtime_period),
	SPEC_FIELD("cpus", json_string, struct spec_cpu, cpus, NULL),
	SPEC_FIELD("mems", json_string, struct spec_cpu, mems, NULL),
	SPEC_OPT_I64("idle", struct spec_cpu, idle),
	{ 0 },
};

static const struct json_field pids_fields[] = {
	{ "limit", spec_read_opt_i64, 0, true, NULL, spec_write_opt_i64 },
	{ 0 },
};

static const struct json_field block_device_fields[] = {
	SPEC_REQUIRED("major", json_i64, struct spec_block_device, major, NULL),
	SPEC_REQUIRED("minor", json_i64, struct spec_block_device, minor, NULL),
	SPEC_OPT_U64("weight", struct spec_block_device, weight),
	SPEC_OPT_U64("leafWeight", struct spec_block_device, leaf_weight),
	SPEC_OPT_U64("rate", struct spec_block_device, rate),
	{ 0 },
};

static const struct json_array_of block_devices = { sizeof(struct spec_block_device),
	block_device_fields, NULL };

#define THROTTLE(key, member)                                                            \
	SPEC_FIELD(key, json_array, struct spec_block_io, member, &block_devices)

static const struct json_field block_io_fields[] = {
	SPEC_OPT_U64("weight", struct spec_block_io, weight),
	SPEC_OPT_U64("leafWeight", struct spec_block_io, leaf_weight),
	THROTTLE("weightDevice", weight_device),
	THROTTLE("throttleReadBpsDevice", throttle_read_bps_device),
	THROTTLE("throttleWriteBpsDevice", throttle_write_bps_device),
	THROTTLE("throttleReadIOPSDevice", throttle_read_iops_device),
	THROTTLE("throttleWriteIOPSDevice", throttle_write_iops_device),
	{ 0 },
};

static const struct json_field hugepage_limit_fields[] = {
	SPEC_REQUIRED(
		"pageSize", json_string, struct spec_hugepage_limit, page_size, NULL),
	SPEC_REQUIRED("limit", json_u64, struct spec_hugepage_limit, limit, NULL),
	{ 0 },
};

static const struct json_array_of hugepage_limits = { sizeof(struct spec_hugepage_limit),
	hugepage_limit_fields, NULL };

static const struct json_field net_priority_fields[] = {
	SPEC_REQUIRED("name", json_string, struct spec_net_priority, name, NULL),
	SPEC_REQUIRED("priority", json_u32, struct spec_net_priority, priority, NULL),
	{ 0 },
};

static const struct json_array_of net_priorities = { sizeof(struct spec_net_priority),
	net_priority_fields, NULL };

static const struct json_field network_fields[] = {
	{ "classID", spec_read_opt_u64,
		offsetof(struct spec_resources, network.class_id) -
			offsetof(struct spec_resources, network),
		false, NULL, spec_write_opt_u64 },
	SPEC_INNER("priorities", json_array, struct spec_resources, network, priorities,
		&net_priorities),
	{ 0 },
};

static const struct json_field rdma_fields[] = {
	SPEC_OPT_U64("hcaHandles", struct spec_rdma, hca_handles),
	SPEC_OPT_U64("hcaObjects", struct spec_rdma, hca_objects),
	{ 0 },
};

static const struct json_array_of rdmas = { sizeof(struct spec_rdma), rdma_fields, NULL };

const struct json_field spec_resources_fields[] = {
	SPEC_FIELD("devices", json_array, struct spec_resources, devices, &device_rules),
	SPEC_FIELD("memory", json_object, struct spec_resources, memory, memory_fields),
	SPEC_FIELD("cpu", json_object, struct spec_resources, cpu, cpu_fields),
	SPEC_FIELD("pids", json_object, struct spec_resources, pids_limit, pids_fields),
	SPEC_FIELD(
		"blockIO", json_object, struct spec_resources, block_io, block_io_fields),
	SPEC_FIELD("hugepageLimits", json_array, struct spec_resources, hugepage_limits,
		&hugepage_limits),
	SPEC_FIELD(
		"network", json_object, struct spec_resources, network, network_fields),
	SPEC_FIELD("rdma", json_members, struct spec_resources, rdma, &rdmas),
	SPEC_FIELD("unified", json_string_map, struct spec_resources, unified, NULL),
	{ 0 },
};
