/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/fd.h"
#include "common/str.h"
#include "runtime/process.h"
#include "runtime/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct runtime_state make_state(pid_t pid)
{
	struct runtime_state state = { .id = strdup("box"),
		.bundle = strdup("/bundle \"quoted\""),
		.cgroup_path = strdup("/box"),
		.created = strdup("2026-01-02T03:04:05.678Z"),
		.owner = 4294967294,
		.pid = pid,
		.boot_id = calloc(1, BOOT_ID_MAX),
		.has_own_pid_namespace = true };
	int proc_dirfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(strv_add(&state.annotations, "a.key=one=two"), 0);
	assert_int_equal(process_start_time(proc_dirfd, pid, &state.start_time), 0);
	assert_int_equal(process_boot_id(proc_dirfd, state.boot_id), 0);
	assert_int_equal(close(proc_dirfd), 0);
	return state;
}

static enum runtime_status load_status(int dirfd)
{
	struct runtime_state state;
	struct err err = { 0 };
	enum runtime_status status;

	assert_int_equal(runtime_state_load(dirfd, &state, &err), 0);
	status = state.status;
	assert_true((state.pid == 0) == (status == RUNTIME_STOPPED));
	runtime_state_done(&state);
	return status;
}

static void touch(int dirfd, const char *name)
{
	assert_int_equal(close(openat(dirfd, name, O_CREAT | O_WRONLY, 0600)), 0);
}

static void remove_dir(int dirfd, const char *dir)
{
	assert_int_equal(close(dirfd), 0);
	assert_int_equal(rmdir(dir), 0); /* empty: nothing temporary was left */
}

static void test_round_trip(void **unused)
{
	struct runtime_state saved = make_state(getpid()), state;
	struct err err = { 0 };
	char dir[32];
	int dirfd = unit_tmpdir(dir);

	assert_int_equal(state_save(dirfd, &saved, &err), 0);
	assert_int_equal(runtime_state_load(dirfd, &state, &err), 0);
	assert_string_equal(state.id, "box");
	assert_string_equal(state.bundle, "/bundle \"quoted\"");
	assert_string_equal(state.cgroup_path, "/box");
	assert_string_equal(state.created, saved.created);
	assert_null(state.rootfs);
	assert_int_equal(state.owner, 4294967294);
	assert_int_equal(state.pid, getpid());
	assert_int_equal(state.start_time, saved.start_time);
	assert_true(state.has_own_pid_namespace);
	assert_false(state.has_poststop_hooks);
	assert_string_equal(state.annotations[0], "a.key=one=two");
	runtime_state_done(&state);
	runtime_state_done(&saved);
	state_remove(dirfd);
	remove_dir(dirfd, dir);
}

static void test_status(void **unused)
{
	struct runtime_state saved = make_state(getpid());
	struct err err = { 0 };
	char dir[32];
	int dirfd = unit_tmpdir(dir);

	assert_int_equal(state_save(dirfd, &saved, &err), 0);
	touch(dirfd, STATE_CREATING);
	assert_int_equal(load_status(dirfd), RUNTIME_CREATING);
	assert_int_equal(renameat(dirfd, STATE_CREATING, dirfd, STATE_START), 0);
	assert_int_equal(load_status(dirfd), RUNTIME_CREATED);
	assert_int_equal(unlinkat(dirfd, STATE_START, 0), 0);
	assert_int_equal(load_status(dirfd), RUNTIME_RUNNING);

	saved.start_time++; /* the pid was recycled */
	assert_int_equal(state_save(dirfd, &saved, &err), 0);
	assert_int_equal(load_status(dirfd), RUNTIME_STOPPED);
	saved.start_time--;
	saved.boot_id[0] =
		saved.boot_id[0] == 'a' ? 'b' : 'a'; /* the machine was restarted */
	assert_int_equal(state_save(dirfd, &saved, &err), 0);
	assert_int_equal(load_status(dirfd), RUNTIME_STOPPED);
	runtime_state_done(&saved);
	state_remove(dirfd);
	remove_dir(dirfd, dir);
}

static void test_zombie(void **unused)
{
	struct runtime_state saved;
	struct err err = { 0 };
	char dir[32];
	int dirfd = unit_tmpdir(dir), go[2];
	siginfo_t info;
	pid_t pid;
	char c;

	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		(void)close(go[1]);
		_exit(read(go[0], &c, 1) != 0);
	}
	saved = make_state(pid);
	assert_int_equal(state_save(dirfd, &saved, &err), 0);
	assert_int_equal(load_status(dirfd), RUNTIME_RUNNING);
	assert_int_equal(close(go[1]), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(load_status(dirfd), RUNTIME_STOPPED); /* though not reaped */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(close(go[0]), 0);
	runtime_state_done(&saved);
	state_remove(dirfd);
	remove_dir(dirfd, dir);
}

static void test_damage(void **unused)
{
	static const char *const texts[] = { "", "{", "[]", "{}", "{\"id\":1}",
		"{\"id\":\"a\",\"bundle\":\"/\",\"created\":\"x\",\"owner\":-1}" };
	struct runtime_state state;
	struct err err;
	char dir[32];
	int dirfd = unit_tmpdir(dir);

	assert_int_equal(runtime_state_load(dirfd, &state, &err), -ENOENT);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(fd_replace_file(dirfd, STATE_FILE, texts[i],
					 strlen(texts[i]), 0600, FD_NO_SYNC),
			0);
		err = (struct err){ 0 };
		assert_true(runtime_state_load(dirfd, &state, &err) < 0);
		assert_non_null(strstr(err.text, STATE_FILE));
	}
	state_remove(dirfd);
	remove_dir(dirfd, dir);
}

static void test_lock(void **unused)
{
	struct err err = { 0 };
	char dir[32];
	int dirfd = unit_tmpdir(dir), one, two;

	one = state_lock(dirfd, false, &err);
	assert_true(one >= 0);
	assert_int_equal(state_lock(dirfd, false, &err), -EWOULDBLOCK);
	assert_int_equal(close(one), 0);
	two = state_lock(dirfd, false, &err);
	assert_true(two >= 0);
	assert_int_equal(close(two), 0);
	remove_dir(dirfd, dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_zombie),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
