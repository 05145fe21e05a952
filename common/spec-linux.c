/* SPDX-License-Identifier: Apache-2.0 */
#include "common/spec-linux.h"

#include "common/spec-fields.h"

static const struct json_field id_map_fields[] = {
	SPEC_REQUIRED("containerID", json_u32, struct spec_id_map, container_id, NULL),
	SPEC_REQUIRED("hostID", json_u32, struct spec_id_map, host_id, NULL),
	SPEC_REQUIRED("size", json_u32, struct spec_id_map, size, NULL),
	{ 0 },
};

const struct json_array_of spec_id_map_array = { sizeof(struct spec_id_map),
	id_map_fields, NULL };

static const struct json_field namespace_fields[] = {
	SPEC_REQUIRED("type", json_string, struct spec_namespace, type, NULL),
	SPEC_FIELD("path", json_string, struct spec_namespace, path, NULL),
	{ 0 },
};

static const struct json_array_of namespaces = { sizeof(struct spec_namespace),
	namespace_fields, NULL };

static const struct json_field device_fields[] = {
	SPEC_REQUIRED("path", json_string, struct spec_device, path, NULL),
	SPEC_REQUIRED("type", json_string, struct spec_device, type, NULL),
	SPEC_FIELD("major", json_i64, struct spec_device, major, NULL),
	SPEC_FIELD("minor", json_i64, struct spec_device, minor, NULL),
	SPEC_HAS("fileMode", json_u32, struct spec_device, file_mode),
	SPEC_HAS("uid", json_u32, struct spec_device, uid),
	SPEC_HAS("gid", json_u32, struct spec_device, gid),
	{ 0 },
};

static const struct json_array_of devices = { sizeof(struct spec_device), device_fields,
	NULL };

static const struct json_field net_device_fields[] = {
	SPEC_FIELD("name", json_string, struct spec_net_device, name, NULL),
	{ 0 },
};

static const struct json_array_of net_devices = { sizeof(struct spec_net_device),
	net_device_fields, NULL };

const struct json_field spec_seccomp_arg_fields[] = {
	SPEC_REQUIRED("index", json_u32, struct spec_seccomp_arg, index, NULL),
	SPEC_REQUIRED("value", json_u64, struct spec_seccomp_arg, value, NULL),
	SPEC_FIELD("valueTwo", json_u64, struct spec_seccomp_arg, value_two, NULL),
	SPEC_REQUIRED("op", json_string, struct spec_seccomp_arg, op, NULL),
	{ 0 },
};

static const struct json_array_of seccomp_args = { sizeof(struct spec_seccomp_arg),
	spec_seccomp_arg_fields, NULL };

const struct json_field spec_syscall_fields[] = {
	SPEC_REQUIRED("names", json_strv, struct spec_syscall, names, NULL),
	SPEC_REQUIRED("action", json_string, struct spec_syscall, action, NULL),
	SPEC_HAS("errnoRet", json_u32, struct spec_syscall, errno_ret),
	SPEC_FIELD("args", json_array, struct spec_syscall, args, &seccomp_args),
	{ 0 },
};

static const struct json_array_of syscalls = { sizeof(struct spec_syscall),
	spec_syscall_fields, NULL };

const struct json_field spec_seccomp_fields[] = {
	SPEC_REQUIRED(
		"defaultAction", json_string, struct spec_seccomp, default_action, NULL),
	SPEC_HAS("defaultErrnoRet", json_u32, struct spec_seccomp, default_errno_ret),
	SPEC_FIELD("architectures", json_strv, struct spec_seccomp, architectures, NULL),
	SPEC_FIELD("flags", json_strv, struct spec_seccomp, flags, NULL),
	SPEC_FIELD("listenerPath", json_string, struct spec_seccomp, listener_path, NULL),
	SPEC_FIELD("listenerMetadata", json_string, struct spec_seccomp,
		listener_metadata, NULL),
	SPEC_FIELD("syscalls", json_array, struct spec_seccomp, syscalls, &syscalls),
	{ 0 },
};

static const struct json_field time_offset_fields[] = {
	SPEC_FIELD("secs", json_i64, struct spec_time_offset, secs, NULL),
	SPEC_FIELD("nanosecs", json_u32, struct spec_time_offset, nanosecs, NULL),
	{ 0 },
};

static const struct json_field time_offsets_fields[] = {
	SPEC_INNER("monotonic", json_present, struct spec_linux, time_offsets, monotonic,
		time_offset_fields),
	SPEC_INNER("boottime", json_present, struct spec_linux, time_offsets, boottime,
		time_offset_fields),
	{ 0 },
};

static const struct json_field personality_fields[] = {
	SPEC_INNER("domain", json_string, struct spec_linux, personality, domain, NULL),
	SPEC_INNER("flags", json_strv, struct spec_linux, personality, flags, NULL),
	{ 0 },
};

static const struct json_field memory_policy_fields[] = {
	SPEC_INNER("mode", json_string, struct spec_linux, memory_policy, mode, NULL),
	SPEC_INNER("nodes", json_string, struct spec_linux, memory_policy, nodes, NULL),
	SPEC_INNER("flags", json_strv, struct spec_linux, memory_policy, flags, NULL),
	{ 0 },
};

static const struct json_field intel_rdt_fields[] = {
	SPEC_FIELD("closID", json_string, struct spec_intel_rdt, clos_id, NULL),
	SPEC_FIELD("l3CacheSchema", json_string, struct spec_intel_rdt, l3_cache_schema,
		NULL),
	SPEC_FIELD(
		"memBwSchema", json_string, struct spec_intel_rdt, mem_bw_schema, NULL),
	SPEC_FIELD("schemata", json_strv, struct spec_intel_rdt, schemata, NULL),
	SPEC_FIELD("enableMonitoring", json_bool, struct spec_intel_rdt,
		enable_monitoring, NULL),
	{ 0 },
};

#define LINUX(key, decode, member, arg)                                                  \
	SPEC_FIELD(key, decode, struct spec_linux, member, arg)

const struct json_field spec_linux_fields[] = {
	LINUX("uidMappings", json_array, uid_mappings, &spec_id_map_array),
	LINUX("gidMappings", json_array, gid_mappings, &spec_id_map_array),
	LINUX("namespaces", json_array, namespaces, &namespaces),
	LINUX("timeOffsets", json_object, time_offsets, time_offsets_fields),
	LINUX("devices", json_array, devices, &devices),
	LINUX("netDevices", json_members, net_devices, &net_devices),
	LINUX("cgroupsPath", json_string, cgroups_path, NULL),
	LINUX("rootfsPropagation", json_string, rootfs_propagation, NULL),
	LINUX("maskedPaths", json_strv, masked_paths, NULL),
	LINUX("readonlyPaths", json_strv, readonly_paths, NULL),
	LINUX("mountLabel", json_string, mount_label, NULL),
	LINUX("personality", json_object, personality, personality_fields),
	LINUX("sysctl", json_string_map, sysctl, NULL),
	LINUX("memoryPolicy", json_object, memory_policy, memory_policy_fields),
	LINUX("intelRdt", json_present, intel_rdt, intel_rdt_fields),
	LINUX("resources", json_object, resources, spec_resources_fields),
	LINUX("seccomp", json_present, seccomp, spec_seccomp_fields),
	{ 0 },
};
