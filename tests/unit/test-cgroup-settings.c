/* SPDX-License-Identifier: Apache-2.0 */
/* Which file gets which text, in both versions, and what is read back as usage. */
#include "tests/unit/cgroup-fake.h"

#include "isolators/cgroup-settings.h"

#include <errno.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- conversions ---- */

static void test_shares(void **state)
{
	static const uint64_t cases[][2] = { { 0, 1 }, { 1, 1 }, { 2, 1 }, { 10, 4 },
		{ 102, 17 }, { 512, 59 }, { 1024, 100 }, { 2048, 174 }, { 262144, 10000 },
		{ 999999, 10000 } };

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(cgroup_weight_of_shares(cases[i][0]), cases[i][1]);
	for (uint64_t shares = 3; shares < 262144; shares += 97)
		assert_true(cgroup_weight_of_shares(shares) <=
			    cgroup_weight_of_shares(shares + 97));
}

static void test_io_weight(void **state)
{
	static const uint64_t cases[][2] = { { 0, 1 }, { 10, 1 }, { 100, 910 },
		{ 500, 4950 }, { 1000, 10000 }, { 5000, 10000 } };

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(cgroup_io_weight_of(cases[i][0]), cases[i][1]);
}

static void test_swap(void **state)
{
	static const struct {
		int64_t swap, limit;
		int r;
		int64_t value;
	} cases[] = {
		{ 300, 200, 0, 100 },
		{ 200, 200, 0, 0 },
		{ -1, 200, 0, -1 },
		{ -1, -1, 0, -1 },
		{ 300, -1, 0, 300 },
		{ 100, 200, -EINVAL, 7 },
		{ 100, 0, -ENODATA, 7 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t value = 7;

		assert_int_equal(cgroup_swap_of(cases[i].swap, cases[i].limit, &value),
			cases[i].r);
		assert_int_equal(value, cases[i].value);
	}
}

/* ---- what is written ---- */

static struct spec_block_device disk = { .major = 8, .minor = 16 };
static struct spec_hugepage_limit hugepage = { (char[]){ "2MB" }, 4194304 };
static struct spec_net_priority priority = { (char[]){ "eth0" }, 5 };
static struct spec_rdma rdma = { (char[]){ "mlx4_0" }, { true, 2 }, { true, 2000 } };

static void fill(struct spec_resources *r)
{
	disk.rate = (struct spec_u64){ true, 1048576 };
	disk.weight = (struct spec_u64){ true, 500 };
	r->memory.limit = (struct spec_i64){ true, 64 << 20 };
	r->memory.swap = (struct spec_i64){ true, 96 << 20 };
	r->memory.reservation = (struct spec_i64){ true, 32 << 20 };
	r->cpu.shares = (struct spec_u64){ true, 512 };
	r->cpu.quota = (struct spec_i64){ true, 50000 };
	r->cpu.period = (struct spec_u64){ true, 100000 };
	r->cpu.burst = (struct spec_u64){ true, 1000 };
	r->cpu.cpus = (char *)(uintptr_t) "0-1";
	r->cpu.mems = (char *)(uintptr_t) "0";
	r->pids_limit = (struct spec_i64){ true, 0 };
	r->block_io.weight = (struct spec_u64){ true, 500 };
	r->block_io.weight_device = (struct spec_block_devices){ &disk, 1 };
	r->block_io.throttle_read_bps_device = (struct spec_block_devices){ &disk, 1 };
	r->block_io.throttle_write_iops_device = (struct spec_block_devices){ &disk, 1 };
	r->hugepage_limits = (struct spec_hugepage_limits){ &hugepage, 1 };
	r->rdma = (struct spec_rdmas){ &rdma, 1 };
}

static void create(struct fake *fake, const struct spec_resources *r)
{
	struct cgroup *cgroup = NULL;
	struct err err = { 0 };

	if (cgroup_create(fake->host, "/c", r, &cgroup, &err) < 0)
		fail_msg("%s", err.text);
	cgroup_free(cgroup);
}

static int refusal(struct fake *fake, const struct spec_resources *r, struct err *err)
{
	struct cgroup *cgroup = NULL;

	*err = (struct err){ 0 };
	return cgroup_create(fake->host, "/c", r, &cgroup, err);
}

static const char *const v1_files[] = { "cpu/tasks", "cpu/c/cpu.shares",
	"cpu/c/cpu.cfs_quota_us", "cpu/c/cpu.cfs_period_us", "cpu/c/cpu.cfs_burst_us",
	"cpuset/tasks", "cpuset/c/cpuset.cpus", "cpuset/c/cpuset.mems", "memory/tasks",
	"memory/c/memory.limit_in_bytes", "memory/c/memory.memsw.limit_in_bytes",
	"memory/c/memory.soft_limit_in_bytes", "memory/c/memory.swappiness", "pids/tasks",
	"pids/c/pids.max", "blkio/tasks", "blkio/c/blkio.bfq.weight",
	"blkio/c/blkio.bfq.weight_device", "blkio/c/blkio.throttle.read_bps_device",
	"blkio/c/blkio.throttle.write_iops_device", "hugetlb/tasks",
	"hugetlb/c/hugetlb.2MB.limit_in_bytes",
	"hugetlb/c/hugetlb.2MB.rsvd.limit_in_bytes", "net_cls/tasks",
	"net_cls/c/net_cls.classid", "net_prio/tasks", "net_prio/c/net_prio.ifpriomap",
	"rdma/tasks", "rdma/c/rdma.max", NULL };

static void open_v1(struct fake *fake)
{
	static const char lines[] =
		"9:rdma:/\n8:net_cls:/\n7:net_prio:/\n6:hugetlb:/\n"
		"5:blkio:/\n4:pids:/\n3:memory:/\n2:cpuset:/\n1:cpu:/\n";

	fake_files(fake->root_dirfd, ".", v1_files);
	fake_put(fake->root_dirfd, "cpuset/cpuset.cpus", "0-3\n");
	fake_put(fake->root_dirfd, "cpuset/cpuset.mems", "0\n");
	fake_open(fake, lines);
}

static void test_v1(void **state)
{
	static const char *const expected[][2] = {
		{ "cpu/c/cpu.shares", "512" },
		{ "cpu/c/cpu.cfs_quota_us", "50000" },
		{ "cpu/c/cpu.cfs_period_us", "100000" },
		{ "cpu/c/cpu.cfs_burst_us", "1000" },
		{ "cpuset/c/cpuset.cpus", "0-1\n" }, /* over the parent's "0-3\n" */
		{ "memory/c/memory.limit_in_bytes", "67108864" },
		{ "memory/c/memory.memsw.limit_in_bytes", "100663296" },
		{ "memory/c/memory.soft_limit_in_bytes", "33554432" },
		{ "memory/c/memory.swappiness", "0" },
		{ "pids/c/pids.max", "1" },
		{ "blkio/c/blkio.bfq.weight", "500" },
		{ "blkio/c/blkio.bfq.weight_device", "8:16 500" },
		{ "blkio/c/blkio.throttle.read_bps_device", "8:16 1048576" },
		{ "blkio/c/blkio.throttle.write_iops_device", "8:16 1048576" },
		{ "hugetlb/c/hugetlb.2MB.limit_in_bytes", "4194304" },
		{ "hugetlb/c/hugetlb.2MB.rsvd.limit_in_bytes", "4194304" },
		{ "net_cls/c/net_cls.classid", "1048577" },
		{ "net_prio/c/net_prio.ifpriomap", "eth0 5" },
		{ "rdma/c/rdma.max", "mlx4_0 hca_handle=2 hca_object=2000" },
	};
	struct spec_resources r = { 0 };
	struct fake *fake = *state;

	open_v1(fake);
	fill(&r);
	r.memory.swappiness = (struct spec_u64){ true, 0 };
	r.network.class_id = (struct spec_u64){ true, 1048577 };
	r.network.priorities = (struct spec_net_priorities){ &priority, 1 };
	create(fake, &r);
	for (size_t i = 0; i < COUNT(expected); i++)
		fake_expect(fake->root_dirfd, expected[i][0], expected[i][1]);
}

/* An empty cpuset takes no process: what is not asked for comes from above, all the way.
 */
static void test_v1_cpuset(void **state)
{
	struct spec_resources r = { 0 };
	struct cgroup *cgroup = NULL;
	struct fake *fake = *state;

	open_v1(fake);
	fake_put(fake->root_dirfd, "cpuset/a/cpuset.cpus", "\n");
	fake_put(fake->root_dirfd, "cpuset/a/cpuset.mems", "\n");
	fake_put(fake->root_dirfd, "cpuset/a/b/cpuset.cpus", "\n");
	fake_put(fake->root_dirfd, "cpuset/a/b/cpuset.mems", "\n");
	r.cpu.cpus = (char *)(uintptr_t) "1";
	assert_int_equal(cgroup_create(fake->host, "/a/b", &r, &cgroup, NULL), 0);
	cgroup_free(cgroup);
	fake_expect(fake->root_dirfd, "cpuset/a/cpuset.cpus", "0-3\n");
	fake_expect(
		fake->root_dirfd, "cpuset/a/b/cpuset.cpus", "1-3\n"); /* written over */
	fake_expect(fake->root_dirfd, "cpuset/a/b/cpuset.mems", "0\n");
}

static const char *const v2_files[] = { "cpu.weight", "cpu.max", "cpu.max.burst",
	"cpuset.cpus", "cpuset.mems", "memory.max", "memory.low", "memory.high",
	"memory.swap.max", "pids.max", "io.max", "hugetlb.2MB.max",
	"hugetlb.2MB.rsvd.max", "rdma.max", NULL };
static const char controllers[] = "cpuset cpu io memory hugetlb pids rdma\n";

static void open_v2(struct fake *fake)
{
	fake_put(
		fake->root_dirfd, "devices/tasks", ""); /* so that no program is loaded */
	fake_put(fake->root_dirfd, "devices/c/devices.allow", "");
	fake_put(fake->root_dirfd, "devices/c/devices.deny", "");
	fake_put(fake->root_dirfd, "cgroup.controllers", controllers);
	fake_put(fake->root_dirfd, "c/cgroup.controllers", controllers);
	fake_files(fake->root_dirfd, "c", v2_files);
	fake_put(fake->root_dirfd, "c/cgroup.events", "populated 0\nfrozen 0\n");
	fake_open(fake, "1:devices:/\n0::/\n");
}

static void test_v2(void **state)
{
	static const char *const expected[][2] = {
		{ "c/cpu.weight", "59" },
		{ "c/cpu.max", "50000 100000" },
		{ "c/cpu.max.burst", "1000" },
		{ "c/cpuset.cpus", "0-1" },
		{ "c/cpuset.mems", "0" },
		{ "c/memory.max", "67108864" },
		{ "c/memory.low", "33554432" },
		{ "c/memory.swap.max", "33554432" },
		{ "c/memory.high", "50M" },
		{ "c/pids.max", "1" },
		{ "c/io.bfq.weight", "8:16 500" },
		{ "c/io.max", "8:16 wiops=1048576" },
		{ "c/hugetlb.2MB.max", "4194304" },
		{ "c/hugetlb.2MB.rsvd.max", "4194304" },
		{ "c/rdma.max", "mlx4_0 hca_handle=2 hca_object=2000" },
		{ "devices/c/devices.deny", "a" },
		{ "devices/c/devices.allow",
			"c *:* mb *:* mc 1:3 rwmc 1:5 rwmc 1:7 rwmc 1:8 rwmc 1:9 rwm"
			"c 5:0 rwmc 5:2 rwmc 136:* rwm" },
	};
	char high[] = "memory.high=50M";
	char *unified[] = { high, NULL };
	struct spec_resources r = { .unified = unified };
	struct fake *fake = *state;

	open_v2(fake);
	fake_put(fake->root_dirfd, "c/io.bfq.weight", "");
	fill(&r);
	create(fake, &r);
	for (size_t i = 0; i < COUNT(expected); i++)
		fake_expect(fake->root_dirfd, expected[i][0], expected[i][1]);
}

static void test_in_use(void **state)
{
	struct spec_resources r = { 0 };
	struct fake *fake = *state;
	struct err err;

	open_v2(fake);
	fake_put(fake->root_dirfd, "c/cgroup.events", "populated 1\nfrozen 0\n");
	assert_int_equal(refusal(fake, &r, &err), -EBUSY);
	assert_non_null(strstr(err.text, "holds processes"));
}

static void test_v2_io_weight(void **state)
{
	struct spec_resources r = { .block_io.weight = { true, 100 } };
	struct fake *fake = *state;
	struct err err;

	open_v2(fake);
	assert_int_equal(refusal(fake, &r, &err), -ENOTSUP);
	assert_non_null(strstr(err.hint, "bfq"));
	fake_put(fake->root_dirfd, "c/io.weight", "");
	create(fake, &r);
	fake_expect(fake->root_dirfd, "c/io.weight", "default 910");
}

static void test_v2_unlimited(void **state)
{
	struct spec_resources r = { .pids_limit = { true, -1 } };
	struct fake *fake = *state;

	open_v2(fake);
	r.memory.limit = (struct spec_i64){ true, -1 };
	r.cpu.quota = (struct spec_i64){ true, -1 };
	create(fake, &r);
	fake_expect(fake->root_dirfd, "c/memory.max", "max");
	fake_expect(fake->root_dirfd, "c/memory.swap.max", "max");
	fake_expect(fake->root_dirfd, "c/cpu.max", "max");
	fake_expect(fake->root_dirfd, "c/pids.max", "max");
}

/* An update of one of two values that the kernel keeps together. */
static void test_v2_partial_update(void **state)
{
	struct spec_resources r = { 0 };
	struct fake *fake = *state;

	open_v2(fake);
	fake_put(fake->root_dirfd, "c/cpu.max", "30000 100000\n");
	fake_put(fake->root_dirfd, "c/memory.max", "1048576\n");
	r.cpu.period = (struct spec_u64){ true, 200000 };
	r.memory.swap = (struct spec_i64){ true, 3145728 };
	create(fake, &r);
	fake_expect(fake->root_dirfd, "c/cpu.max", "30000 200000\n"); /* written over */
	fake_expect(fake->root_dirfd, "c/memory.swap.max", "2097152");
}

static void test_v2_refuses_what_it_lacks(void **state)
{
	struct spec_resources cases[4] = { 0 };
	static const char *const words[] = { "realtimeRuntime", "swappiness",
		"disableOOMKiller", "leafWeight" };
	struct fake *fake = *state;
	struct err err;

	cases[0].cpu.realtime_runtime = (struct spec_i64){ true, 950000 };
	cases[1].memory.swappiness = (struct spec_u64){ true, 60 };
	cases[2].memory.disable_oom_killer = true;
	cases[3].block_io.leaf_weight = (struct spec_u64){ true, 100 };
	open_v2(fake);
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(refusal(fake, &cases[i], &err), -ENOTSUP);
		assert_non_null(strstr(err.text, words[i]));
	}
}

static void test_hostile_names(void **state)
{
	struct spec_hugepage_limit pages = { (char[]){ "2MB/../../x" }, 1 };
	struct spec_net_priority net = { (char[]){ "eth0 1\nlo" }, 1 };
	struct spec_rdma device = { (char[]){ "a b" }, { true, 1 }, { false, 0 } };
	struct spec_resources cases[3] = { 0 };
	struct fake *fake = *state;
	struct err err;

	cases[0].hugepage_limits = (struct spec_hugepage_limits){ &pages, 1 };
	cases[1].network.priorities = (struct spec_net_priorities){ &net, 1 };
	cases[2].rdma = (struct spec_rdmas){ &device, 1 };
	open_v1(fake);
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(refusal(fake, &cases[i], &err), -EINVAL);
}

static void test_unified_keys(void **state)
{
	static const char *const bad[] = { "a/b=1", "../x=1", "=1", "memory.high",
		".=1" };
	struct fake *fake = *state;
	struct err err;

	open_v2(fake);
	for (size_t i = 0; i < COUNT(bad); i++) {
		char *unified[] = { (char *)(uintptr_t)bad[i], NULL };
		struct spec_resources r = { .unified = unified };

		assert_int_equal(refusal(fake, &r, &err), -EINVAL);
	}
	{
		char *unified[] = { (char *)(uintptr_t) "misc.max=x 1", NULL };
		struct spec_resources r = { .unified = unified };

		assert_int_equal(refusal(fake, &r, &err), -ENOTSUP);
		assert_non_null(strstr(err.text, "controller misc"));
	}
}

static void test_small_memory(void **state)
{
	struct spec_resources r = { .memory.limit = { true, 4096 } };
	struct fake *fake = *state;
	struct err err;

	open_v2(fake);
	assert_int_equal(refusal(fake, &r, &err), -EINVAL);
	assert_non_null(strstr(err.text, "4096 bytes is too small"));
}

/* ---- usage ---- */

static struct cgroup_usage read_usage(struct fake *fake)
{
	struct cgroup *cgroup = NULL;
	struct cgroup_usage usage;

	assert_int_equal(cgroup_open(fake->host, "/c", &cgroup, NULL), 0);
	assert_int_equal(cgroup_usage(cgroup, &usage, NULL), 0);
	cgroup_free(cgroup);
	return usage;
}

static void test_usage_v1(void **state)
{
	static const char *const files[][2] = {
		{ "cpuacct/tasks", "" },
		{ "cpuacct/c/cpuacct.usage", "123456789\n" },
		{ "cpuacct/c/cpuacct.stat", "user 7\nsystem 5\n" },
		{ "memory/tasks", "" },
		{ "memory/c/memory.usage_in_bytes", "4096\n" },
		{ "memory/c/memory.max_usage_in_bytes", "8192\n" },
		{ "memory/c/memory.limit_in_bytes", "9223372036854771712\n" },
		{ "memory/c/memory.soft_limit_in_bytes", "2048\n" },
		{ "memory/c/memory.stat",
			"cache 1\ntotal_cache 2\ntotal_swap 3\ntotal_rss 5\n"
			"total_mapped_file 6\ntotal_unevictable 7\n" },
		{ "cpu/tasks", "" },
		{ "cpu/c/cpu.stat",
			"nr_periods 9\nnr_throttled 4\nthrottled_time 5000\n" },
		{ "cpu/c/cpu.cfs_quota_us", "-1\n" },
		{ "cpu/c/cpu.cfs_period_us", "100000\n" },
		{ "memory/c/memory.oom_control",
			"oom_kill_disable 0\nunder_oom 0\noom_kill 4\n" },
		{ "blkio/tasks", "" },
		{ "blkio/c/blkio.throttle.io_service_bytes_recursive",
			"8:0 Read 10\n8:0 Write 20\n8:16 Read 1\nTotal 31\n" },
	};
	struct fake *fake = *state;
	struct cgroup_usage u;

	for (size_t i = 0; i < COUNT(files); i++)
		fake_put(fake->root_dirfd, files[i][0], files[i][1]);
	fake_open(fake, "4:cpu:/\n3:blkio:/\n2:memory:/\n1:cpuacct:/\n");
	u = read_usage(fake);
	assert_int_equal(u.cpu_usec, 123456);
	assert_int_equal(u.cpu_user_usec, 70000);
	assert_int_equal(u.cpu_system_usec, 50000);
	assert_int_equal(u.memory_bytes, 4096);
	assert_int_equal(u.memory_peak_bytes, 8192);
	assert_true(u.memory_limit_bytes == UINT64_MAX);
	assert_int_equal(u.memory_cache_bytes, 2);
	assert_int_equal(u.swap_bytes, 3);
	assert_int_equal(u.memory_soft_bytes, 2048);
	assert_int_equal(u.memory_anon_bytes, 5);
	assert_int_equal(u.memory_mapped_bytes, 6);
	assert_int_equal(u.memory_unevictable_bytes, 7);
	assert_int_equal(u.cpu_periods, 9);
	assert_int_equal(u.cpu_throttled_periods, 4);
	assert_int_equal(u.cpu_throttled_usec, 5);
	assert_true(u.cpu_quota_usec == UINT64_MAX);
	assert_int_equal(u.cpu_period_usec, 100000);
	assert_true(u.cpu_pressure.some_usec == UINT64_MAX);
	assert_int_equal(u.oom_kills, 4);
	assert_int_equal(u.io_read_bytes, 11);
	assert_int_equal(u.io_write_bytes, 20);
	assert_true(u.io_reads == UINT64_MAX);
	assert_int_equal(u.pids, 0);
}

static void test_usage_v2(void **state)
{
	static const char *const files[][2] = {
		{ "c/cpu.stat", "usage_usec 9\nuser_usec 5\nsystem_usec 4\nnr_periods 3\n"
				"nr_throttled 2\nthrottled_usec 1\n" },
		{ "c/cpu.max", "50000 100000\n" },
		{ "c/cpu.pressure", "some avg10=12.34 avg60=1.00 avg300=0.50 total=77\n"
				    "full avg10=1.00 avg60=0.00 avg300=0.00 total=33\n" },
		{ "c/io.pressure", "some avg10=x\n" },
		{ "c/memory.current", "4096\n" },
		{ "c/memory.low", "1024\n" },
		{ "c/memory.max", "max\n" },
		{ "c/memory.stat", "anon 1\nfile 2\nfile_mapped 3\n" },
		{ "c/memory.events", "low 0\nhigh 0\nmax 6\noom 2\noom_kill 1\n" },
		{ "c/pids.current", "3\n" },
		{ "c/pids.max", "12\n" },
		{ "c/io.stat", "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=9 dios=9\n"
			       "8:16 rbytes=5 wbytes=6 rios=1 wios=1 dbytes=0 dios=0\n" },
	};
	struct fake *fake = *state;
	struct cgroup_usage u;

	open_v2(fake);
	for (size_t i = 0; i < COUNT(files); i++)
		fake_put(fake->root_dirfd, files[i][0], files[i][1]);
	u = read_usage(fake);
	assert_int_equal(u.cpu_usec, 9);
	assert_int_equal(u.cpu_periods, 3);
	assert_int_equal(u.cpu_throttled_periods, 2);
	assert_int_equal(u.cpu_quota_usec, 50000);
	assert_int_equal(u.cpu_period_usec, 100000);
	assert_int_equal(u.cpu_pressure.some_avg10, 1234);
	assert_int_equal(u.cpu_pressure.some_usec, 77);
	assert_int_equal(u.cpu_pressure.full_usec, 33);
	assert_true(u.io_pressure.some_usec == UINT64_MAX);
	assert_true(u.memory_pressure.full_usec == UINT64_MAX);
	assert_int_equal(u.memory_soft_bytes, 1024);
	assert_int_equal(u.memory_anon_bytes, 1);
	assert_int_equal(u.memory_mapped_bytes, 3);
	assert_int_equal(u.memory_bytes, 4096);
	assert_true(u.memory_peak_bytes == UINT64_MAX); /* before Linux 5.19 */
	assert_true(u.memory_limit_bytes == UINT64_MAX);
	assert_int_equal(u.memory_cache_bytes, 2);
	assert_int_equal(u.oom_kills, 1);
	assert_int_equal(u.pids, 3);
	assert_int_equal(u.pids_limit, 12);
	assert_int_equal(u.io_read_bytes, 15);
	assert_int_equal(u.io_writes, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_io_weight),
		cmocka_unit_test(test_swap),
		FAKE(test_v1),
		FAKE(test_v1_cpuset),
		FAKE(test_v2),
		FAKE(test_in_use),
		FAKE(test_v2_io_weight),
		FAKE(test_v2_unlimited),
		FAKE(test_v2_partial_update),
		FAKE(test_v2_refuses_what_it_lacks),
		FAKE(test_hostile_names),
		FAKE(test_unified_keys),
		FAKE(test_small_memory),
		FAKE(test_usage_v1),
		FAKE(test_usage_v2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
