/* SPDX-License-Identifier: Apache-2.0 */
/* The "linux" object of config.json. See common/spec.h for the conventions. */
#ifndef UCR_COMMON_SPEC_LINUX_H
#define UCR_COMMON_SPEC_LINUX_H

#include "common/spec-resources.h"
#include "common/spec-seccomp.h"

struct spec_ids {
	uint32_t *items;
	size_t count;
};

struct spec_id_map {
	uint32_t container_id, host_id, size;
};

struct spec_id_maps {
	struct spec_id_map *items;
	size_t count;
};

struct spec_namespace {
	char *type; /* "pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"
		     */
	char *path; /* NULL: a new one */
};

struct spec_namespaces {
	struct spec_namespace *items;
	size_t count;
};

struct spec_device {
	char *path;
	char *type; /* "c", "b", "u" or "p" */
	int64_t major, minor;
	bool has_file_mode, has_uid, has_gid;
	uint32_t file_mode, uid, gid;
};

struct spec_devices {
	struct spec_device *items;
	size_t count;
};

struct spec_net_device {
	char *host_name; /* the key */
	char *name;	 /* inside; NULL: the same */
};

struct spec_net_devices {
	struct spec_net_device *items;
	size_t count;
};

struct spec_time_offset {
	bool is_set;
	int64_t secs;
	uint32_t nanosecs;
};

struct spec_intel_rdt {
	bool is_set;
	char *clos_id, *l3_cache_schema, *mem_bw_schema;
	strv schemata;
	bool enable_monitoring;
};

struct spec_linux {
	struct spec_namespaces namespaces;
	struct spec_id_maps uid_mappings, gid_mappings;
	struct {
		struct spec_time_offset monotonic, boottime;
	} time_offsets;
	struct spec_devices devices;
	struct spec_net_devices net_devices;
	char *cgroups_path;
	char *rootfs_propagation;
	strv masked_paths, readonly_paths;
	char *mount_label;
	struct {
		char *domain;
		strv flags;
	} personality;
	strv sysctl; /* "net.core.somaxconn=256" */
	struct {
		char *mode, *nodes;
		strv flags;
	} memory_policy;
	struct spec_intel_rdt intel_rdt;
	struct spec_resources resources;
	struct spec_seccomp seccomp;
};

#endif
