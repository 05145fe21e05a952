/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of the specification in the files of cgroup v1. */
#include "isolators/cgroup-v1.h"

#include "isolators/cgroup-settings.h"

#include <inttypes.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FIELD(member) offsetof(struct spec_resources, member)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define HINT_SWAP "boot with swapaccount=1, or ask for no swap limit"
#define HINT_KMEM "kernel memory limits were removed from Linux; remove this limit"
#define HINT_BFQ "no I/O scheduler with weights is active; use the bfq scheduler"
#define HINT_RT "the kernel was built without CONFIG_RT_GROUP_SCHED; remove this limit"

/* The first name that this kernel has: blkio.weight was CFQ's, blkio.bfq.weight is BFQ's.
 */
static int format_weight(const struct cgroup_source *source, char room[CGROUP_VALUE_ROOM],
	const char **ret, struct err *err)
{
	if (cgroup_has_file(source->dirfd, "blkio.weight"))
		return 0;
	return cgroup_format_u64(source, room, ret, err);
}

static int format_weight_cfq(const struct cgroup_source *source,
	char room[CGROUP_VALUE_ROOM], const char **ret, struct err *err)
{
	if (!cgroup_has_file(source->dirfd, "blkio.weight"))
		return 0;
	return cgroup_format_u64(source, room, ret, err);
}

/* An idle group has no weight: the kernel refuses one for it. */
static int format_shares(const struct cgroup_source *source, char room[CGROUP_VALUE_ROOM],
	const char **ret, struct err *err)
{
	const struct spec_i64 *idle = &source->resources->cpu.idle;

	if (idle->is_set && idle->value > 0)
		return 0;
	return cgroup_format_u64(source, room, ret, err);
}

/* No limit need not be set where the kernel does not count swap. */
static int format_memsw(const struct cgroup_source *source, char room[CGROUP_VALUE_ROOM],
	const char **ret, struct err *err)
{
	const struct spec_i64 *v = source->field;

	if (v->value < 0 &&
		!cgroup_has_file(source->dirfd, "memory.memsw.limit_in_bytes"))
		return 0;
	return cgroup_format_i64(source, room, ret, err);
}

static const struct cgroup_setting settings[] = {
	{ "cpu.cfs_period_us", CGROUP_CPU, FIELD(cpu.period), cgroup_format_u64, NULL },
	{ "cpu.cfs_quota_us", CGROUP_CPU, FIELD(cpu.quota), cgroup_format_i64, NULL },
	{ "cpu.cfs_burst_us", CGROUP_CPU, FIELD(cpu.burst), cgroup_format_u64_any, NULL },
	{ "cpu.idle", CGROUP_CPU, FIELD(cpu.idle), cgroup_format_i64_any, NULL },
	{ "cpu.shares", CGROUP_CPU, FIELD(cpu.shares), format_shares, NULL },
	{ "cpu.rt_period_us", CGROUP_CPU, FIELD(cpu.realtime_period), cgroup_format_u64,
		HINT_RT },
	{ "cpu.rt_runtime_us", CGROUP_CPU, FIELD(cpu.realtime_runtime), cgroup_format_i64,
		HINT_RT },
	{ "cpuset.cpus", CGROUP_CPUSET, FIELD(cpu.cpus), cgroup_format_string, NULL },
	{ "cpuset.mems", CGROUP_CPUSET, FIELD(cpu.mems), cgroup_format_string, NULL },
	{ "memory.use_hierarchy", CGROUP_MEMORY, FIELD(memory.use_hierarchy),
		cgroup_format_true, NULL },
	{ "memory.limit_in_bytes", CGROUP_MEMORY, FIELD(memory.limit), cgroup_format_i64,
		NULL },
	{ "memory.memsw.limit_in_bytes", CGROUP_MEMORY, FIELD(memory.swap), format_memsw,
		HINT_SWAP },
	{ "memory.soft_limit_in_bytes", CGROUP_MEMORY, FIELD(memory.reservation),
		cgroup_format_i64, NULL },
	{ "memory.kmem.limit_in_bytes", CGROUP_MEMORY, FIELD(memory.kernel),
		cgroup_format_i64, HINT_KMEM },
	{ "memory.kmem.tcp.limit_in_bytes", CGROUP_MEMORY, FIELD(memory.kernel_tcp),
		cgroup_format_i64, HINT_KMEM },
	{ "memory.swappiness", CGROUP_MEMORY, FIELD(memory.swappiness),
		cgroup_format_u64_any, NULL },
	{ "memory.oom_control", CGROUP_MEMORY, FIELD(memory.disable_oom_killer),
		cgroup_format_true, NULL },
	{ "pids.max", CGROUP_PIDS, FIELD(pids_limit), cgroup_format_pids, NULL },
	{ "blkio.weight", CGROUP_IO, FIELD(block_io.weight), format_weight_cfq, NULL },
	{ "blkio.bfq.weight", CGROUP_IO, FIELD(block_io.weight), format_weight,
		HINT_BFQ },
	{ "blkio.leaf_weight", CGROUP_IO, FIELD(block_io.leaf_weight), cgroup_format_u64,
		"leaf weights went away with the CFQ scheduler; remove leafWeight" },
	{ "net_cls.classid", CGROUP_NET_CLS, FIELD(network.class_id),
		cgroup_format_u64_any, NULL },
};

/* "8:0 1048576". A rate of 0 lifts the limit. */
static int write_rate(int dirfd, const char *file, const void *item, struct err *err)
{
	const struct spec_block_device *d = item;
	char value[CGROUP_VALUE_ROOM];

	if (!d->rate.is_set)
		return 0;
	(void)snprintf(value, sizeof(value), "%" PRId64 ":%" PRId64 " %" PRIu64, d->major,
		d->minor, d->rate.value);
	return cgroup_write(dirfd, file, value, NULL, err);
}

static int write_weight(int dirfd, const char *file, const struct spec_block_device *d,
	struct spec_u64 weight, const char *hint, struct err *err)
{
	char value[CGROUP_VALUE_ROOM];

	if (!weight.is_set || !weight.value)
		return 0;
	(void)snprintf(value, sizeof(value), "%" PRId64 ":%" PRId64 " %" PRIu64, d->major,
		d->minor, weight.value);
	return cgroup_write(dirfd, file, value, hint, err);
}

static int write_weight_device(
	int dirfd, const char *file, const void *item, struct err *err)
{
	const struct spec_block_device *d = item;
	bool is_cfq = cgroup_has_file(dirfd, "blkio.weight_device");
	int r;

	r = write_weight(dirfd,
		is_cfq ? "blkio.weight_device" : "blkio.bfq.weight_device", d, d->weight,
		HINT_BFQ, err);
	if (r < 0)
		return r;
	return write_weight(dirfd, "blkio.leaf_weight_device", d, d->leaf_weight,
		"leaf weights went away with the CFQ scheduler; remove leafWeight", err);
}

static int write_hugepages(int dirfd, const char *file, const void *item, struct err *err)
{
	return cgroup_write_hugepages(dirfd, "limit_in_bytes", item, err);
}

/* "eth0 5". */
static int write_priority(int dirfd, const char *file, const void *item, struct err *err)
{
	const struct spec_net_priority *p = item;
	char value[CGROUP_VALUE_ROOM];

	if (str_empty(p->name) || strlen(p->name) > 15 || strpbrk(p->name, " \t\n"))
		return err_say(err, EINVAL,
			"network.priorities: \"%s\" is no interface name",
			p->name ? p->name : "");
	(void)snprintf(value, sizeof(value), "%s %" PRIu32, p->name, p->priority);
	return cgroup_write(dirfd, file, value, NULL, err);
}

static int write_rdma(int dirfd, const char *file, const void *item, struct err *err)
{
	return cgroup_write_rdma(dirfd, item, err);
}

#define LIST(member, type, controller, file, write)                                      \
	{                                                                                \
		controller, FIELD(member), sizeof(struct type), file, write              \
	}

static const struct cgroup_list lists[] = {
	LIST(block_io.weight_device, spec_block_device, CGROUP_IO, NULL,
		write_weight_device),
	LIST(block_io.throttle_read_bps_device, spec_block_device, CGROUP_IO,
		"blkio.throttle.read_bps_device", write_rate),
	LIST(block_io.throttle_write_bps_device, spec_block_device, CGROUP_IO,
		"blkio.throttle.write_bps_device", write_rate),
	LIST(block_io.throttle_read_iops_device, spec_block_device, CGROUP_IO,
		"blkio.throttle.read_iops_device", write_rate),
	LIST(block_io.throttle_write_iops_device, spec_block_device, CGROUP_IO,
		"blkio.throttle.write_iops_device", write_rate),
	LIST(hugepage_limits, spec_hugepage_limit, CGROUP_HUGETLB, NULL, write_hugepages),
	LIST(network.priorities, spec_net_priority, CGROUP_NET_PRIO, "net_prio.ifpriomap",
		write_priority),
	LIST(rdma, spec_rdma, CGROUP_RDMA, NULL, write_rdma),
};

int cgroup_v1_set(const struct cgroup_part *part, const struct spec_resources *resources,
	struct err *err)
{
	uint32_t controllers = part->hierarchy->controllers;
	int r;

	r = cgroup_settings_apply(
		part->dirfd, controllers, settings, COUNT(settings), resources, err);
	if (r < 0)
		return r;
	return cgroup_lists_apply(
		part->dirfd, controllers, lists, COUNT(lists), resources, err);
}
