/* SPDX-License-Identifier: Apache-2.0 */
/* The controllers: their names in both versions, and which limits need which. */
#include "isolators/cgroup-controllers.h"

#include "isolators/cgroup.h"

#include <errno.h>
#include <string.h>

static const struct controller {
	const char *name;
	uint32_t bit;
	const char *hint; /* when the host has none */
} controllers[] = {
	{ "cpu", CGROUP_CPU, NULL },
	{ "cpuacct", CGROUP_CPUACCT, NULL },
	{ "cpuset", CGROUP_CPUSET, NULL },
	{ "memory", CGROUP_MEMORY, "boot the kernel without cgroup_disable=memory" },
	{ "pids", CGROUP_PIDS, NULL },
	{ "io", CGROUP_IO, NULL },
	{ "blkio", CGROUP_IO, NULL }, /* its name in v1 */
	{ "devices", CGROUP_DEVICES, NULL },
	{ "freezer", CGROUP_FREEZER, NULL },
	{ "hugetlb", CGROUP_HUGETLB, NULL },
	{ "rdma", CGROUP_RDMA, NULL },
	{ "net_cls", CGROUP_NET_CLS,
		"network.classID needs net_cls of cgroup v1; remove it" },
	{ "net_prio", CGROUP_NET_PRIO,
		"network.priorities needs net_prio of cgroup v1; remove it" },
	{ "misc", CGROUP_MISC, NULL },
	{ "unified", CGROUP_UNIFIED,
		"resources.unified needs cgroup v2: boot with "
		"systemd.unified_cgroup_hierarchy=1, or remove it" },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

uint32_t cgroup_controller_bit(const char *name, size_t len)
{
	for (size_t i = 0; i < COUNT(controllers); i++) {
		if (strlen(controllers[i].name) == len &&
			memcmp(controllers[i].name, name, len) == 0)
			return controllers[i].bit;
	}
	return 0;
}

uint32_t cgroup_controllers_parse(const char *names, char separator)
{
	const char stops[] = { separator, '\n', '\0' };
	uint32_t bits = 0;

	while (*names) {
		size_t len = strcspn(names, stops);

		bits |= cgroup_controller_bit(names, len);
		names += len + (names[len] != '\0');
	}
	return bits;
}

const char *cgroup_controller_name(uint32_t bit)
{
	for (size_t i = 0; i < COUNT(controllers); i++) {
		if (controllers[i].bit & bit)
			return controllers[i].name;
	}
	return "unknown";
}

int cgroup_controller_missing(
	uint32_t bit, const struct cgroup_host *host, struct err *err)
{
	if (str_eq(cgroup_host_name(host), "none")) {
		(void)err_say(err, ENOTSUP,
			"the limits need the cgroup controller %s, and no cgroup "
			"hierarchy is mounted in /sys/fs/cgroup",
			cgroup_controller_name(bit));
		return err_hint(err, "mount -t cgroup2 cgroup2 /sys/fs/cgroup");
	}
	(void)err_say(err, ENOTSUP,
		"the limits need the cgroup controller %s, which this host (cgroup %s) does not offer",
		cgroup_controller_name(bit), cgroup_host_name(host));
	for (size_t i = 0; i < COUNT(controllers); i++) {
		if (controllers[i].bit == bit && controllers[i].hint)
			return err_hint(err, "%s", controllers[i].hint);
	}
	return err_hint(err,
		"enable it in the kernel (see /proc/cgroups) and mount its hierarchy "
		"in /sys/fs/cgroup, or run without this limit");
}

/* Zero stands for "not set" in all of these, and a negative value for "no limit". */
static bool limits(struct spec_i64 v)
{
	return v.is_set && v.value > 0;
}

static bool is_given(struct spec_u64 v)
{
	return v.is_set && v.value > 0;
}

static bool asks_cpu(const struct spec_resources *r)
{
	return is_given(r->cpu.shares) || limits(r->cpu.quota) ||
	       is_given(r->cpu.period) || is_given(r->cpu.burst) || limits(r->cpu.idle) ||
	       is_given(r->cpu.realtime_period) || limits(r->cpu.realtime_runtime);
}

static bool asks_cpuset(const struct spec_resources *r)
{
	return !str_empty(r->cpu.cpus) || !str_empty(r->cpu.mems);
}

static bool asks_memory(const struct spec_resources *r)
{
	const struct spec_memory *m = &r->memory;

	return limits(m->limit) || limits(m->reservation) || limits(m->swap) ||
	       limits(m->kernel) || limits(m->kernel_tcp) || m->swappiness.is_set ||
	       m->disable_oom_killer;
}

static bool asks_io(const struct spec_resources *r)
{
	const struct spec_block_io *io = &r->block_io;

	return is_given(io->weight) || is_given(io->leaf_weight) ||
	       io->weight_device.count || io->throttle_read_bps_device.count ||
	       io->throttle_write_bps_device.count ||
	       io->throttle_read_iops_device.count ||
	       io->throttle_write_iops_device.count;
}

static bool asks_pids(const struct spec_resources *r)
{
	return r->pids_limit.is_set && r->pids_limit.value >= 0;
}

uint32_t cgroup_controllers_asked(const struct spec_resources *resources)
{
	const struct {
		uint32_t bit;
		bool is_asked;
	} asks[] = {
		{ CGROUP_CPU, asks_cpu(resources) },
		{ CGROUP_CPUSET, asks_cpuset(resources) },
		{ CGROUP_MEMORY, asks_memory(resources) },
		{ CGROUP_PIDS, asks_pids(resources) },
		{ CGROUP_IO, asks_io(resources) },
		{ CGROUP_HUGETLB, resources->hugepage_limits.count > 0 },
		{ CGROUP_RDMA, resources->rdma.count > 0 },
		{ CGROUP_NET_CLS, resources->network.class_id.is_set },
		{ CGROUP_NET_PRIO, resources->network.priorities.count > 0 },
		{ CGROUP_UNIFIED, resources->unified && resources->unified[0] },
	};
	uint32_t bits = 0;

	for (size_t i = 0; i < COUNT(asks); i++)
		bits |= asks[i].is_asked ? asks[i].bit : 0;
	return bits;
}
