/* SPDX-License-Identifier: Apache-2.0 */
/* Freezing, killing, removing; parents and rights. */
#include "tests/unit/cgroup-live.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/str.h"
#include "isolators/cgroup.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- freeze, kill, destroy ---- */

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

	live_create(f, NULL);
	live_start(f, live_count_for_ever);
	assert_true(moves(f));
	live_check(cgroup_freeze(f->cgroup, true, &err), &err);
	before = *f->counter;
	(void)usleep(100000);
	assert_int_equal(*f->counter, before);
	live_check(cgroup_signal(f->cgroup, SIGCONT, &err), &err); /* it stays frozen */
	(void)usleep(50000);
	assert_int_equal(*f->counter, before);
	live_check(cgroup_freeze(f->cgroup, false, &err), &err);
	assert_true(moves(f));
	live_check(cgroup_freeze(f->cgroup, true, &err), &err);
	live_check(cgroup_kill(f->cgroup, &err), &err);
	assert_int_equal(WTERMSIG(live_finish(f)), SIGKILL);
}

static void test_signal(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };

	live_create(f, NULL);
	live_start(f, live_count_for_ever);
	live_check(cgroup_signal(f->cgroup, SIGUSR1, &err), &err);
	assert_int_equal(WTERMSIG(live_finish(f)), SIGUSR1);
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

	live_create(f, &r);
	live_start(f, bomb);
	while (live_inside(f) < 30)
		(void)usleep(1000);
	live_check(cgroup_kill(f->cgroup, &err), &err);
	assert_int_equal(live_inside(f), 0);
	assert_int_equal(WTERMSIG(live_finish(f)), SIGKILL);
}

/* Every line of a path with something appended. */
static char *path_with(const char *path, const char *suffix)
{
	struct buf b = BUF_INIT;

	while (*path) {
		size_t len = strcspn(path, "\n");

		buf_printf(&b, "%.*s%s%s", (int)len, path, suffix, path[len] ? "\n" : "");
		path += len + (path[len] == '\n');
	}
	return buf_take(&b);
}

static char *path_below(const char *path)
{
	return path_with(path, "/below");
}

static void test_in_use(void **state)
{
	struct fixture *f = *state;
	struct cgroup *second = NULL, *again = NULL;
	cleanup_free char *below = NULL;
	struct err err = { 0 };

	live_create(f, NULL);
	live_start(f, live_count_for_ever);
	assert_int_equal(cgroup_create(f->host, f->path, NULL, &second, &err), -EBUSY);
	live_check(cgroup_open(f->host, f->path, &again, &err), &err);
	live_check(cgroup_kill(again, &err), &err);
	(void)live_finish(f);
	/* A nested one goes with it. */
	below = path_below(f->path);
	live_check(cgroup_create(f->host, below, NULL, &second, &err), &err);
	cgroup_free(second);
	live_check(cgroup_destroy(again, &err), &err);
	live_check(cgroup_destroy(again, &err), &err); /* absent is fine */
	cgroup_free(again);
}

/* ---- parents, rights ---- */

/* The parents that were made for a cgroup go with the last one in them. */
static void test_parents_go(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *below = path_below(f->path), *deep = path_below(below);
	cleanup_free char *beside = path_with(deep, "-2");
	struct cgroup *first = NULL, *second = NULL;
	struct err err = { 0 };

	if (cgroup_create(f->host, deep, NULL, &first, &err) != 0)
		skip();
	live_check(cgroup_create(f->host, beside, NULL, &second, &err), &err);
	live_check(cgroup_destroy(first, &err), &err);
	cgroup_free(first);
	live_check(cgroup_open(f->host, below, &first, &err), &err);
	cgroup_free(first);
	live_check(cgroup_destroy(second, &err), &err);
	cgroup_free(second);
	assert_int_equal(cgroup_open(f->host, below, &first, &err), -ENOENT);
	assert_int_equal(cgroup_open(f->host, f->path, &first, &err), -ENOENT);
}

/* Two levels below: on v2 the controllers are handed down on the way, as long as nobody lives
 * there. */
static void test_nested(void **state)
{
	struct fixture *f = *state;
	struct spec_resources r = { .memory.limit = { true, 64 * MIB } };
	cleanup_free char *below = path_below(f->path), *deep = path_below(below);
	struct cgroup *inner = NULL;
	struct cgroup_usage usage;
	struct err err = { 0 };

	live_create(f, NULL);
	live_check(cgroup_create(f->host, deep, &r, &inner, &err), &err);
	live_check(cgroup_usage(inner, &usage, &err), &err);
	assert_int_equal(usage.memory_limit_bytes, 64 * MIB);
	cgroup_free(inner);
}

static void test_busy_parent(void **state)
{
	struct fixture *f = *state;
	struct spec_resources r = { .memory.limit = { true, 64 * MIB } };
	cleanup_free char *below = path_below(f->path);
	struct cgroup *inner = NULL;
	struct err err = { 0 };
	int code;

	live_create(f, NULL);
	live_start(f, live_count_for_ever);
	code = cgroup_create(f->host, below, &r, &inner, &err);
	if (str_eq(cgroup_host_name(f->host), "v2")) {
		assert_int_equal(code, -EBUSY);
		assert_non_null(strstr(err.text, "holds processes itself"));
		assert_true(err.hint[0]);
		assert_int_equal(cgroup_open(f->host, below, &inner, &err), -ENOENT);
		return;
	}
	live_check(code, &err);
	cgroup_free(inner);
}

#define NOBODY 65534

static int without_rights(struct fixture *f)
{
	struct spec_resources r = { .memory.limit = { true, 64 * MIB } };
	struct cgroup *cgroup = NULL;
	struct err err = { 0 };

	if (setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
		setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return 10;
	if (cgroup_create(f->host, "/ucr-not-mine", NULL, &cgroup, &err) !=
		CGROUP_UNAVAILABLE)
		return 11;
	if (cgroup_create(f->host, "/ucr-not-mine", &r, &cgroup, &err) != -EACCES)
		return 12;
	return strstr(err.hint, "delegated") ? 0 : 13;
}

static void test_no_rights(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	live_create(f, NULL);
	assert_int_equal(WEXITSTATUS(live_run(f, without_rights)), 0);
}

/* What systemd does for a user: the directory and three of its files change hands. */
static void delegate(const char *path)
{
	static const char *const files[] = { "", "/cgroup.procs",
		"/cgroup.subtree_control", "/cgroup.threads" };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		cleanup_free char *file = str_printf("%s%s", path, files[i]);

		assert_int_equal(chown(file, NOBODY, NOBODY), 0);
	}
}

/* In "<delegated>/shell": finds its way, makes, fills and ends a cgroup beside itself. */
static int use_delegation(struct fixture *f)
{
	cleanup_close int root = open("/sys/fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct spec_resources r = { .pids_limit = { true, 10 } };
	struct fixture own = { .dir = "" };
	struct err err = { 0 };

	if (setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
		setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return 10;
	if (cgroup_host_open(root, proc, &own.host, &err) < 0 ||
		cgroup_choose_path(own.host, NULL, "mine", &own.path, &err) < 0)
		return 11;
	/* The controllers of v1 cannot be delegated; the tree of a hybrid host can. */
	if (cgroup_create(own.host, own.path,
		    str_eq(cgroup_host_name(own.host), "v2") ? &r : NULL, &own.cgroup,
		    &err) != 0)
		return 12;
	if (WEXITSTATUS(live_run(&own, live_count_forks)) !=
		(str_eq(cgroup_host_name(own.host), "v2") ? 9 : 20))
		return 13;
	if (cgroup_kill(own.cgroup, &err) < 0 || cgroup_destroy(own.cgroup, &err) < 0)
		return 14;
	cgroup_free(own.cgroup);
	cgroup_host_free(own.host);
	free(own.path);
	return 0;
}

static void test_delegated(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *top = NULL, *shell = NULL;
	char *below = path_below(f->path);

	free(f->path);
	f->path = below; /* "<path>/below" is the shell's; its parent is delegated */
	if (geteuid() != 0 || str_eq(cgroup_host_name(f->host), "none"))
		skip();
	shell = str_printf("/sys/fs/cgroup/%s%.*s",
		str_eq(cgroup_host_name(f->host), "hybrid") ? "unified" : "",
		(int)strcspn(below, "\n"), below);
	live_create(f, NULL);
	if (access(shell, F_OK) < 0)
		skip();
	top = strndup(shell, (size_t)(strrchr(shell, '/') - shell));
	delegate(top);
	delegate(shell);
	assert_int_equal(WEXITSTATUS(live_run(f, use_delegation)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVE(test_freeze),
		LIVE(test_signal),
		LIVE(test_kill_fork_bomb),
		LIVE(test_in_use),
		LIVE(test_nested),
		LIVE(test_parents_go),
		LIVE_V1(test_parents_go),
		LIVE(test_busy_parent),
		LIVE(test_no_rights),
		LIVE(test_delegated),
		LIVE_V1(test_freeze),
		LIVE_V1(test_signal),
		LIVE_V1(test_kill_fork_bomb),
		LIVE_V1(test_in_use),
	};

	live_main();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
