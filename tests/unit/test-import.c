/* SPDX-License-Identifier: Apache-2.0 */
/* The importing side against tests/unit/fake-unpack.c, which does what its source file
 * says. */
#include "tests/unit/unit.h"

#include "common/fd.h"
#include "images/import.h"
#include "images/store-durable.h"
#include "images/store-steps.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct fixture {
	char path[32];
	char archive[64], log[64], libexec[64];
	int dirfd, store_dirfd;
	int userns_fd;
	struct store *store;
	struct err err;
};

/* A user namespace of one id, as a rootless caller would have it. -1: not to be had here.
 */
static int make_userns(void)
{
	char path[64], map[64];
	int sync[2], fd = -1;
	pid_t pid;
	char c;

	assert_int_equal(pipe2(sync, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		(void)!write(sync[1], unshare(CLONE_NEWUSER) == 0 ? "y" : "n", 1);
		for (;;)
			(void)pause();
	}
	if (read(sync[0], &c, 1) == 1 && c == 'y') {
		(void)snprintf(path, sizeof(path), "/proc/%d/setgroups", pid);
		(void)!fd_write_kernel_file(AT_FDCWD, path, "deny");
		(void)snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
		(void)snprintf(map, sizeof(map), "0 %u 1", geteuid());
		(void)!fd_write_kernel_file(AT_FDCWD, path, map);
		(void)snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
		(void)snprintf(map, sizeof(map), "0 %u 1", getegid());
		(void)!fd_write_kernel_file(AT_FDCWD, path, map);
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	(void)close(sync[0]);
	(void)close(sync[1]);
	return fd;
}

static int set_up(void **state)
{
	const char *build_dir = getenv("UCR_BUILDDIR") ? getenv("UCR_BUILDDIR") : ".";
	cleanup_free char *fake = str_printf("%s/tests/unit/fake-unpack", build_dir);
	cleanup_free char *real = fake ? realpath(fake, NULL) : NULL;
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_non_null(real);
	f->dirfd = unit_tmpdir(f->path);
	assert_int_equal(mkdirat(f->dirfd, "libexec", 0700), 0);
	assert_int_equal(symlinkat(real, f->dirfd, "libexec/ucr-unpack"), 0);
	(void)snprintf(f->archive, sizeof(f->archive), "%s/image.tar", f->path);
	(void)snprintf(f->log, sizeof(f->log), "%s/log", f->path);
	(void)snprintf(f->libexec, sizeof(f->libexec), "%s/libexec", f->path);
	assert_int_equal(setenv("FAKE_UNPACK_LOG", f->log, 1), 0);
	f->store_dirfd = fd_mkdir_open(f->dirfd, "store", 0700);
	assert_true(f->store_dirfd >= 0);
	assert_int_equal(store_open(f->store_dirfd, f->libexec, &f->store, &f->err), 0);
	f->userns_fd = -1;
	*state = f;
	return 0;
}

static int set_up_userns(void **state)
{
	struct fixture *f;

	(void)set_up(state);
	f = *state;
	f->userns_fd = make_userns();
	return 0;
}

/* Until the process that an import leaves behind has ended. */
static void wait_for_flush(struct fixture *f)
{
	int fd;

	assert_int_equal(store_lock_layers(f->store, &fd, &f->err), 0);
	(void)close(fd);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	wait_for_flush(f);
	store_free(f->store);
	(void)close(f->store_dirfd);
	(void)close(f->dirfd);
	if (f->userns_fd >= 0)
		(void)close(f->userns_fd);
	assert_int_equal(fd_remove_tree(AT_FDCWD, f->path), 0);
	free(f);
	return 0;
}

/* Without rights to clone mounts an import needs a user namespace, and may not get one.
 */
static void need_rights(struct fixture *f)
{
	if (geteuid() != 0 && f->userns_fd < 0)
		f->userns_fd = make_userns();
	if (geteuid() != 0 && f->userns_fd < 0)
		skip();
}

static void script(struct fixture *f, const char *text)
{
	assert_int_equal(fd_replace_file(f->dirfd, "image.tar", text, strlen(text), 0600,
				 FD_NO_SYNC),
		0);
}

static int obtain(struct fixture *f, enum pull_policy pull, struct image **ret)
{
	struct import_request request = {
		.reference = f->archive, .pull = pull, .userns.userns_fd = f->userns_fd
	};

	return image_obtain(f->store, &request, ret, &f->err);
}

static size_t count_unpacked(struct fixture *f)
{
	cleanup_free char *text = NULL;
	size_t n = 0;

	if (fd_read_file(f->dirfd, "log", 1 << 20, &text, NULL) < 0)
		return 0;
	for (const char *at = text; *at; at++)
		n += *at == '\n';
	return n;
}

static void assert_whole(
	struct fixture *f, const struct image *image, const char *const *contents)
{
	int fds[IMAGE_LAYERS_MAX], lease_fd;
	size_t i;

	assert_int_equal(store_open_layers(f->store, image, fds, &lease_fd, &f->err), 0);
	for (i = 0; contents[i]; i++) {
		cleanup_free char *text = NULL;

		assert_int_equal(fd_read_file(fds[i], "content", 100, &text, NULL), 0);
		assert_string_equal(text, contents[i]);
		(void)close(fds[i]);
	}
	assert_int_equal(image->layer_count, i);
	(void)close(lease_fd);
	assert_int_equal(unit_count_entries(f->store_dirfd, "tmp"), 0);
}

static const char *const two_layers[] = { "base", "app", NULL };

/* ---- what works ---- */

static void test_import(void **state)
{
	struct fixture *f = *state;
	cleanup_image struct image *image = NULL, *again = NULL, *named = NULL;
	struct import_request request = { .reference = f->archive,
		.userns.userns_fd = -1 };
	struct image *none;

	need_rights(f);
	script(f, "layer=base layer=app name=app:1 name=Not/A/Name");
	assert_int_equal(image_lookup(f->store, &request, &none, &f->err), IMAGE_ABSENT);
	assert_int_equal(obtain(f, PULL_NEVER, &none), -ENOENT);
	assert_int_equal(obtain(f, PULL_MISSING, &image), 0);
	assert_whole(f, image, two_layers);
	assert_int_equal(image->size, 7);
	assert_int_equal(strv_len(image->names), 1);
	assert_int_equal(store_find(f->store, "app:1", &named, &f->err), 0);
	assert_string_equal(named->id, image->id);
	/* Known by its file now. */
	assert_int_equal(image_lookup(f->store, &request, &again, &f->err), 0);
	assert_string_equal(again->id, image->id);
	assert_int_equal(count_unpacked(f), 2);
}

static void test_import_userns(void **state)
{
	struct fixture *f = *state;
	cleanup_image struct image *image = NULL;

	if (f->userns_fd < 0)
		skip();
	script(f, "layer=base layer=app");
	assert_int_equal(obtain(f, PULL_MISSING, &image), 0);
	assert_whole(f, image, two_layers);
}

/* A plain tarball: which layer it is shows when it is unpacked. */
static void test_import_late(void **state)
{
	struct fixture *f = *state;
	cleanup_image struct image *image = NULL, *again = NULL;

	need_rights(f);
	script(f, "late format=tar layer=base layer=app");
	assert_int_equal(obtain(f, PULL_MISSING, &image), 0);
	assert_whole(f, image, two_layers);
	assert_string_equal(image->manifest_digest, "");
	assert_int_equal(obtain(f, PULL_ALWAYS, &again), 0);
	assert_whole(f, again, two_layers);
	assert_string_equal(again->id, image->id);
	assert_int_equal(unit_count_entries(f->store_dirfd, "layers"), 2);
}

/* Nobody names the image; only the caller's lease keeps it. */
static void test_collected_beside_launch(void **state)
{
	struct fixture *f = *state;
	struct image *image, *again;
	struct store_gc_report report;

	need_rights(f);
	script(f, "layer=base layer=app");
	assert_int_equal(obtain(f, PULL_MISSING, &image), 0);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_whole(f, image, two_layers);
	/* The same for what is found. */
	assert_int_equal(obtain(f, PULL_MISSING, &again), 0);
	image_free(image);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_whole(f, again, two_layers);
	image_free(again);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_int_equal(report.images, 1);
}

/* Layers that were not on the disk when the machine stopped are made again. */
static void test_power_cut(void **state)
{
	struct fixture *f = *state;
	cleanup_image struct image *image = NULL, *again = NULL;
	char path[STORE_PATH_MAX];

	need_rights(f);
	script(f, "layer=base layer=app name=app:1");
	assert_int_equal(obtain(f, PULL_MISSING, &image), 0);
	wait_for_flush(f);
	(void)store_path(path, "layers", digest_hex(image->layers[1].chain_id), "/boot");
	assert_int_equal(symlinkat("another boot", f->store_dirfd, path), 0);
	assert_int_equal(obtain(f, PULL_MISSING, &again), 0);
	assert_string_equal(again->id, image->id);
	assert_whole(f, again, two_layers);
	assert_int_equal(count_unpacked(f), 3);
	wait_for_flush(f);
	assert_int_equal(
		store_layer_state(f->store, digest_hex(image->layers[1].chain_id)),
		LAYER_DURABLE);
}

static void test_shared_layers(void **state)
{
	static const char *const other_layers[] = { "base", "other", NULL };
	struct fixture *f = *state;
	cleanup_image struct image *image = NULL, *other = NULL, *again = NULL;

	need_rights(f);
	script(f, "layer=base layer=app");
	assert_int_equal(obtain(f, PULL_MISSING, &image), 0);
	script(f, "layer=base layer=other");
	assert_int_equal(obtain(f, PULL_MISSING, &other), 0);
	assert_whole(f, other, other_layers);
	assert_int_equal(other->size, 9);
	assert_int_equal(count_unpacked(f), 3);
	assert_int_equal(unit_count_entries(f->store_dirfd, "layers"), 3);
	/* Read anew, nothing is unpacked; its names are set again. */
	script(f, "layer=base layer=app name=app");
	assert_int_equal(obtain(f, PULL_ALWAYS, &again), 0);
	assert_string_equal(again->id, image->id);
	assert_int_equal(count_unpacked(f), 3);
}

/* Somebody removed or changed files of the store: an archive at hand heals it. */
static void test_damaged_store(void **state)
{
	struct fixture *f = *state;
	cleanup_image struct image *image = NULL, *again = NULL;
	char path[STORE_PATH_MAX];

	need_rights(f);
	script(f, "layer=base layer=app");
	assert_int_equal(obtain(f, PULL_MISSING, &image), 0);
	wait_for_flush(f);
	(void)store_path(path, "layers", digest_hex(image->layers[1].chain_id), "");
	assert_int_equal(fd_remove_tree(f->store_dirfd, path), 0);
	assert_int_equal(obtain(f, PULL_MISSING, &again), 0);
	assert_whole(f, again, two_layers);
	assert_int_equal(count_unpacked(f), 3);
	image_free(take_ptr(again));
	(void)store_path(path, "blobs/sha256", digest_hex(image->id), "");
	assert_int_equal(
		fd_replace_file(f->store_dirfd, path, "{}", 2, 0600, FD_NO_SYNC), 0);
	assert_int_equal(obtain(f, PULL_MISSING, &again), 0);
	assert_whole(f, again, two_layers);
	assert_int_equal(count_unpacked(f), 3);
}

static void test_layout_names(void **state)
{
	struct fixture *f = *state;
	cleanup_image struct image *image = NULL;

	need_rights(f);
	script(f, "format=oci-archive layer=base name=latest name=app:2 "
		  "name=quay.io/a/b:3");
	assert_int_equal(obtain(f, PULL_MISSING, &image), 0);
	assert_string_equal(image->names[0], "localhost/latest:latest");
	assert_string_equal(image->names[1], "docker.io/library/app:2");
	assert_string_equal(image->names[2], "quay.io/a/b:3");
}

static void test_notes(void **state)
{
	struct fixture *f = *state;
	cleanup_image struct image *image = NULL;
	cleanup_strv strv notes = NULL;
	struct import_request request = { .reference = f->archive, .notes = &notes };

	need_rights(f);
	script(f, "layer=base name=B@D");
	request.userns.userns_fd = f->userns_fd;
	assert_int_equal(image_obtain(f->store, &request, &image, &f->err), 0);
	assert_int_equal(strv_len(notes), 2);
	assert_string_equal(notes[1], "a note\\x1b[31m");
}

/* ---- what is refused ---- */

static void test_lies(void **state)
{
	static const struct {
		const char *lie;
		int code;
		const char *word;
	} cases[] = {
		{ "exit", EIO, "status 3" },
		{ "kill", EIO, "signal 9" },
		{ "error", ENOTSUP, "not to my taste" },
		{ "unknown-message", EPROTO, "77" },
		{ "broken-json", EINVAL, "ucr-unpack" },
		{ "more-diff-ids", EINVAL, "lists 3" },
		{ "manifest", EBADMSG, "manifest" },
		{ "device", EPROTO, "document" },
		{ "no-fds", EPROTO, "documents" },
		{ "diff-id", EBADMSG, "the configuration lists" },
		{ "no-digest", EPROTO, "not given" },
		{ "index", EPROTO, "not given" },
		{ "twice", EPROTO, "not given" },
		{ "skip-layer", EPROTO, "left layer 0 out" },
		{ "config", EPROTO, "changed the configuration" },
		{ "no-config", EPROTO, "without a configuration" },
	};
	struct fixture *f = *state;
	struct image *image;
	char text[128];

	need_rights(f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(text, sizeof(text), "layer=base layer=app name=app lie=%s",
			cases[i].lie);
		script(f, text);
		assert_int_equal(obtain(f, PULL_MISSING, &image), -cases[i].code);
		assert_non_null(strstr(f->err.text, cases[i].word));
		assert_non_null(strstr(f->err.text, "image.tar"));
		assert_int_equal(unit_count_entries(f->store_dirfd, "tmp"), 0);
		assert_int_equal(unit_count_entries(f->store_dirfd, "images"), 0);
		assert_int_equal(unit_count_entries(f->store_dirfd, "layers"), 0);
		assert_int_equal(unit_count_entries(f->store_dirfd, "sources"), 0);
	}
}

static void test_no_unpacker(void **state)
{
	struct fixture *f = *state;
	struct image *image;

	need_rights(f);
	script(f, "layer=base");
	assert_int_equal(unlinkat(f->dirfd, "libexec/ucr-unpack", 0), 0);
	assert_int_equal(obtain(f, PULL_MISSING, &image), -ENOENT);
	assert_non_null(strstr(f->err.text, "libexec/ucr-unpack"));
	assert_int_equal(unit_count_entries(f->store_dirfd, "tmp"), 0);
}

static void test_unknown_reference(void **state)
{
	struct fixture *f = *state;
	struct import_request request = {
		.reference = "no-such-image", .pull = PULL_NEVER, .userns.userns_fd = -1
	};
	struct image *image;

	assert_int_equal(image_obtain(f->store, &request, &image, &f->err), -ENOENT);
	assert_non_null(strstr(f->err.text, "no-such-image"));
	/* What no registry can have is not asked for. */
	request.pull = PULL_ALWAYS;
	request.reference = "localhost/no-such-image";
	assert_int_equal(image_obtain(f->store, &request, &image, &f->err), -ENOENT);
	assert_non_null(strstr(f->err.text, "no stored image"));
	request.reference = "sha256:"
			    "00000000000000000000000000000000"
			    "00000000000000000000000000000000";
	assert_int_equal(image_obtain(f->store, &request, &image, &f->err), -ENOENT);
	/* What a registry may have is; this box has no ucr-fetch. */
	request.reference = "no-such-image";
	assert_int_equal(image_obtain(f->store, &request, &image, &f->err), -ENOENT);
	assert_non_null(strstr(f->err.text, "ucr-fetch"));
}

/* ---- several at once ---- */

#define IMPORTERS 4

static void test_unpacked_once(void **state)
{
	struct fixture *f = *state;
	pid_t pids[IMPORTERS];
	int status;

	need_rights(f);
	script(f, "layer=base layer=app sleep=50");
	for (int i = 0; i < IMPORTERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct image *image = NULL;
			/* Half of them would read the archive again: they share its
			 * layers. */
			int r = obtain(f, i % 2 ? PULL_ALWAYS : PULL_MISSING, &image);

			image_free(image);
			_exit(r == 0 ? 0 : 1);
		}
	}
	for (int i = 0; i < IMPORTERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(count_unpacked(f), 2);
	assert_int_equal(unit_count_entries(f->store_dirfd, "tmp"), 0);
}

/* ---- failures between any two steps ---- */

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
	struct image **images;
	char id[DIGEST_MAX];
	size_t count;

	if (is_clean)
		assert_int_equal(unit_count_entries(f->store_dirfd, "tmp"), 0);
	/* What is visible is whole. */
	assert_int_equal(store_list(f->store, &images, &count, &f->err), 0);
	for (size_t i = 0; i < count; i++)
		image_free(images[i]);
	free(images);
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

#define import_test(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		import_test(test_import),
		cmocka_unit_test_setup_teardown(
			test_import_userns, set_up_userns, tear_down),
		import_test(test_import_late),
		import_test(test_collected_beside_launch),
		import_test(test_power_cut),
		import_test(test_shared_layers),
		import_test(test_damaged_store),
		import_test(test_layout_names),
		import_test(test_notes),
		import_test(test_lies),
		import_test(test_no_unpacker),
		import_test(test_unknown_reference),
		import_test(test_unpacked_once),
		import_test(test_kill_at_each_step),
		import_test(test_full_disk_at_each_step),
		import_test(test_failing_flush),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
