/* SPDX-License-Identifier: Apache-2.0 */
#include "images/appc.h"

#define AT(member) offsetof(struct image_appc, member)
#define MOUNT_AT(member) offsetof(struct appc_mount_point, member)

static const struct json_field mount_point_fields[] = {
	{ "name", json_string, MOUNT_AT(name), true },
	{ "path", json_string, MOUNT_AT(path), true },
	{ "read_only", json_bool, MOUNT_AT(is_read_only) },
	{ 0 },
};
static const struct json_array_of mount_points = { sizeof(struct appc_mount_point),
	mount_point_fields, NULL };

const struct json_field image_appc_fields[] = {
	{ "pre_start", json_strv, AT(pre_start) },
	{ "post_stop", json_strv, AT(post_stop) },
	{ "supplementary_gids", json_strv, AT(supplementary_gids) },
	{ "mount_points", json_array, AT(mount_points), false, &mount_points },
	{ "retains_capabilities", json_bool, AT(retains_capabilities) },
	{ "capabilities_retain", json_strv, AT(capabilities_retain) },
	{ "capabilities_remove", json_strv, AT(capabilities_remove) },
	{ "no_new_privileges", json_bool, AT(no_new_privileges) },
	{ "memory_limit", json_u64, AT(memory_limit) },
	{ "cpu_limit", json_u64, AT(cpu_limit) },
	{ "cpu_shares", json_u64, AT(cpu_shares) },
	{ "oom_score_adj", json_i32, AT(oom_score_adj) },
	{ "sysctls", json_string_map, AT(sysctls) },
	{ "has_seccomp", json_bool, AT(has_seccomp) },
	{ "seccomp_is_retain_set", json_bool, AT(seccomp_is_retain_set) },
	{ "seccomp_set", json_strv, AT(seccomp_set) },
	{ "seccomp_errno", json_string, AT(seccomp_errno) },
	{ "needs_working_dir", json_bool, AT(needs_working_dir) },
	{ 0 },
};

void image_appc_done(struct image_appc *appc)
{
	json_release(image_appc_fields, appc);
}
