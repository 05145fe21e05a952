/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cgroup used and may use, in neutral units: the sum over all that ever ran in it, whichever
 * version the host has. A value that nobody counts here (the container is not in that controller, or
 * the kernel is too old) is UINT64_MAX, and so is a limit that is none.
 */
#ifndef UCR_ISOLATORS_CGROUP_STATS_H
#define UCR_ISOLATORS_CGROUP_STATS_H

#include <stdint.h>

/*
 * Time lost for want of a resource (PSI): by some of the processes, and by all of them at once. The
 * average is of the last ten seconds, in hundredths of a percent.
 */
struct cgroup_pressure {
	uint64_t some_usec, full_usec, some_avg10;
};

struct cgroup_usage {
	uint64_t cpu_usec, cpu_user_usec, cpu_system_usec;
	uint64_t cpu_periods; /* in which there was a quota and something to run */
	uint64_t cpu_throttled_usec, cpu_throttled_periods;
	uint64_t cpu_quota_usec,
		cpu_period_usec; /* the hard limit: so much of each period */
	uint64_t memory_bytes, memory_peak_bytes, memory_limit_bytes, memory_soft_bytes;
	uint64_t memory_anon_bytes, memory_cache_bytes, memory_mapped_bytes;
	uint64_t memory_unevictable_bytes;
	uint64_t swap_bytes;
	uint64_t oom_kills; /* processes the kernel killed here for want of memory */
	uint64_t pids, pids_limit, pids_peak;
	uint64_t io_read_bytes, io_write_bytes, io_reads, io_writes;
	struct cgroup_pressure cpu_pressure, memory_pressure, io_pressure;
};

#endif
