/* SPDX-License-Identifier: Apache-2.0 */
/* An import that is killed or finds the disk full between any two of its steps: what is
 * visible afterwards is whole, and the next import heals the rest. */
#include "tests/unit/import-fixture.h"

#include "common/fd.h"
#include "images/store-durable.h"
#include "images/store-steps.h"

#include <stdio.h>
#include <sys/wait.h>

/* Imports with a failure injected. 1 when the point was passed and did its work. */
static int import_failing(
	struct fixture *f, const char *point, int passage, const char *action)
{
	char rule[96];
	int status;
	pid_t pid;

	(void)snprintf(rule, sizeof(rule), "%s:%d:%s", point, passage, action);
	pid = fork();
	if (pid == 0) {
		struct store_gc_report report;
		struct image *image = NULL;
		int r;

		(void)setenv("UCR_FAIL", rule, 1);
		r = obtain(f, PULL_MISSING, &image);
		image_free(image);
		if (r == 0)
			r = store_gc(
				f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err);
		_exit(r == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status != 0;
}

static void check_recovery(struct fixture *f, bool is_clean)
{
	struct image *image;
	cleanup_strv strv removed = NULL;
	struct store_gc_report report;
	struct image_list images;
	char id[DIGEST_MAX];

	if (is_clean)
		assert_int_equal(unit_count_entries(f->store_dirfd, "tmp"), 0);
	/* What is visible is whole. */
	assert_int_equal(store_list(f->store, &images, &f->err), 0);
	image_list_done(&images);
	assert_int_equal(obtain(f, PULL_ALWAYS, &image), 0);
	assert_whole(f, image, two_layers);
	memcpy(id, image->id, sizeof(id));
	image_free(image);
	assert_int_equal(store_untag(f->store, id, NULL, true, &removed, &f->err), 0);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_int_equal(unit_count_entries(f->store_dirfd, "layers"), 0);
	assert_int_equal(unit_count_entries(f->store_dirfd, "blobs/sha256"), 0);
	assert_int_equal(unit_count_entries(f->store_dirfd, "sources"), 0);
}

/* A process of its own passes these (see below), or no import does (test_power_cut.py). */
static bool is_passed_elsewhere(const char *step)
{
	static const char *const prefixes[] = { "flush-", "quarantine-", "evict-" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (str_skip_prefix(step, prefixes[i]))
			return true;
	}
	return false;
}

static void go_through_all_steps(struct fixture *f, const char *action, bool is_clean)
{
	int passage;

	for (size_t i = 0; store_step_names[i]; i++) {
		if (is_passed_elsewhere(store_step_names[i]))
			continue;
		for (passage = 1; import_failing(f, store_step_names[i], passage, action);
			passage++)
			check_recovery(f, is_clean);
		/* Each point was passed at least once, or the table lies. */
		assert_true(passage > 1);
		check_recovery(f, true);
	}
}

static void test_kill_at_each_step(void **state)
{
	struct fixture *f = *state;

#ifndef ENABLE_FAIL_POINTS
	skip();
#endif
	need_rights(f);
	script(f, "layer=base layer=app");
	go_through_all_steps(f, "kill", false);
}

static void test_full_disk_at_each_step(void **state)
{
	struct fixture *f = *state;

#ifndef ENABLE_FAIL_POINTS
	skip();
#endif
	need_rights(f);
	script(f, "layer=base layer=app");
	go_through_all_steps(f, "enospc", true);
}

static size_t count_layers(struct fixture *f, struct image *image, enum layer_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < image->layer_count; i++)
		n += store_layer_state(f->store, digest_hex(image->layers[i].chain_id)) ==
		     state;
	return n;
}

/* What the process that flushes leaves when it fails, and how often the two layers have
 * been unpacked once the image was asked for again. */
static const struct flush_failure {
	const char *rule;
	size_t cached, durable, unpacked;
} flush_failures[] = {
	{ "flush-begin:1:kill", 2, 0, 2 },
	{ "flush-begin:1:eio", 0, 0, 4 },
	{ "flush-mark:1:kill", 2, 0, 2 },
	{ "flush-mark:2:kill", 1, 1, 2 },
	{ "flush-mark:1:enospc", 2, 0, 2 },
	{ "flush-mark:2:enospc", 1, 1, 2 },
};

static void fail_flush(struct fixture *f, const struct flush_failure *failure)
{
	struct image *image;

	(void)unlinkat(f->dirfd, "log", 0);
	assert_int_equal(setenv("UCR_FAIL", failure->rule, 1), 0);
	assert_int_equal(obtain(f, PULL_ALWAYS, &image), 0);
	wait_for_flush(f);
	assert_int_equal(unsetenv("UCR_FAIL"), 0);
	assert_int_equal(count_layers(f, image, LAYER_CACHED), failure->cached);
	assert_int_equal(count_layers(f, image, LAYER_DURABLE), failure->durable);
	image_free(image);
	assert_int_equal(obtain(f, PULL_MISSING, &image), 0);
	assert_whole(f, image, two_layers);
	wait_for_flush(f);
	assert_int_equal(count_layers(f, image, LAYER_DURABLE), 2);
	assert_int_equal(count_unpacked(f), failure->unpacked);
	image_free(image);
}

static void test_failing_flush(void **state)
{
	struct fixture *f = *state;
	struct store_gc_report report;

#ifndef ENABLE_FAIL_POINTS
	skip();
#endif
	need_rights(f);
	script(f, "layer=base layer=app");
	for (size_t i = 0; i < sizeof(flush_failures) / sizeof(*flush_failures); i++) {
		fail_flush(f, &flush_failures[i]);
		assert_int_equal(store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report,
					 &f->err),
			0);
		assert_int_equal(unit_count_entries(f->store_dirfd, "layers"), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		import_test(test_kill_at_each_step),
		import_test(test_full_disk_at_each_step),
		import_test(test_failing_flush),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
