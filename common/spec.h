/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OCI runtime configuration (config.json, runtime-spec 1.0 to 1.3) as plain structs.
 *
 * Names follow the JSON's, in snake_case. Strings and vectors belong to the struct;
 * absent strings are NULL, absent lists have count 0, an absent number is told by its
 * has_ flag. spec_parse() checks types and ranges and refuses what the specification
 * forbids; whether the host can honour a value is the isolators' business. Unknown
 * members are ignored.
 */
#ifndef UCR_COMMON_SPEC_H
#define UCR_COMMON_SPEC_H

#include "common/err.h"
#include "common/json.h"
#include "common/spec-linux.h"
#include "common/str.h"

#define SPEC_SIZE_MAX (4U << 20)
#define SPEC_VERSION "1.2.0"

struct spec_mount {
	char *destination;
	char *type;
	char *source;
	strv options;
	struct spec_id_maps uid_mappings, gid_mappings;
};

struct spec_mounts {
	struct spec_mount *items;
	size_t count;
};

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
	char *command_line; /* Windows only; kept so that it is not mistaken for unknown
			     */
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

struct spec_hook {
	char *path;
	strv args;
	strv env;
	bool has_timeout;
	int64_t timeout; /* seconds */
};

struct spec_hooks {
	struct spec_hook *items;
	size_t count;
};

struct spec {
	char *oci_version;
	char *hostname;
	char *domainname;
	struct {
		char *path;
		bool readonly;
	} root;
	struct spec_process process;
	struct spec_mounts mounts;
	struct {
		struct spec_hooks prestart, create_runtime, create_container;
		struct spec_hooks start_container, poststart, poststop;
	} hooks;
	strv annotations; /* "key=value" */
	struct spec_linux linux_;
};

#define cleanup_spec cleanup_with(spec_free_ptr)

/* An empty specification to fill; spec_free() frees it and all it holds. */
struct spec *spec_new(void) __attribute__((warn_unused_result));
void spec_free(struct spec *spec);
static inline void spec_free_ptr(struct spec **spec)
{
	spec_free(*spec);
}

int spec_parse(const char *text, size_t len, struct spec **ret, struct err *err)
	__attribute__((warn_unused_result));
/* A process object alone, as `ucr exec --process FILE` takes. */
int spec_parse_process(const char *text, size_t len, struct spec_process *ret,
	struct err *err) __attribute__((warn_unused_result));
void spec_process_done(struct spec_process *process);

/* Writes config.json. */
void spec_write(struct json_writer *w, const struct spec *spec);

#endif
