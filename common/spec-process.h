/* SPDX-License-Identifier: Apache-2.0 */
/* The "process" object of config.json. See common/spec.h for the conventions. */
#ifndef UCR_COMMON_SPEC_PROCESS_H
#define UCR_COMMON_SPEC_PROCESS_H

#include "common/spec-linux.h"

struct spec_rlimit {
	char *type; /* "RLIMIT_NOFILE" */
	uint64_t soft, hard;
};

struct spec_rlimits {
	struct spec_rlimit *items;
	size_t count;
};

struct spec_user {
	uint32_t uid, gid;
	uint32_t umask;
	bool has_umask;
	struct spec_ids additional_gids;
};

struct spec_capabilities {
	bool is_set; /* the object was present */
	strv bounding, effective, inheritable, permitted, ambient;
};

struct spec_scheduler {
	char *policy;
	int32_t nice, priority;
	strv flags;
	uint64_t runtime, deadline, period;
};

struct spec_io_priority {
	char *class;
	int32_t priority;
};

struct spec_process {
	bool is_set;
	bool terminal;
	struct {
		uint64_t height, width;
	} console_size;
	struct spec_user user;
	strv args;
	strv env;
	char *cwd;
	struct spec_capabilities capabilities;
	struct spec_rlimits rlimits;
	bool no_new_privileges;
	char *apparmor_profile;
	char *selinux_label;
	bool has_oom_score_adj;
	int32_t oom_score_adj;
	struct spec_scheduler scheduler;
	struct spec_io_priority io_priority;
	struct {
		char *initial, *final;
	} exec_cpu_affinity;
};

#endif
