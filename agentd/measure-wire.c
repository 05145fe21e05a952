/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/measure-wire.h"

#include <string.h>

/* Nobody knows is no number that others would read as it is meant. */
static void encode_known(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	if (*(const uint64_t *)in != UINT64_MAX)
		jw_u64(w, key, *(const uint64_t *)in);
}

#define ROW(name, member)                                                                \
	{                                                                                \
		name, json_u64, offsetof(struct container_measure, member), false, NULL, \
			encode_known                                                     \
	}
#define USAGE(member) ROW(#member, usage.member)
#define NETWORK(member) ROW("network_" #member, network.member)

static const struct json_field fields[] = {
	{ "time", json_i64, offsetof(struct container_measure, time), true },
	USAGE(cpu_usec),
	USAGE(cpu_user_usec),
	USAGE(cpu_system_usec),
	USAGE(cpu_periods),
	USAGE(cpu_throttled_usec),
	USAGE(cpu_throttled_periods),
	USAGE(cpu_quota_usec),
	USAGE(cpu_period_usec),
	USAGE(memory_bytes),
	USAGE(memory_peak_bytes),
	USAGE(memory_limit_bytes),
	USAGE(memory_soft_bytes),
	USAGE(memory_anon_bytes),
	USAGE(memory_cache_bytes),
	USAGE(memory_mapped_bytes),
	USAGE(memory_unevictable_bytes),
	USAGE(swap_bytes),
	USAGE(oom_kills),
	USAGE(pids),
	USAGE(pids_limit),
	USAGE(pids_peak),
	USAGE(io_read_bytes),
	USAGE(io_write_bytes),
	USAGE(io_reads),
	USAGE(io_writes),
	USAGE(cpu_pressure.some_usec),
	USAGE(cpu_pressure.full_usec),
	USAGE(cpu_pressure.some_avg10),
	USAGE(memory_pressure.some_usec),
	USAGE(memory_pressure.full_usec),
	USAGE(memory_pressure.some_avg10),
	USAGE(io_pressure.some_usec),
	USAGE(io_pressure.full_usec),
	USAGE(io_pressure.some_avg10),
	NETWORK(received),
	NETWORK(received_packets),
	NETWORK(received_errors),
	NETWORK(received_dropped),
	NETWORK(sent),
	NETWORK(sent_packets),
	NETWORK(sent_errors),
	NETWORK(sent_dropped),
	{ 0 },
};

/* A member that has no row would be told as unknown for ever. */
_Static_assert(sizeof(fields) / sizeof(fields[0]) - 2 ==
		       (sizeof(struct cgroup_usage) + sizeof(struct network_usage)) /
			       sizeof(uint64_t),
	"each member has its row");

void measure_write(
	struct json_writer *w, const char *key, const struct container_measure *measure)
{
	jw_object(w, key);
	json_encode(w, fields, measure);
	jw_object_end(w);
}

int measure_read(const struct json *v, struct container_measure *ret, struct err *err)
{
	struct container_measure measure;
	int r;

	memset(&measure, 0xff, sizeof(measure)); /* every member UINT64_MAX */
	r = json_decode(v, fields, &measure, err);
	if (r == 0)
		*ret = measure;
	return r < 0 ? err_wrap(err, "what is told of what a container uses") : 0;
}
