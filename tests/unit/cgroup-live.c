/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cgroup-live.h"

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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A /proc whose self/cgroup has only the hierarchies of v1: what they do on a host without
 * a v2 tree is then done by this host's. */
static int open_v1_proc(struct fixture *f)
{
	cleanup_close int dirfd = open(f->dir, O_PATH | O_DIRECTORY | O_CLOEXEC),
			  self = -1;
	char text[8192], v1[8192] = "", *next = text, *line;
	int proc;

	assert_int_equal(
		fd_read_kernel_file(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text)),
		0);
	while ((line = strsep(&next, "\n"))) {
		if (*line && !strstr(line, "::"))
			(void)strcat(strcat(v1, line), "\n");
	}
	proc = fd_mkdir_open(dirfd, "proc", 0755);
	self = fd_mkdir_open(proc, "self", 0755);
	assert_true(proc >= 0 && self >= 0);
	assert_int_equal(
		fd_replace_file(self, "cgroup", v1, strlen(v1), 0644, FD_NO_SYNC), 0);
	return proc;
}

static int setup_with(void **state, bool is_v1)
{
	cleanup_close int root = -1, proc = -1;
	struct fixture *f = calloc(1, sizeof(*f));
	char id[32];

	f->pid = -1;
	(void)close(unit_tmpdir(f->dir));
	root = open("/sys/fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC);
	proc = is_v1 ? open_v1_proc(f) : open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(id, sizeof(id), "test-%d", (int)getpid());
	assert_int_equal(cgroup_host_open(root, proc, &f->host, NULL), 0);
	assert_int_equal(cgroup_choose_path(f->host, NULL, id, &f->path, NULL), 0);
	f->counter = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(f->counter != MAP_FAILED);
	*state = f;
	return 0;
}

int live_setup(void **state)
{
	return setup_with(state, false);
}

int live_setup_v1(void **state)
{
	return setup_with(state, true);
}

int live_teardown(void **state)
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
	cgroup_host_free(f->host);
	assert_int_equal(fd_remove_tree(AT_FDCWD, f->dir), 0);
	(void)munmap((void *)(uintptr_t)f->counter, 4096);
	free(f->path);
	free(f);
	return 0;
}

void live_check(int r, const struct err *err)
{
	if (r < 0)
		fail_msg("%s (%s)", err->text, err->hint);
}

void live_create(struct fixture *f, const struct spec_resources *resources)
{
	struct err err = { 0 };
	int r = cgroup_create(f->host, f->path, resources, &f->cgroup, &err);

	if (r == CGROUP_UNAVAILABLE || r == -EACCES || r == -EPERM || r == -EROFS ||
		str_eq(cgroup_host_name(f->host), "none"))
		skip();
	live_check(r, &err);
}

void live_set(struct fixture *f, const struct spec_resources *resources)
{
	struct err err = { 0 };

	live_check(cgroup_set(f->cgroup, resources, &err), &err);
}

struct cgroup_usage live_usage_of(struct fixture *f)
{
	struct cgroup_usage usage;
	struct err err = { 0 };

	live_check(cgroup_usage(f->cgroup, &usage, &err), &err);
	return usage;
}

void live_reap_orphans(void)
{
	while (waitpid(-1, NULL, 0) > 0)
		;
}

size_t live_inside(struct fixture *f)
{
	cleanup_free pid_t *pids = NULL;
	size_t count = 0;
	struct err err = { 0 };

	live_check(cgroup_pids(f->cgroup, &pids, &count, &err), &err);
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

void live_start(struct fixture *f, child_fn fn)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	f->pid = clone_into(cgroup_clone_fd(f->cgroup));
	assert_true(f->pid >= 0);
	if (f->pid == 0) {
		if (cgroup_join(f->cgroup, NULL) < 0)
			_exit(98);
		(void)close(ready[0]);
		(void)close(ready[1]);
		_exit(fn(f));
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 0);
	(void)close(ready[0]);
}

int live_finish(struct fixture *f)
{
	int status = 0;

	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
	f->pid = -1;
	return status;
}

int live_run(struct fixture *f, child_fn fn)
{
	live_start(f, fn);
	return live_finish(f);
}

int live_count_forks(struct fixture *f)
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

int live_count_for_ever(struct fixture *f)
{
	for (;;)
		++*f->counter;
	return 0;
}

void live_main(void)
{
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}
