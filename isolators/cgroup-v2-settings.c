/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of the specification, which speaks v1, in the files of cgroup v2. */
#include "isolators/cgroup-v2.h"

#include "isolators/cgroup-settings.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIELD(member) offsetof(struct spec_resources, member)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define HINT_IO                                                                          \
	"no I/O controller with weights is active; use the bfq scheduler, or build the " \
	"kernel with CONFIG_BLK_CGROUP_IOCOST"
#define HINT_SWAP "the kernel does not count swap; ask for no swap limit"

/* An idle group has no weight: the kernel refuses one for it. */
static int format_cpu_weight(const struct cgroup_source *source,
	char room[CGROUP_VALUE_ROOM], const char **ret, struct err *err)
{
	const struct spec_cpu *cpu = &source->resources->cpu;

	if (!cpu->shares.is_set || !cpu->shares.value ||
		(cpu->idle.is_set && cpu->idle.value > 0))
		return 0;
	(void)snprintf(room, CGROUP_VALUE_ROOM, "%" PRIu64,
		cgroup_weight_of_shares(cpu->shares.value));
	*ret = room;
	return 1;
}

/* "quota period"; the kernel keeps the period when only a quota is written, but there is
 * no way to write a period alone. */
static int format_cpu_max(const struct cgroup_source *source,
	char room[CGROUP_VALUE_ROOM], const char **ret, struct err *err)
{
	const struct spec_cpu *cpu = &source->resources->cpu;
	bool has_quota = cpu->quota.is_set && cpu->quota.value;
	bool has_period = cpu->period.is_set && cpu->period.value;
	char quota[32] = "max";

	if (!has_quota && !has_period)
		return 0;
	if (has_quota && cpu->quota.value > 0)
		(void)snprintf(quota, sizeof(quota), "%" PRId64, cpu->quota.value);
	else if (!has_quota &&
		 fd_read_kernel_file(source->dirfd, "cpu.max", quota, sizeof(quota)) == 0)
		quota[strcspn(quota, " \n")] = '\0';
	if (has_period)
		(void)snprintf(
			room, CGROUP_VALUE_ROOM, "%s %" PRIu64, quota, cpu->period.value);
	else
		(void)snprintf(room, CGROUP_VALUE_ROOM, "%s", quota);
	*ret = room;
	return 1;
}

/* The memory limit that swap is counted on top of: the one asked for, or the one in
 * force. */
static int64_t memory_limit(const struct cgroup_source *source)
{
	const struct spec_i64 *limit = &source->resources->memory.limit;
	char text[32];
	int64_t value;

	if (limit->is_set && limit->value)
		return limit->value;
	if (fd_read_kernel_file(source->dirfd, "memory.max", text, sizeof(text)) < 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	if (str_eq(text, "max"))
		return 0;
	return str_to_i64(text, &value) == 0 ? value : 0;
}

static int format_swap(const struct cgroup_source *source, char room[CGROUP_VALUE_ROOM],
	const char **ret, struct err *err)
{
	const struct spec_memory *m = &source->resources->memory;
	int64_t swap = m->swap.is_set ? m->swap.value : 0, value;
	int r;

	if (swap == 0 && m->limit.is_set && m->limit.value < 0)
		swap = -1; /* v1 has no swap limit without one of memory */
	if (swap == 0)
		return 0;
	if (swap < 0 && !cgroup_has_file(source->dirfd, "memory.swap.max"))
		return 0;
	r = cgroup_swap_of(swap, memory_limit(source), &value);
	if (r == -ENODATA)
		return err_say(err, EINVAL,
			"memory.swap, which is memory and swap, needs memory.limit");
	if (r < 0)
		return err_say(err, EINVAL,
			"memory.swap (%" PRId64 ") is below memory.limit, a part of it",
			swap);
	(void)snprintf(room, CGROUP_VALUE_ROOM, "%" PRId64, value);
	*ret = value < 0 ? "max" : room;
	return 1;
}

static int format_bfq_weight(const struct cgroup_source *source,
	char room[CGROUP_VALUE_ROOM], const char **ret, struct err *err)
{
	if (!cgroup_has_file(source->dirfd, "io.bfq.weight"))
		return 0;
	return cgroup_format_u64(source, room, ret, err);
}

static int format_io_weight(const struct cgroup_source *source,
	char room[CGROUP_VALUE_ROOM], const char **ret, struct err *err)
{
	const struct spec_u64 *v = source->field;

	if (!v->is_set || !v->value || cgroup_has_file(source->dirfd, "io.bfq.weight"))
		return 0;
	(void)snprintf(room, CGROUP_VALUE_ROOM, "default %" PRIu64,
		cgroup_io_weight_of(v->value));
	*ret = room;
	return 1;
}

/* ---- what only v1 has ---- */

static bool asks_realtime(const struct spec_resources *r)
{
	return (r->cpu.realtime_runtime.is_set && r->cpu.realtime_runtime.value > 0) ||
	       (r->cpu.realtime_period.is_set && r->cpu.realtime_period.value > 0);
}

static bool asks_kernel_memory(const struct spec_resources *r)
{
	return (r->memory.kernel.is_set && r->memory.kernel.value > 0) ||
	       (r->memory.kernel_tcp.is_set && r->memory.kernel_tcp.value > 0);
}

static bool asks_swappiness(const struct spec_resources *r)
{
	return r->memory.swappiness.is_set;
}

static bool asks_no_oom(const struct spec_resources *r)
{
	return r->memory.disable_oom_killer;
}

static bool asks_leaf_weight(const struct spec_resources *r)
{
	const struct spec_block_devices *devices = &r->block_io.weight_device;

	for (size_t i = 0; i < devices->count; i++) {
		if (devices->items[i].leaf_weight.is_set &&
			devices->items[i].leaf_weight.value)
			return true;
	}
	return r->block_io.leaf_weight.is_set && r->block_io.leaf_weight.value;
}

static const struct v1_only {
	uint32_t controller;
	bool (*is_asked)(const struct spec_resources *resources);
	const char *what, *hint;
} v1_only[] = {
	{ CGROUP_CPU, asks_realtime, "cpu.realtimeRuntime",
		"remove realtimeRuntime and realtimePeriod" },
	{ CGROUP_MEMORY, asks_kernel_memory, "memory.kernel",
		"kernel memory counts as memory there; remove it" },
	{ CGROUP_MEMORY, asks_swappiness, "memory.swappiness",
		"remove it, or set vm.swappiness of the host" },
	{ CGROUP_MEMORY, asks_no_oom, "memory.disableOOMKiller",
		"remove it; memory.high in unified slows down instead of killing" },
	{ CGROUP_IO, asks_leaf_weight, "blockIO.leafWeight", "remove it" },
};

static int refuse_v1_only(
	uint32_t controllers, const struct spec_resources *resources, struct err *err)
{
	for (size_t i = 0; i < COUNT(v1_only); i++) {
		if (!(v1_only[i].controller & controllers) ||
			!v1_only[i].is_asked(resources))
			continue;
		(void)err_say(
			err, ENOTSUP, "%s cannot be had with cgroup v2", v1_only[i].what);
		return err_hint(err, "%s", v1_only[i].hint);
	}
	return 0;
}

/* ---- tables ---- */

static const struct cgroup_setting settings[] = {
	{ "cpu.max", CGROUP_CPU, FIELD(cpu.quota), format_cpu_max, NULL },
	{ "cpu.max.burst", CGROUP_CPU, FIELD(cpu.burst), cgroup_format_u64_any, NULL },
	{ "cpu.idle", CGROUP_CPU, FIELD(cpu.idle), cgroup_format_i64_any, NULL },
	{ "cpu.weight", CGROUP_CPU, FIELD(cpu.shares), format_cpu_weight, NULL },
	{ "cpuset.cpus", CGROUP_CPUSET, FIELD(cpu.cpus), cgroup_format_string, NULL },
	{ "cpuset.mems", CGROUP_CPUSET, FIELD(cpu.mems), cgroup_format_string, NULL },
	{ "memory.swap.max", CGROUP_MEMORY, FIELD(memory.swap), format_swap, HINT_SWAP },
	{ "memory.max", CGROUP_MEMORY, FIELD(memory.limit), cgroup_format_max, NULL },
	{ "memory.low", CGROUP_MEMORY, FIELD(memory.reservation), cgroup_format_max,
		NULL },
	{ "pids.max", CGROUP_PIDS, FIELD(pids_limit), cgroup_format_pids, NULL },
	{ "io.bfq.weight", CGROUP_IO, FIELD(block_io.weight), format_bfq_weight, NULL },
	{ "io.weight", CGROUP_IO, FIELD(block_io.weight), format_io_weight, HINT_IO },
};

/* "8:0 rbps=1048576": `key` is what stands for the file in these rows. */
static int write_rate(int dirfd, const char *key, const void *item, struct err *err)
{
	const struct spec_block_device *d = item;
	char value[CGROUP_VALUE_ROOM], rate[32] = "max";

	if (!d->rate.is_set)
		return 0;
	if (d->rate.value)
		(void)snprintf(rate, sizeof(rate), "%" PRIu64, d->rate.value);
	(void)snprintf(value, sizeof(value), "%" PRId64 ":%" PRId64 " %s=%s", d->major,
		d->minor, key, rate);
	return cgroup_write(dirfd, "io.max", value, NULL, err);
}

static int write_weight_device(
	int dirfd, const char *file, const void *item, struct err *err)
{
	const struct spec_block_device *d = item;
	bool is_bfq = cgroup_has_file(dirfd, "io.bfq.weight");
	char value[CGROUP_VALUE_ROOM];

	if (!d->weight.is_set || !d->weight.value)
		return 0;
	(void)snprintf(value, sizeof(value), "%" PRId64 ":%" PRId64 " %" PRIu64, d->major,
		d->minor,
		is_bfq ? d->weight.value : cgroup_io_weight_of(d->weight.value));
	return cgroup_write(
		dirfd, is_bfq ? "io.bfq.weight" : "io.weight", value, HINT_IO, err);
}

static int write_hugepages(int dirfd, const char *file, const void *item, struct err *err)
{
	return cgroup_write_hugepages(dirfd, "max", item, err);
}

static int write_rdma(int dirfd, const char *file, const void *item, struct err *err)
{
	return cgroup_write_rdma(dirfd, item, err);
}

#define LIST(member, type, controller, key, write)                                       \
	{                                                                                \
		controller, FIELD(member), sizeof(struct type), key, write               \
	}

static const struct cgroup_list lists[] = {
	LIST(block_io.weight_device, spec_block_device, CGROUP_IO, NULL,
		write_weight_device),
	LIST(block_io.throttle_read_bps_device, spec_block_device, CGROUP_IO, "rbps",
		write_rate),
	LIST(block_io.throttle_write_bps_device, spec_block_device, CGROUP_IO, "wbps",
		write_rate),
	LIST(block_io.throttle_read_iops_device, spec_block_device, CGROUP_IO, "riops",
		write_rate),
	LIST(block_io.throttle_write_iops_device, spec_block_device, CGROUP_IO, "wiops",
		write_rate),
	LIST(hugepage_limits, spec_hugepage_limit, CGROUP_HUGETLB, NULL, write_hugepages),
	LIST(rdma, spec_rdma, CGROUP_RDMA, NULL, write_rdma),
};

/* "memory.high=100M"; a value of several lines ("8:0 rbps=1\n8:16 rbps=1") is one write
 * each, as the kernel reads one line a write. */
static int write_unified(int dirfd, const char *assignment, struct err *err)
{
	cleanup_free char *copy = strdup(assignment);
	char *value, *line;
	int r;

	if (!copy)
		return err_oom(err);
	value = strchr(copy, '=');
	if (!value || value == copy || memchr(copy, '/', (size_t)(value - copy)) ||
		copy[0] == '.')
		return err_say(err, EINVAL,
			"resources.unified: \"%s\" does not begin with the name of a cgroup file",
			assignment);
	*value++ = '\0';
	while ((line = strsep(&value, "\n"))) {
		if (!*line)
			continue;
		r = cgroup_write(dirfd, copy, line,
			"the file of resources.unified is of a controller that is not "
			"enabled here, or of a newer kernel",
			err);
		if (r < 0)
			return r;
	}
	return 0;
}

int cgroup_v2_set(const struct cgroup_part *part, const struct spec_resources *resources,
	struct err *err)
{
	uint32_t controllers = part->hierarchy->controllers;
	int r;

	r = refuse_v1_only(controllers, resources, err);
	if (r < 0)
		return r;
	r = cgroup_settings_apply(
		part->dirfd, controllers, settings, COUNT(settings), resources, err);
	if (r < 0)
		return r;
	r = cgroup_lists_apply(
		part->dirfd, controllers, lists, COUNT(lists), resources, err);
	if (r < 0)
		return r;
	strv_each (assignment, resources->unified) {
		r = write_unified(part->dirfd, *assignment, err);
		if (r < 0)
			return r;
	}
	return 0;
}
