/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of the kernel: what is set holds, and what broke it is told. */
#include "tests/unit/cgroup-live.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/str.h"
#include "isolators/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* A number that no driver has: ENXIO when the cgroup lets it pass, EPERM when not. */
#define ODD_MAJOR 240
#define ODD_MINOR 77

/* ---- memory ---- */

static int eat_memory(struct fixture *f)
{
	for (size_t i = 0; i < 128; i++) {
		char *p = malloc(MIB);

		if (!p)
			return 1;
		__builtin_memset(p, 1 + (int)i, MIB);
		*f->counter = i + (uint64_t)p[7];
	}
	return 0;
}

static void test_oom(void **state)
{
	struct fixture *f = *state;
	struct spec_resources r = { 0 };
	struct cgroup_usage usage;
	int status;

	r.memory.limit = (struct spec_i64){ true, 32 * MIB };
	live_create(f, &r);
	status = live_run(f, eat_memory);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	usage = live_usage_of(f);
	assert_int_equal(usage.memory_limit_bytes, 32 * MIB);
	assert_int_equal(usage.oom_kills, 1);
	if (usage.memory_peak_bytes != UINT64_MAX) /* Linux 5.19 on v2 */
		assert_in_range(usage.memory_peak_bytes, 30 * MIB, 32 * MIB);
}

static void test_memory_updates(void **state)
{
	struct fixture *f = *state;
	struct spec_resources r = { 0 };
	struct err err = { 0 };

	r.memory.limit = (struct spec_i64){ true, 32 * MIB };
	r.memory.swap = (struct spec_i64){ true, 32 * MIB };
	live_create(f, &r);
	r.memory.limit.value = r.memory.swap.value =
		64 * MIB; /* up, beyond the old swap */
	live_set(f, &r);
	assert_int_equal(live_usage_of(f).memory_limit_bytes, 64 * MIB);
	r.memory.limit.value = r.memory.swap.value = 16 * MIB; /* and down */
	live_set(f, &r);
	assert_int_equal(live_usage_of(f).memory_limit_bytes, 16 * MIB);
	r.memory.limit.value = r.memory.swap.value = -1;
	live_set(f, &r);
	assert_true(live_usage_of(f).memory_limit_bytes == UINT64_MAX);
	r.memory.limit.value = 4096;
	assert_int_equal(cgroup_set(f->cgroup, &r, &err), -EINVAL);
	assert_non_null(strstr(err.text, "too small"));
}

/* ---- pids ---- */

static void test_pids(void **state)
{
	struct fixture *f = *state;
	struct spec_resources r = { .pids_limit = { true, 4 } };
	int status;

	live_create(f, &r);
	status = live_run(f, live_count_forks);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_int_equal(live_usage_of(f).pids_limit, 4);
	assert_int_equal(live_inside(f), 3);
	assert_int_equal(cgroup_kill(f->cgroup, NULL), 0);
	assert_int_equal(live_inside(f), 0);
}

/* A limit on what was not limited: the hierarchy is joined by those who are inside
 * already. */
static void test_pids_later(void **state)
{
	struct fixture *f = *state;
	struct spec_resources r = { .pids_limit = { true, 9 } };
	struct err err = { 0 };
	int status;

	live_create(f, NULL);
	live_start(f, live_count_forks);
	status = live_finish(f);
	assert_int_equal(WEXITSTATUS(status), 20);
	live_set(f, &r);
	assert_int_equal(live_inside(f), 20);
	assert_int_equal(live_usage_of(f).pids_limit, 9);
	live_check(cgroup_signal(f->cgroup, SIGKILL, &err), &err);
	live_reap_orphans(); /* the controller counts zombies, too */
	live_start(f, live_count_forks);
	assert_int_equal(WEXITSTATUS(live_finish(f)), 8);
}

/* ---- cpu ---- */

static void test_cpu(void **state)
{
	struct fixture *f = *state;
	struct spec_resources r = { 0 };

	r.cpu.quota = (struct spec_i64){ true, 20000 };
	r.cpu.period = (struct spec_u64){ true, 100000 };
	r.cpu.burst = (struct spec_u64){ true, 20000 };
	r.cpu.shares = (struct spec_u64){ true, 512 };
	r.cpu.cpus = (char[]){ "0" };
	live_create(f, &r);
	r.cpu.quota.value = 10000; /* below the burst in force */
	r.cpu.burst.value = 5000;
	live_set(f, &r);
	r.cpu.quota.value = 40000;
	r.cpu.burst.value = 40000;
	live_set(f, &r);
	assert_int_equal(WEXITSTATUS(live_run(f, live_count_forks)), 20);
	assert_true(live_usage_of(f).cpu_usec != UINT64_MAX);
}

/* ---- devices ---- */

static int open_odd(struct fixture *f)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/odd", f->dir);
	return open(path, O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static int open_null(struct fixture *f)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC) < 0 ? errno : 0;
}

static void test_devices(void **state)
{
	struct spec_device_rule rules[] = {
		{ .allow = false },
		{ .allow = true,
			.type = (char[]){ "c" },
			.major = { true, ODD_MAJOR },
			.minor = { true, ODD_MINOR },
			.access = (char[]){ "r" } },
	};
	struct fixture *f = *state;
	struct spec_resources r = { 0 };
	char path[64];

	if (geteuid() != 0)
		skip();
	(void)snprintf(path, sizeof(path), "%s/odd", f->dir);
	if (mknod(path, S_IFCHR | 0600, makedev(ODD_MAJOR, ODD_MINOR)) < 0)
		skip();
	live_create(f, NULL);
	assert_int_equal(WEXITSTATUS(live_run(f, open_odd)), EPERM);
	assert_int_equal(WEXITSTATUS(live_run(f, open_null)), 0);
	r.devices = (struct spec_device_rules){ rules, 2 };
	live_set(f, &r);
	assert_int_equal(WEXITSTATUS(live_run(f, open_odd)), ENXIO);
	assert_int_equal(WEXITSTATUS(live_run(f, open_null)), 0);
	r.devices.count = 1;
	live_set(f, &r);
	assert_int_equal(WEXITSTATUS(live_run(f, open_odd)), EPERM);
	r.devices.count = 0; /* no rules: nothing changes */
	live_set(f, &r);
	assert_int_equal(WEXITSTATUS(live_run(f, open_odd)), EPERM);
}

/* The number of a disk of this host that has no parent device, or false. */
static bool find_disk(struct spec_block_device *ret)
{
	cleanup_closedir DIR *dir = opendir("/sys/block");
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char name[280], text[32];

		(void)snprintf(name, sizeof(name), "%s/dev", entry->d_name);
		if (entry->d_name[0] == '.' ||
			fd_read_kernel_file(dirfd(dir), name, text, sizeof(text)) < 0)
			continue;
		if (sscanf(text, "%" SCNd64 ":%" SCNd64, &ret->major, &ret->minor) == 2)
			return true;
	}
	return false;
}

static void test_io(void **state)
{
	struct fixture *f = *state;
	struct spec_block_device disk = { .rate = { true, MIB } };
	struct spec_resources r = { 0 };

	if (!find_disk(&disk))
		skip();
	r.block_io.throttle_read_bps_device = (struct spec_block_devices){ &disk, 1 };
	r.block_io.throttle_write_iops_device = (struct spec_block_devices){ &disk, 1 };
	live_create(f, &r);
	disk.rate.value = 0; /* lifts it */
	live_set(f, &r);
	assert_int_equal(WEXITSTATUS(live_run(f, live_count_forks)), 20);
	assert_true(live_usage_of(f).io_read_bytes != UINT64_MAX);
}

static void test_unified(void **state)
{
	struct fixture *f = *state;
	struct spec_resources r = { 0 };
	struct err err = { 0 };
	char value[] = "hugetlb.2MB.max=4194304", bad[] = "../x=1";
	char *good[] = { value, NULL }, *up[] = { bad, NULL };
	int code;

	r.unified = good;
	if (str_eq(cgroup_host_name(f->host), "v1")) {
		assert_int_equal(
			cgroup_create(f->host, f->path, &r, &f->cgroup, &err), -ENOTSUP);
		skip();
	}
	code = cgroup_create(f->host, f->path, &r, &f->cgroup, &err);
	if (code == -ENOTSUP || code == -EACCES)
		skip(); /* no huge pages, or no right */
	live_check(code, &err);
	r.unified = up;
	assert_int_equal(cgroup_set(f->cgroup, &r, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVE(test_oom),
		LIVE(test_memory_updates),
		LIVE(test_pids),
		LIVE(test_pids_later),
		LIVE(test_cpu),
		LIVE(test_devices),
		LIVE(test_io),
		LIVE(test_unified),
		LIVE_V1(test_oom),
		LIVE_V1(test_pids),
		LIVE_V1(test_pids_later),
		LIVE_V1(test_devices),
		LIVE_V1(test_unified),
	};

	live_main();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
