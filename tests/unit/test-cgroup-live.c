/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's own cgroups, in whichever version this host has them: real processes are
 * limited, frozen, killed. Skipped where the caller may not make cgroups.
 */
#include "tests/unit/unit.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/str.h"
#include "isolators/cgroup.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1024 * 1024)
/* A number that no driver has: ENXIO when the cgroup lets it pass, EPERM when not. */
#define ODD_MAJOR 240
#define ODD_MINOR 77

struct fixture {
	char dir[32];
	struct cgroup_host *host;
	struct cgroup *cgroup;
	char *path;
	volatile uint64_t *counter; /* shared with children */
	pid_t pid;
	int go_fd; /* written: the child may begin */
};

typedef int (*child_fn)(struct fixture *f);

static int setup(void **state)
{
	cleanup_close int root = -1, proc = -1;
	struct fixture *f = calloc(1, sizeof(*f));
	char id[32];

	f->pid = -1;
	f->go_fd = -1;
	(void)close(unit_tmpdir(f->dir));
	root = open("/sys/fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC);
	proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(id, sizeof(id), "test-%d", (int)getpid());
	assert_int_equal(cgroup_host_open(root, proc, &f->host, NULL), 0);
	assert_int_equal(cgroup_choose_path(f->host, NULL, id, &f->path, NULL), 0);
	f->counter = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(f->counter != MAP_FAILED);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->cgroup) {
		(void)!cgroup_kill(f->cgroup, NULL);
		if (f->pid > 0)
			(void)waitpid(f->pid, NULL, 0);
		assert_int_equal(cgroup_destroy(f->cgroup, NULL), 0);
		cgroup_free(f->cgroup);
		assert_int_equal(
			cgroup_open(f->host, f->path, &f->cgroup, NULL), -ENOENT);
	}
	cleanup_close_fn(&f->go_fd);
	cgroup_host_free(f->host);
	assert_int_equal(fd_remove_tree(AT_FDCWD, f->dir), 0);
	(void)munmap((void *)(uintptr_t)f->counter, 4096);
	free(f->path);
	free(f);
	return 0;
}

static void check(int r, const struct err *err)
{
	if (r < 0)
		fail_msg("%s (%s)", err->text, err->hint);
}

static void create(struct fixture *f, const struct spec_resources *resources)
{
	struct err err = { 0 };
	int r = cgroup_create(f->host, f->path, resources, &f->cgroup, &err);

	if (r == CGROUP_UNAVAILABLE || r == -EACCES || r == -EPERM || r == -EROFS)
		skip();
	check(r, &err);
}

static void set(struct fixture *f, const struct spec_resources *resources)
{
	struct err err = { 0 };

	check(cgroup_set(f->cgroup, resources, &err), &err);
}

static struct cgroup_usage usage_of(struct fixture *f)
{
	struct cgroup_usage usage;
	struct err err = { 0 };

	check(cgroup_usage(f->cgroup, &usage, &err), &err);
	return usage;
}

/* What killed children left behind comes to us: see main(). */
static void reap_orphans(void)
{
	while (waitpid(-1, NULL, 0) > 0)
		;
}

/* The living; pids.current counts zombies, too, until somebody reaps them. */
static size_t inside(struct fixture *f)
{
	cleanup_free pid_t *pids = NULL;
	size_t count = 0;
	struct err err = { 0 };

	check(cgroup_pids(f->cgroup, &pids, &count, &err), &err);
	return count;
}

static pid_t clone_into(int cgroup_fd)
{
	struct clone_args args = { .exit_signal = SIGCHLD };

	if (cgroup_fd >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_fd;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

typedef int (*attach_fn)(struct cgroup *cgroup, pid_t pid, struct err *err);

/* Starts `fn` inside; it begins once it is in every hierarchy. Its exit status is fn's.
 */
static void start_by(struct fixture *f, child_fn fn, int clone_fd, attach_fn attach)
{
	struct err err = { 0 };
	int gate[2];
	char byte;

	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	f->pid = clone_into(clone_fd);
	assert_true(f->pid >= 0);
	if (f->pid == 0) {
		(void)close(gate[1]);
		if (read(gate[0], &byte, 1) == 1)
			_exit(fn(f));
		_exit(99);
	}
	(void)close(gate[0]);
	f->go_fd = gate[1];
	check(attach(f->cgroup, f->pid, &err), &err);
	assert_int_equal(write(f->go_fd, "x", 1), 1);
}

static void start(struct fixture *f, child_fn fn)
{
	start_by(f, fn, cgroup_clone_fd(f->cgroup), cgroup_attach);
}

static int finish(struct fixture *f)
{
	int status = 0;

	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
	f->pid = -1;
	cleanup_close_fn(&f->go_fd);
	f->go_fd = -1;
	return status;
}

static int run(struct fixture *f, child_fn fn)
{
	start(f, fn);
	return finish(f);
}

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
	struct err err = { 0 };
	int status;

	r.memory.limit = (struct spec_i64){ true, 32 * MIB };
	create(f, &r);
	assert_false(cgroup_explain_oom(f->cgroup, &err));
	status = run(f, eat_memory);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	usage = usage_of(f);
	assert_int_equal(usage.memory_limit_bytes, 32 * MIB);
	assert_int_equal(usage.oom_kills, 1);
	if (usage.memory_peak_bytes != UINT64_MAX) /* Linux 5.19 on v2 */
		assert_in_range(usage.memory_peak_bytes, 30 * MIB, 32 * MIB);
	assert_true(cgroup_explain_oom(f->cgroup, &err));
	assert_non_null(strstr(err.text, "32768 KiB"));
}

static void test_memory_updates(void **state)
{
	struct fixture *f = *state;
	struct spec_resources r = { 0 };
	struct err err = { 0 };

	r.memory.limit = (struct spec_i64){ true, 32 * MIB };
	r.memory.swap = (struct spec_i64){ true, 32 * MIB };
	create(f, &r);
	r.memory.limit.value = r.memory.swap.value =
		64 * MIB; /* up, beyond the old swap */
	set(f, &r);
	assert_int_equal(usage_of(f).memory_limit_bytes, 64 * MIB);
	r.memory.limit.value = r.memory.swap.value = 16 * MIB; /* and down */
	set(f, &r);
	assert_int_equal(usage_of(f).memory_limit_bytes, 16 * MIB);
	r.memory.limit.value = r.memory.swap.value = -1;
	set(f, &r);
	assert_true(usage_of(f).memory_limit_bytes == UINT64_MAX);
	r.memory.limit.value = 4096;
	assert_int_equal(cgroup_set(f->cgroup, &r, &err), -EINVAL);
	assert_non_null(strstr(err.text, "too small"));
}

/* ---- pids ---- */

static int count_forks(struct fixture *f)
{
	int forked = 0;

	for (; forked < 20; forked++) {
		pid_t pid = fork();

		if (pid == 0) {
			(void)pause();
			_exit(0);
		}
		if (pid < 0)
			return errno == EAGAIN ? forked : 50;
	}
	return forked;
}

static void test_pids(void **state)
{
	struct fixture *f = *state;
	struct spec_resources r = { .pids_limit = { true, 4 } };
	int status;

	create(f, &r);
	status = run(f, count_forks);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_int_equal(usage_of(f).pids_limit, 4);
	assert_int_equal(inside(f), 3);
	assert_int_equal(cgroup_kill(f->cgroup, NULL), 0);
	assert_int_equal(inside(f), 0);
}

/* A limit on what was not limited: the hierarchy is joined by those who are inside
 * already. */
static void test_pids_later(void **state)
{
	struct fixture *f = *state;
	struct spec_resources r = { .pids_limit = { true, 9 } };
	struct err err = { 0 };
	int status;

	create(f, NULL);
	start(f, count_forks);
	status = finish(f);
	assert_int_equal(WEXITSTATUS(status), 20);
	set(f, &r);
	assert_int_equal(inside(f), 20);
	assert_int_equal(usage_of(f).pids_limit, 9);
	check(cgroup_kill(f->cgroup, &err), &err);
	reap_orphans(); /* the controller counts zombies, too */
	start_by(f, count_forks, -1, cgroup_attach_all);
	assert_int_equal(WEXITSTATUS(finish(f)), 8);
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
	create(f, &r);
	r.cpu.quota.value = 10000; /* below the burst in force */
	r.cpu.burst.value = 5000;
	set(f, &r);
	r.cpu.quota.value = 40000;
	r.cpu.burst.value = 40000;
	set(f, &r);
	assert_int_equal(WEXITSTATUS(run(f, count_forks)), 20);
	assert_true(usage_of(f).cpu_usec != UINT64_MAX);
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
	create(f, NULL);
	assert_int_equal(WEXITSTATUS(run(f, open_odd)), EPERM);
	assert_int_equal(WEXITSTATUS(run(f, open_null)), 0);
	r.devices = (struct spec_device_rules){ rules, 2 };
	set(f, &r);
	assert_int_equal(WEXITSTATUS(run(f, open_odd)), ENXIO);
	assert_int_equal(WEXITSTATUS(run(f, open_null)), 0);
	r.devices.count = 1;
	set(f, &r);
	assert_int_equal(WEXITSTATUS(run(f, open_odd)), EPERM);
	r.devices.count = 0; /* no rules: nothing changes */
	set(f, &r);
	assert_int_equal(WEXITSTATUS(run(f, open_odd)), EPERM);
}

/* ---- freeze, kill, destroy ---- */

static int count_for_ever(struct fixture *f)
{
	for (;;)
		++*f->counter;
	return 0;
}

static bool moves(struct fixture *f)
{
	uint64_t before = *f->counter;

	for (int i = 0; i < 200; i++) {
		(void)usleep(10000);
		if (*f->counter != before)
			return true;
	}
	return false;
}

static void test_freeze(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };
	uint64_t before;

	create(f, NULL);
	start(f, count_for_ever);
	assert_true(moves(f));
	check(cgroup_freeze(f->cgroup, true, &err), &err);
	before = *f->counter;
	(void)usleep(100000);
	assert_int_equal(*f->counter, before);
	check(cgroup_signal(f->cgroup, SIGCONT, &err), &err); /* it stays frozen */
	(void)usleep(50000);
	assert_int_equal(*f->counter, before);
	check(cgroup_freeze(f->cgroup, false, &err), &err);
	assert_true(moves(f));
	check(cgroup_freeze(f->cgroup, true, &err), &err);
	check(cgroup_kill(f->cgroup, &err), &err);
	assert_int_equal(WTERMSIG(finish(f)), SIGKILL);
}

static void test_signal(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };

	create(f, NULL);
	start(f, count_for_ever);
	check(cgroup_signal(f->cgroup, SIGUSR1, &err), &err);
	assert_int_equal(WTERMSIG(finish(f)), SIGUSR1);
}

/* Everybody forks all the time; a kill that lists first and signals later never catches
 * up. */
static int bomb(struct fixture *f)
{
	(void)signal(SIGCHLD, SIG_IGN);
	for (;;) {
		(void)!fork();
		++*f->counter;
	}
	return 0;
}

static void test_kill_fork_bomb(void **state)
{
	struct fixture *f = *state;
	struct spec_resources r = { .pids_limit = { true, 64 } };
	struct err err = { 0 };

	create(f, &r);
	start(f, bomb);
	while (inside(f) < 30)
		(void)usleep(1000);
	check(cgroup_kill(f->cgroup, &err), &err);
	assert_int_equal(inside(f), 0);
	assert_int_equal(WTERMSIG(finish(f)), SIGKILL);
}

/* Every line of a path with a further component. */
static char *path_below(const char *path)
{
	struct buf b = BUF_INIT;

	while (*path) {
		size_t len = strcspn(path, "\n");

		buf_printf(&b, "%.*s/below%s", (int)len, path, path[len] ? "\n" : "");
		path += len + (path[len] == '\n');
	}
	return buf_take(&b);
}

static void test_in_use(void **state)
{
	struct fixture *f = *state;
	struct cgroup *second = NULL, *again = NULL;
	cleanup_free char *below = NULL;
	struct err err = { 0 };

	create(f, NULL);
	start(f, count_for_ever);
	assert_int_equal(cgroup_create(f->host, f->path, NULL, &second, &err), -EBUSY);
	check(cgroup_open(f->host, f->path, &again, &err), &err);
	check(cgroup_kill(again, &err), &err);
	(void)finish(f);
	/* A nested one goes with it. */
	below = path_below(f->path);
	check(cgroup_create(f->host, below, NULL, &second, &err), &err);
	cgroup_free(second);
	check(cgroup_destroy(again, &err), &err);
	check(cgroup_destroy(again, &err), &err); /* absent is fine */
	cgroup_free(again);
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
	check(code, &err);
	r.unified = up;
	assert_int_equal(cgroup_set(f->cgroup, &r, &err), -EINVAL);
}

int main(void)
{
#define LIVE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		LIVE(test_oom),
		LIVE(test_memory_updates),
		LIVE(test_pids),
		LIVE(test_pids_later),
		LIVE(test_cpu),
		LIVE(test_devices),
		LIVE(test_freeze),
		LIVE(test_signal),
		LIVE(test_kill_fork_bomb),
		LIVE(test_in_use),
		LIVE(test_unified),
	};

	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
