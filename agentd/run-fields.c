/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/run-fields.h"

#include "common/cleanup.h"
#include "common/json-writer.h"

#define ROW(member, decode)                                                              \
	{                                                                                \
#member, decode, offsetof(struct run_options, member)                    \
	}

const struct json_field run_fields[] = {
	ROW(uris, json_strv),
	ROW(command, json_strv),
	ROW(entrypoint, json_string),
	ROW(env, json_strv),
	ROW(env_removed, json_strv),
	ROW(labels, json_strv),
	ROW(workdir, json_string),
	ROW(user, json_string),
	ROW(hostname, json_string),
	ROW(is_interactive, json_bool),
	ROW(has_terminal, json_bool),
	ROW(is_auto_removed, json_bool),
	ROW(is_read_only, json_bool),
	ROW(has_init, json_bool),
	ROW(volumes, json_strv),
	ROW(tmpfs, json_strv),
	ROW(devices, json_strv),
	ROW(secrets, json_strv),
	ROW(secret_env, json_strv),
	ROW(shm_size, json_string),
	ROW(memory, json_string),
	ROW(memory_reservation, json_string),
	ROW(memory_swap, json_string),
	ROW(cpus, json_string),
	ROW(cpu_shares, json_string),
	ROW(cpuset_cpus, json_string),
	ROW(cpuset_mems, json_string),
	ROW(pids_limit, json_string),
	ROW(huge_pages, json_strv),
	ROW(io_weight, json_string),
	ROW(device_read_bps, json_strv),
	ROW(device_write_bps, json_strv),
	ROW(device_read_iops, json_strv),
	ROW(device_write_iops, json_strv),
	ROW(ulimits, json_strv),
	ROW(sysctls, json_strv),
	ROW(cgroup_parent, json_string),
	ROW(cap_add, json_strv),
	ROW(cap_drop, json_strv),
	ROW(network, json_string),
	ROW(publish, json_strv),
	ROW(dns, json_strv),
	ROW(network_rate_in, json_string),
	ROW(network_rate_out, json_string),
	ROW(security_opts, json_strv),
	ROW(may_gain_privileges, json_bool),
	ROW(userns, json_string),
	ROW(log_max_size, json_string),
	ROW(log_max_files, json_string),
	ROW(stop_signal, json_string),
	ROW(stop_timeout, json_string),
	ROW(has_nesting, json_bool),
	ROW(is_session, json_bool),
	{ 0 },
};

bool run_field_is_asked(const struct json_field *field, const struct run_options *run)
{
	const struct json_field one[] = { *field, { 0 } };
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_object(&w, NULL);
	json_encode(&w, one, run);
	jw_object_end(&w);
	return buf_finish(&b) < 0 || b.len > 2;
}
