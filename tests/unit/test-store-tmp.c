/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store-fixture.h"

#include "common/fd.h"
#include "images/store-tmp.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define TAKERS 4
#define TURNS 200

/* Makes one of each in a child that dies by SIGKILL, and one of each that lives. */
static void test_sweep(void **state)
{
	struct fixture *f = *state;
	char name[STORE_NAME_MAX];
	int stage_fd, lock_fd, status;
	size_t count = 0;
	pid_t pid = fork();

	if (pid == 0) {
		int fd;

		if (store_stage(f->store, "import-", name, &fd, NULL) == 0 &&
			mkdirat(fd, "layer-0", 0) == 0 &&
			store_hold_name(f->store, "layer-x", true, &lock_fd, NULL) == 0 &&
			fd_replace_file(
				f->dirfd, "tmp/file-0", "x", 1, 0600, FD_NO_SYNC) == 0)
			(void)kill(getpid(), SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(store_stage(f->store, "import-", name, &stage_fd, &f->err), 0);
	assert_int_equal(
		store_hold_name(f->store, "layer-y", true, &lock_fd, &f->err), 0);
	assert_int_equal(unit_count_entries(f->dirfd, "tmp"), 5);
	assert_int_equal(store_sweep(f->store, NULL, &count, &f->err), 0);
	assert_int_equal(count, 3);
	assert_int_equal(unit_count_entries(f->dirfd, "tmp"), 2);
	store_release_name(f->store, "layer-y", &lock_fd);
	(void)close(stage_fd);
	assert_int_equal(store_sweep(f->store, NULL, &count, &f->err), 0);
	assert_int_equal(unit_count_entries(f->dirfd, "tmp"), 0);
}

/* Holds the name and checks by a marker file that nobody else does. */
static int take_turns(struct fixture *f)
{
	for (int i = 0; i < TURNS; i++) {
		int fd, marker;

		if (store_hold_name(f->store, "source-x", true, &fd, NULL) < 0)
			return 1;
		marker = openat(f->dirfd, "marker", O_WRONLY | O_CREAT | O_EXCL, 0600);
		if (marker < 0)
			return 2;
		(void)close(marker);
		if (unlinkat(f->dirfd, "marker", 0) < 0)
			return 3;
		store_release_name(f->store, "source-x", &fd);
	}
	return 0;
}

static void test_names_exclude(void **state)
{
	struct fixture *f = *state;
	pid_t pids[TAKERS];
	int status;

	for (int i = 0; i < TAKERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(take_turns(f));
	}
	for (int i = 0; i < TAKERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(unit_count_entries(f->dirfd, "tmp"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(test_sweep),
		store_test(test_names_exclude),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
