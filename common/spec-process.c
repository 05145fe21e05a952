/* SPDX-License-Identifier: Apache-2.0 */
#include "common/spec-process.h"

#include "common/spec-fields.h"

#include <errno.h>

/* chown(2) and setuid(2) read 4294967295 as "unchanged": never an id. */
static int read_id(const struct json *v, void *out, const void *arg, struct err *err)
{
	int r = json_u32(v, out, NULL, err);

	if (r == 0 && *(uint32_t *)out == UINT32_MAX)
		return err_say(err, ERANGE, " is out of range: %s", v->string);
	return r;
}

static void write_id(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	jw_u64(w, key, *(const uint32_t *)in);
}

static const struct json_array_of ids = { sizeof(uint32_t), NULL, json_u32 };

static const struct json_field user_fields[] = {
	{ "uid", read_id, offsetof(struct spec_user, uid), true, NULL, write_id },
	{ "gid", read_id, offsetof(struct spec_user, gid), true, NULL, write_id },
	SPEC_HAS("umask", json_u32, struct spec_user, umask),
	SPEC_FIELD("additionalGids", json_array, struct spec_user, additional_gids, &ids),
	{ 0 },
};

static const struct json_field console_size_fields[] = {
	SPEC_INNER("height", json_u64, struct spec_process, console_size, height, NULL),
	SPEC_INNER("width", json_u64, struct spec_process, console_size, width, NULL),
	{ 0 },
};

static const struct json_field capabilities_fields[] = {
	SPEC_FIELD("bounding", json_strv, struct spec_capabilities, bounding, NULL),
	SPEC_FIELD("effective", json_strv, struct spec_capabilities, effective, NULL),
	SPEC_FIELD("inheritable", json_strv, struct spec_capabilities, inheritable, NULL),
	SPEC_FIELD("permitted", json_strv, struct spec_capabilities, permitted, NULL),
	SPEC_FIELD("ambient", json_strv, struct spec_capabilities, ambient, NULL),
	{ 0 },
};

static const struct json_field rlimit_fields[] = {
	SPEC_REQUIRED("type", json_string, struct spec_rlimit, type, NULL),
	SPEC_REQUIRED("hard", json_u64, struct spec_rlimit, hard, NULL),
	SPEC_REQUIRED("soft", json_u64, struct spec_rlimit, soft, NULL),
	{ 0 },
};

static const struct json_array_of rlimits = { sizeof(struct spec_rlimit), rlimit_fields,
	NULL };

static const struct json_field scheduler_fields[] = {
	SPEC_FIELD("policy", json_string, struct spec_scheduler, policy, NULL),
	SPEC_FIELD("nice", json_i32, struct spec_scheduler, nice, NULL),
	SPEC_FIELD("priority", json_i32, struct spec_scheduler, priority, NULL),
	SPEC_FIELD("flags", json_strv, struct spec_scheduler, flags, NULL),
	SPEC_FIELD("runtime", json_u64, struct spec_scheduler, runtime, NULL),
	SPEC_FIELD("deadline", json_u64, struct spec_scheduler, deadline, NULL),
	SPEC_FIELD("period", json_u64, struct spec_scheduler, period, NULL),
	{ 0 },
};

static const struct json_field io_priority_fields[] = {
	SPEC_FIELD("class", json_string, struct spec_io_priority, class, NULL),
	SPEC_FIELD("priority", json_i32, struct spec_io_priority, priority, NULL),
	{ 0 },
};

static const struct json_field affinity_fields[] = {
	SPEC_INNER("initial", json_string, struct spec_process, exec_cpu_affinity,
		initial, NULL),
	SPEC_INNER("final", json_string, struct spec_process, exec_cpu_affinity, final,
		NULL),
	{ 0 },
};

#define PROCESS(key, decode, member, arg)                                                \
	SPEC_FIELD(key, decode, struct spec_process, member, arg)

const struct json_field spec_process_fields[] = {
	PROCESS("terminal", json_bool, terminal, NULL),
	PROCESS("consoleSize", json_object, console_size, console_size_fields),
	PROCESS("user", json_object, user, user_fields),
	PROCESS("args", json_strv, args, NULL),
	PROCESS("env", json_strv, env, NULL),
	SPEC_REQUIRED("cwd", json_string, struct spec_process, cwd, NULL),
	PROCESS("capabilities", json_present, capabilities, capabilities_fields),
	PROCESS("rlimits", json_array, rlimits, &rlimits),
	PROCESS("noNewPrivileges", json_bool, no_new_privileges, NULL),
	PROCESS("apparmorProfile", json_string, apparmor_profile, NULL),
	PROCESS("selinuxLabel", json_string, selinux_label, NULL),
	SPEC_HAS("oomScoreAdj", json_i32, struct spec_process, oom_score_adj),
	PROCESS("scheduler", json_object, scheduler, scheduler_fields),
	PROCESS("ioPriority", json_object, io_priority, io_priority_fields),
	PROCESS("execCPUAffinity", json_object, exec_cpu_affinity, affinity_fields),
	{ 0 },
};
