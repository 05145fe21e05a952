/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/cgroup-usage.h"

#include "isolators/cgroup-v1.h"
#include "isolators/cgroup-v2.h"

#include "common/fd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MEMBER(name) offsetof(struct cgroup_usage, name)
/* v1 writes "no memory limit" as the largest number of whole pages. */
#define V1_UNLIMITED 0x7fff000000000000ULL
/* cpuacct.stat counts in USER_HZ, 100 a second on every architecture of Linux but Alpha.
 */
#define USEC_PER_TICK 10000

static const char *find_line(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return line + len + 1;
	}
	return NULL;
}

static void take_figure(
	const char *text, const struct cgroup_figure *row, struct cgroup_usage *usage)
{
	const char *number = row->key ? find_line(text, row->key) : text;
	uint64_t *member = (uint64_t *)(void *)((char *)usage + row->member);
	uint64_t value;
	char *end;

	if (!number)
		return;
	errno = 0;
	value = strtoull(number, &end, 10);
	if (end == number || errno || value >= V1_UNLIMITED)
		*member = UINT64_MAX; /* "max" */
	else
		*member = value * row->multiply / row->divide;
}

void cgroup_figures_read(int dirfd, uint32_t controllers,
	const struct cgroup_figure *rows, size_t count, struct cgroup_usage *usage)
{
	char text[CGROUP_FILE_ROOM];
	const char *last = NULL;
	int r = -ENOENT;

	for (size_t i = 0; i < count; i++) {
		if (!(rows[i].controller & controllers))
			continue;
		if (!last || !str_eq(last, rows[i].file))
			r = fd_read_kernel_file(dirfd, rows[i].file, text, sizeof(text));
		last = rows[i].file;
		if (r == 0)
			take_figure(text, &rows[i], usage);
	}
}

uint64_t cgroup_figure_sum(const char *text, const char *key)
{
	uint64_t sum = 0;

	for (const char *p = strstr(text, key); p; p = strstr(p, key)) {
		bool is_word = p == text || p[-1] == ' ' || p[-1] == '\n';

		p += strlen(key);
		if (is_word)
			sum += strtoull(p, NULL, 10);
	}
	return sum;
}

/* ---- v2 ---- */

static const struct cgroup_figure v2_figures[] = {
	{ CGROUP_CPUACCT, "cpu.stat", "usage_usec", MEMBER(cpu_usec), 1, 1 },
	{ CGROUP_CPUACCT, "cpu.stat", "user_usec", MEMBER(cpu_user_usec), 1, 1 },
	{ CGROUP_CPUACCT, "cpu.stat", "system_usec", MEMBER(cpu_system_usec), 1, 1 },
	{ CGROUP_CPU, "cpu.stat", "nr_periods", MEMBER(cpu_periods), 1, 1 },
	{ CGROUP_CPU, "cpu.stat", "nr_throttled", MEMBER(cpu_throttled_periods), 1, 1 },
	{ CGROUP_CPU, "cpu.stat", "throttled_usec", MEMBER(cpu_throttled_usec), 1, 1 },
	{ CGROUP_CPU, "cpu.max", NULL, MEMBER(cpu_quota_usec), 1, 1 },
	{ CGROUP_MEMORY, "memory.current", NULL, MEMBER(memory_bytes), 1, 1 },
	{ CGROUP_MEMORY, "memory.peak", NULL, MEMBER(memory_peak_bytes), 1, 1 },
	{ CGROUP_MEMORY, "memory.max", NULL, MEMBER(memory_limit_bytes), 1, 1 },
	{ CGROUP_MEMORY, "memory.low", NULL, MEMBER(memory_soft_bytes), 1, 1 },
	{ CGROUP_MEMORY, "memory.stat", "anon", MEMBER(memory_anon_bytes), 1, 1 },
	{ CGROUP_MEMORY, "memory.stat", "file", MEMBER(memory_cache_bytes), 1, 1 },
	{ CGROUP_MEMORY, "memory.stat", "file_mapped", MEMBER(memory_mapped_bytes), 1,
		1 },
	{ CGROUP_MEMORY, "memory.stat", "unevictable", MEMBER(memory_unevictable_bytes),
		1, 1 },
	{ CGROUP_MEMORY, "memory.swap.current", NULL, MEMBER(swap_bytes), 1, 1 },
	{ CGROUP_MEMORY, "memory.events", "oom_kill", MEMBER(oom_kills), 1, 1 },
	{ CGROUP_PIDS, "pids.current", NULL, MEMBER(pids), 1, 1 },
	{ CGROUP_PIDS, "pids.max", NULL, MEMBER(pids_limit), 1, 1 },
	{ CGROUP_PIDS, "pids.peak", NULL, MEMBER(pids_peak), 1, 1 },
};

/* "some avg10=1.25 avg60=0.50 avg300=0.10 total=12345": *ret_avg10 in hundredths. */
static void take_pressure(const char *line, uint64_t *ret_avg10, uint64_t *ret_total_usec)
{
	unsigned long long whole, hundredths, total;

	if (line && sscanf(line, "avg10=%llu.%2llu avg60=%*s avg300=%*s total=%llu",
			    &whole, &hundredths, &total) == 3) {
		*ret_avg10 = whole * 100 + hundredths;
		*ret_total_usec = total;
	}
}

/* The files are there without any controller (Linux 4.20), unless the kernel was built or booted
 * without PSI. */
static void read_pressure(int dirfd, const char *file, struct cgroup_pressure *pressure)
{
	char text[256];
	uint64_t ignored;

	if (fd_read_kernel_file(dirfd, file, text, sizeof(text)) < 0)
		return;
	take_pressure(
		find_line(text, "some"), &pressure->some_avg10, &pressure->some_usec);
	take_pressure(find_line(text, "full"), &ignored, &pressure->full_usec);
}

/* "50000 100000" or "max 100000", of which the first is a plain figure. */
static void read_period(int dirfd, struct cgroup_usage *usage)
{
	char text[64];
	const char *blank;

	if (fd_read_kernel_file(dirfd, "cpu.max", text, sizeof(text)) == 0 &&
		(blank = strchr(text, ' ')))
		usage->cpu_period_usec = strtoull(blank + 1, NULL, 10);
}

void cgroup_v2_usage(const struct cgroup_part *part, struct cgroup_usage *usage)
{
	char text[CGROUP_FILE_ROOM];

	cgroup_figures_read(part->dirfd, part->hierarchy->controllers, v2_figures,
		COUNT(v2_figures), usage);
	read_pressure(part->dirfd, "cpu.pressure", &usage->cpu_pressure);
	read_pressure(part->dirfd, "memory.pressure", &usage->memory_pressure);
	read_pressure(part->dirfd, "io.pressure", &usage->io_pressure);
	if (part->hierarchy->controllers & CGROUP_CPU)
		read_period(part->dirfd, usage);
	if (!(part->hierarchy->controllers & CGROUP_IO) ||
		fd_read_kernel_file(part->dirfd, "io.stat", text, sizeof(text)) < 0)
		return;
	usage->io_read_bytes = cgroup_figure_sum(text, "rbytes=");
	usage->io_write_bytes = cgroup_figure_sum(text, "wbytes=");
	usage->io_reads = cgroup_figure_sum(text, "rios=");
	usage->io_writes = cgroup_figure_sum(text, "wios=");
}

/* ---- v1 ---- */

static const struct cgroup_figure v1_figures[] = {
	{ CGROUP_CPUACCT, "cpuacct.usage", NULL, MEMBER(cpu_usec), 1, 1000 },
	{ CGROUP_CPUACCT, "cpuacct.stat", "user", MEMBER(cpu_user_usec), USEC_PER_TICK,
		1 },
	{ CGROUP_CPUACCT, "cpuacct.stat", "system", MEMBER(cpu_system_usec),
		USEC_PER_TICK, 1 },
	{ CGROUP_CPU, "cpu.stat", "nr_periods", MEMBER(cpu_periods), 1, 1 },
	{ CGROUP_CPU, "cpu.stat", "nr_throttled", MEMBER(cpu_throttled_periods), 1, 1 },
	{ CGROUP_CPU, "cpu.stat", "throttled_time", MEMBER(cpu_throttled_usec), 1, 1000 },
	{ CGROUP_CPU, "cpu.cfs_quota_us", NULL, MEMBER(cpu_quota_usec), 1, 1 },
	{ CGROUP_CPU, "cpu.cfs_period_us", NULL, MEMBER(cpu_period_usec), 1, 1 },
	{ CGROUP_MEMORY, "memory.usage_in_bytes", NULL, MEMBER(memory_bytes), 1, 1 },
	{ CGROUP_MEMORY, "memory.max_usage_in_bytes", NULL, MEMBER(memory_peak_bytes), 1,
		1 },
	{ CGROUP_MEMORY, "memory.limit_in_bytes", NULL, MEMBER(memory_limit_bytes), 1,
		1 },
	{ CGROUP_MEMORY, "memory.soft_limit_in_bytes", NULL, MEMBER(memory_soft_bytes), 1,
		1 },
	{ CGROUP_MEMORY, "memory.stat", "total_rss", MEMBER(memory_anon_bytes), 1, 1 },
	{ CGROUP_MEMORY, "memory.stat", "total_cache", MEMBER(memory_cache_bytes), 1, 1 },
	{ CGROUP_MEMORY, "memory.stat", "total_mapped_file", MEMBER(memory_mapped_bytes),
		1, 1 },
	{ CGROUP_MEMORY, "memory.stat", "total_unevictable",
		MEMBER(memory_unevictable_bytes), 1, 1 },
	{ CGROUP_MEMORY, "memory.stat", "total_swap", MEMBER(swap_bytes), 1, 1 },
	{ CGROUP_MEMORY, "memory.oom_control", "oom_kill", MEMBER(oom_kills), 1, 1 },
	{ CGROUP_PIDS, "pids.current", NULL, MEMBER(pids), 1, 1 },
	{ CGROUP_PIDS, "pids.max", NULL, MEMBER(pids_limit), 1, 1 },
	{ CGROUP_PIDS, "pids.peak", NULL, MEMBER(pids_peak), 1, 1 },
};

/* "8:0 Read 4096"; with the figures of cgroups below. */
static void v1_io(int dirfd, const char *file, uint64_t *reads, uint64_t *writes)
{
	char text[CGROUP_FILE_ROOM];

	if (fd_read_kernel_file(dirfd, file, text, sizeof(text)) < 0)
		return;
	*reads = cgroup_figure_sum(text, "Read ");
	*writes = cgroup_figure_sum(text, "Write ");
}

void cgroup_v1_usage(const struct cgroup_part *part, struct cgroup_usage *usage)
{
	cgroup_figures_read(part->dirfd, part->hierarchy->controllers, v1_figures,
		COUNT(v1_figures), usage);
	if (!(part->hierarchy->controllers & CGROUP_IO))
		return;
	v1_io(part->dirfd, "blkio.throttle.io_service_bytes_recursive",
		&usage->io_read_bytes, &usage->io_write_bytes);
	v1_io(part->dirfd, "blkio.throttle.io_serviced_recursive", &usage->io_reads,
		&usage->io_writes);
}
