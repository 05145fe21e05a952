/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/fd.h"
#include "images/store-budget.h"
#include "images/store-durable.h"
#include "images/store-fsck.h"
#include "images/store-tmp.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct fixture {
	char path[32];
	int dirfd;
	struct store *store;
	struct err err;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->dirfd = unit_tmpdir(f->path);
	assert_int_equal(store_open(f->dirfd, NULL, &f->store, &f->err), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int lock_fd;

	/* A process that flushes may still be at it. */
	assert_int_equal(store_lock_layers(f->store, &lock_fd, &f->err), 0);
	(void)close(lock_fd);
	store_free(f->store);
	(void)close(f->dirfd);
	assert_int_equal(fd_remove_tree(AT_FDCWD, f->path), 0);
	free(f);
	return 0;
}

/* ---- making images as an import would ---- */

static void put_layer(struct fixture *f, const char *chain_id, uint64_t size)
{
	char stage[STORE_NAME_MAX], path[STORE_PATH_MAX];
	int stage_fd, layer_fd, held;

	if (store_hold_layer(f->store, chain_id, &held, &f->err) == 0) {
		(void)close(held);
		return;
	}
	assert_int_equal(store_stage(f->store, "import-", stage, &stage_fd, &f->err), 0);
	layer_fd = fd_mkdir_open(stage_fd, "layer-0", 0700);
	assert_true(layer_fd >= 0);
	assert_int_equal(mkdirat(layer_fd, "fs", 0755), 0);
	assert_int_equal(store_set_layer_size(layer_fd, size), 0);
	assert_int_equal(
		store_commit_layer(f->store, stage_fd, "layer-0", chain_id, &f->err), 0);
	(void)store_path(path, "tmp", stage, "");
	assert_int_equal(fd_remove_tree(f->dirfd, path), 0);
	(void)close(layer_fd);
	(void)close(stage_fd);
}

/* An image whose layers have the given contents; its id depends on `label` and on them.
 */
static void put_image(struct fixture *f, const char *label, const char *const *contents,
	int64_t imported, char ret_id[DIGEST_MAX])
{
	cleanup_buf struct buf config = BUF_INIT;
	struct image_layer layers[4] = { 0 };
	/* As of a pulled image whose layers were there: the blob was never downloaded. */
	struct image_blob blob = { .size = 10 };
	struct image image = {
		.layers = layers, .imported = imported, .blobs = &blob, .blob_count = 1
	};
	char format[] = "tar";

	hash_of("never downloaded", 16, blob.digest);
	buf_printf(&config,
		"{\"os\":\"linux\",\"architecture\":\"amd64\",\"author\":\"%s\","
		"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[",
		label);
	for (size_t i = 0; contents[i]; i++) {
		hash_of(contents[i], strlen(contents[i]), layers[i].diff_id);
		image_chain_id(i ? layers[i - 1].chain_id : NULL, layers[i].diff_id,
			layers[i].chain_id);
		layers[i].size = 1000;
		image.layer_count++;
		image.size += 1000;
		put_layer(f, layers[i].chain_id, 1000);
		buf_printf(&config, "%s\"%s\"", i ? "," : "", layers[i].diff_id);
	}
	buf_puts(&config, "]}}");
	assert_int_equal(buf_finish(&config), 0);
	hash_of(config.data, config.len, image.id);
	hash_of(label, strlen(label), image.manifest_digest);
	image.format = format;
	assert_int_equal(
		store_put_blob(f->store, image.id, config.data, config.len, &f->err), 0);
	assert_int_equal(store_put_blob(f->store, image.manifest_digest, label,
				 strlen(label), &f->err),
		0);
	assert_int_equal(store_put_record(f->store, &image, &f->err), 0);
	memcpy(ret_id, image.id, DIGEST_MAX);
}

static const char *const base_only[] = { "base", NULL };
static const char *const base_and_app[] = { "base", "app", NULL };

static void tag(struct fixture *f, const char *id, const char *name)
{
	struct image *image;

	assert_int_equal(store_load_image(f->store, id, &image, &f->err), 0);
	assert_int_equal(store_tag(f->store, image, name, &f->err), 0);
	image_free(image);
}

static void assert_found(struct fixture *f, const char *name, const char *id)
{
	cleanup_image struct image *image = NULL;

	assert_int_equal(store_find(f->store, name, &image, &f->err), 0);
	assert_string_equal(image->id, id);
}

static void assert_absent(struct fixture *f, const char *name)
{
	struct image *image;

	assert_int_equal(store_find(f->store, name, &image, &f->err), IMAGE_ABSENT);
}

static size_t count_entries(struct fixture *f, const char *dir)
{
	cleanup_closedir DIR *stream = NULL;
	struct dirent *e;
	size_t n = 0;
	int fd = openat(f->dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	stream = fdopendir(fd);
	assert_non_null(stream);
	while ((e = readdir(stream)))
		n += *e->d_name != '.';
	return n;
}

/* ---- opening ---- */

static void test_open(void **state)
{
	struct fixture *f = *state;
	struct store *again;
	struct stat st;

	assert_int_equal(fstatat(f->dirfd, "layers", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(store_open(f->dirfd, NULL, &again, &f->err), 0);
	store_free(again);
	assert_int_equal(
		fd_replace_file(f->dirfd, "version", "2\n", 2, 0600, FD_NO_SYNC), 0);
	assert_int_equal(store_open(f->dirfd, NULL, &again, &f->err), -EPROTONOSUPPORT);
	assert_non_null(strstr(f->err.hint, "newer"));
	assert_int_equal(
		fd_replace_file(f->dirfd, "version", "x\n", 2, 0600, FD_NO_SYNC), 0);
	assert_int_equal(store_open(f->dirfd, NULL, &again, &f->err), -EINVAL);
}

static void test_foreign_store(void **state)
{
	struct fixture *f = *state;
	struct store *again;

	assert_int_equal(fchmod(f->dirfd, 0777), 0);
	assert_int_equal(store_open(f->dirfd, NULL, &again, &f->err), -EPERM);
	assert_int_equal(fchmod(f->dirfd, 0700), 0);
	if (geteuid() != 0)
		skip();
	assert_int_equal(fchown(f->dirfd, 12345, 12345), 0);
	assert_int_equal(store_open(f->dirfd, NULL, &again, &f->err), -EPERM);
}

/* ---- finding ---- */

static void test_find(void **state)
{
	struct fixture *f = *state;
	cleanup_image struct image *image = NULL;
	char id[DIGEST_MAX], prefix[16], manifest[DIGEST_MAX], by_digest[256];

	put_image(f, "one", base_and_app, 1, id);
	tag(f, id, "app:1");
	assert_found(f, "app:1", id);
	assert_found(f, "docker.io/library/app:1", id);
	assert_found(f, id, id);
	assert_found(f, digest_hex(id), id);
	(void)snprintf(prefix, sizeof(prefix), "%.12s", digest_hex(id));
	assert_found(f, prefix, id);
	hash_of("one", 3, manifest);
	assert_found(f, manifest, id);
	(void)snprintf(by_digest, sizeof(by_digest), "app:1@%s", manifest);
	assert_found(f, by_digest, id);
	assert_absent(f, "app");
	assert_absent(f, "app:2");
	assert_absent(f,
		"sha256:ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
	assert_int_equal(store_find(f->store, "No/Such Name", &image, &f->err), -EINVAL);
	assert_int_equal(store_find(f->store, "app:1", &image, &f->err), 0);
	assert_int_equal(image->layer_count, 2);
	assert_int_equal(image->size, 2000);
	assert_string_equal(image->config.os, "linux");
	assert_string_equal(image->layers[1].diff_id, image->config.diff_ids[1]);
}

static void test_ambiguous(void **state)
{
	struct fixture *f = *state;
	struct image *image;
	char id[DIGEST_MAX], label[24], prefix[16];

	/* 17 images: two ids begin with the same digit. */
	for (int i = 0; i < 17; i++) {
		(void)snprintf(label, sizeof(label), "image-%d", i);
		put_image(f, label, base_only, i, id);
	}
	for (int digit = 0; digit < 16; digit++) {
		int r;

		(void)snprintf(prefix, sizeof(prefix), "%x", digit);
		r = store_find(f->store, prefix, &image, &f->err);
		if (r == 0)
			image_free(image);
		if (r != -EINVAL)
			continue;
		assert_non_null(strstr(f->err.text, "is ambiguous"));
		return;
	}
	fail_msg("no prefix was ambiguous");
}

static void test_list(void **state)
{
	struct fixture *f = *state;
	char ids[3][DIGEST_MAX];
	struct image **images;
	size_t count;

	put_image(f, "old", base_only, 100, ids[0]);
	put_image(f, "new", base_only, 300, ids[1]);
	put_image(f, "mid", base_and_app, 200, ids[2]);
	tag(f, ids[2], "b:1");
	tag(f, ids[2], "a:1");
	tag(f, ids[0], "c:1");
	assert_int_equal(store_list(f->store, &images, &count, &f->err), 0);
	assert_int_equal(count, 3);
	assert_string_equal(images[0]->id, ids[1]);
	assert_string_equal(images[1]->id, ids[2]);
	assert_string_equal(images[2]->id, ids[0]);
	assert_int_equal(strv_len(images[1]->names), 2);
	assert_string_equal(images[1]->names[0], "docker.io/library/a:1");
	assert_null(images[0]->names);
	assert_int_equal(strv_len(images[2]->names), 1);
	assert_string_equal(images[2]->names[0], "docker.io/library/c:1");
	for (size_t i = 0; i < count; i++)
		image_free(images[i]);
	free(images);
}

static void test_damaged(void **state)
{
	struct fixture *f = *state;
	char id[DIGEST_MAX], path[STORE_PATH_MAX];
	struct store_gc_report report;
	cleanup_strv strv removed = NULL;
	struct image *image;

	put_image(f, "one", base_only, 1, id);
	tag(f, id, "one");
	(void)store_path(path, "blobs/sha256", digest_hex(id), "");
	assert_int_equal(fd_replace_file(f->dirfd, path, "{}", 2, 0600, FD_NO_SYNC), 0);
	assert_int_equal(store_find(f->store, "one", &image, &f->err), -EBADMSG);
	(void)store_path(path, "images", digest_hex(id), ".json");
	assert_int_equal(fd_replace_file(f->dirfd, path, "{", 1, 0600, FD_NO_SYNC), 0);
	assert_int_equal(store_find(f->store, "one", &image, &f->err), -EINVAL);
	/* What a damaged record would have kept is unknown: nothing is collected. */
	assert_true(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err) < 0);
	assert_int_equal(count_entries(f, "layers"), 1);
	/* But it can be removed. */
	assert_int_equal(store_untag(f->store, "one", NULL, false, &removed, &f->err), 0);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_int_equal(report.layers, 1);
	assert_int_equal(
		fd_replace_file(f->dirfd, "names.json", "[", 1, 0600, FD_NO_SYNC), 0);
	assert_int_equal(store_find(f->store, "one", &image, &f->err), -EINVAL);
	assert_non_null(strstr(f->err.text, "names.json"));
}

/* ---- names ---- */

static void test_names_move(void **state)
{
	struct fixture *f = *state;
	cleanup_strv strv names = NULL;
	char one[DIGEST_MAX], two[DIGEST_MAX];
	struct image *image;

	put_image(f, "one", base_only, 1, one);
	put_image(f, "two", base_only, 2, two);
	tag(f, one, "app");
	tag(f, one, "app:old");
	tag(f, two, "app");
	assert_found(f, "app", two);
	assert_found(f, "app:old", one);
	assert_int_equal(store_names(f->store, one, &names, &f->err), 0);
	assert_int_equal(strv_len(names), 1);
	assert_int_equal(store_load_image(f->store, one, &image, &f->err), 0);
	assert_int_equal(store_tag(f->store, image, "Bad Name", &f->err), -EINVAL);
	image_free(image);
}

static void test_untag(void **state)
{
	struct fixture *f = *state;
	cleanup_strv strv removed = NULL;
	char id[DIGEST_MAX];

	put_image(f, "one", base_only, 1, id);
	tag(f, id, "a");
	tag(f, id, "b");
	assert_int_equal(
		store_untag(f->store, "c", NULL, false, &removed, &f->err), -ENOENT);
	assert_int_equal(
		store_untag(f->store, id, NULL, false, &removed, &f->err), -EBUSY);
	assert_null(removed);
	assert_int_equal(store_untag(f->store, "a", NULL, false, &removed, &f->err), 0);
	assert_string_equal(removed[0], "Untagged: docker.io/library/a:latest");
	assert_int_equal(strv_len(removed), 1);
	assert_found(f, "b", id);
	assert_int_equal(store_untag(f->store, "b", NULL, false, &removed, &f->err), 0);
	assert_int_equal(strv_len(removed), 3);
	assert_non_null(strstr(removed[2], id));
	assert_absent(f, id);
}

static void test_untag_used(void **state)
{
	struct fixture *f = *state;
	cleanup_strv strv removed = NULL;
	struct store_gc_report report;
	char id[DIGEST_MAX];
	char *used[] = { id, NULL };

	put_image(f, "one", base_only, 1, id);
	tag(f, id, "a");
	tag(f, id, "b");
	assert_int_equal(
		store_untag(f->store, digest_hex(id), used, false, &removed, &f->err),
		-EBUSY);
	assert_int_equal(store_untag(f->store, id, used, true, &removed, &f->err), 0);
	assert_int_equal(strv_len(removed), 2);
	assert_absent(f, "a");
	assert_found(f, id, id);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, used, &report, &f->err), 0);
	assert_found(f, id, id);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_int_equal(report.images, 1);
	assert_absent(f, id);
}

/* ---- collecting ---- */

static void test_gc(void **state)
{
	struct fixture *f = *state;
	cleanup_strv strv removed = NULL;
	struct store_gc_report report;
	char base[DIGEST_MAX], app[DIGEST_MAX], found[DIGEST_MAX];
	static const char key[] =
		"0000000000000000000000000000000000000000000000000000000000000000";

	put_image(f, "base", base_only, 1, base);
	put_image(f, "app", base_and_app, 2, app);
	tag(f, base, "base");
	assert_int_equal(store_put_source(f->store, key, app, &f->err), 0);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNREFERENCED, NULL, NULL, &report, &f->err),
		0);
	assert_int_equal(report.images + report.layers + report.blobs, 0);
	assert_int_equal(store_find_source(f->store, key, found), 0);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_int_equal(report.images, 1);
	assert_int_equal(report.layers, 1);
	assert_int_equal(report.blobs, 2);
	assert_int_equal(report.bytes, 1000);
	assert_int_equal(store_find_source(f->store, key, found), IMAGE_ABSENT);
	assert_found(f, "base", base);
	assert_int_equal(count_entries(f, "layers"), 1);
	assert_int_equal(count_entries(f, "tmp"), 0);
}

static void test_lease(void **state)
{
	struct fixture *f = *state;
	cleanup_image struct image *image = NULL;
	cleanup_strv strv removed = NULL;
	struct store_gc_report report;
	int fds[IMAGE_LAYERS_MAX], lease_fd = -1, again = -1;
	char id[DIGEST_MAX];

	put_image(f, "one", base_and_app, 1, id);
	assert_int_equal(store_load_image(f->store, id, &image, &f->err), 0);
	assert_int_equal(store_open_layers(f->store, image, fds, &lease_fd, &f->err), 0);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_int_equal(report.images, 0);
	assert_int_equal(
		store_untag(f->store, id, NULL, false, &removed, &f->err), -EBUSY);
	(void)close(lease_fd);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_int_equal(report.images, 1);
	assert_int_equal(report.layers, 2);
	(void)close(fds[0]);
	(void)close(fds[1]);
	assert_int_equal(
		store_open_layers(f->store, image, fds, &again, &f->err), -ENOENT);
}

/* A layer that an import counts on stays, though no image has it yet. */
static void test_gc_beside_import(void **state)
{
	struct fixture *f = *state;
	struct store_gc_report report;
	char chain[DIGEST_MAX];
	int fd;

	hash_of("new", 3, chain);
	put_layer(f, chain, 10);
	assert_int_equal(store_hold_layer(f->store, chain, &fd, &f->err), 0);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_int_equal(report.layers, 0);
	(void)close(fd);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_int_equal(report.layers, 1);
	assert_int_equal(store_hold_layer(f->store, chain, &fd, &f->err), IMAGE_ABSENT);
}

/* ---- tmp/ ---- */

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
	assert_int_equal(count_entries(f, "tmp"), 5);
	assert_int_equal(store_sweep(f->store, NULL, &count, &f->err), 0);
	assert_int_equal(count, 3);
	assert_int_equal(count_entries(f, "tmp"), 2);
	store_release_name(f->store, "layer-y", &lock_fd);
	(void)close(stage_fd);
	assert_int_equal(store_sweep(f->store, NULL, &count, &f->err), 0);
	assert_int_equal(count_entries(f, "tmp"), 0);
}

#define TAKERS 4
#define TURNS 200

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
	assert_int_equal(count_entries(f, "tmp"), 0);
}

/* Tagging, finding and collecting at once: each answer is right, nothing wanted goes. */
static void test_concurrent(void **state)
{
	struct fixture *f = *state;
	struct store_gc_report report;
	char id[DIGEST_MAX], name[32];
	pid_t pids[TAKERS];
	int status;

	put_image(f, "one", base_and_app, 1, id);
	tag(f, id, "keep");
	for (int i = 0; i < TAKERS; i++) {
		pids[i] = fork();
		if (pids[i] != 0)
			continue;
		for (int n = 0; n < 20; n++) {
			(void)snprintf(name, sizeof(name), "app:%d-%d", i, n);
			tag(f, id, name);
			assert_found(f, "keep", id);
			assert_int_equal(store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL,
						 &report, &f->err),
				0);
		}
		_exit(0);
	}
	for (int i = 0; i < TAKERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	for (int i = 0; i < TAKERS; i++) {
		(void)snprintf(name, sizeof(name), "app:%d-19", i);
		assert_found(f, name, id);
	}
	assert_int_equal(count_entries(f, "layers"), 2);
}

static void use_at(struct fixture *f, const char *id, time_t when)
{
	struct timespec times[2] = { { .tv_sec = when }, { .tv_sec = when } };
	char path[STORE_PATH_MAX];

	(void)store_path(path, "images", digest_hex(id), ".json");
	assert_int_equal(utimensat(f->dirfd, path, times, 0), 0);
}

/* Judges; the images in the order of their last use must have these verdicts. */
static void assert_judged(struct fixture *f, struct store_budget budget,
	char *const *used, const enum store_verdict *want, uint64_t bytes_after)
{
	struct store_judgement all;

	assert_int_equal(store_judge(f->store, &budget, used, &all, &f->err), 0);
	assert_int_equal(all.count, 3);
	for (size_t i = 0; i < all.count; i++)
		assert_int_equal(all.images[i].verdict, want[i]);
	assert_int_equal(all.bytes, 3000);
	assert_int_equal(all.bytes_after, bytes_after);
	store_judgement_done(&all);
}

/* Two images share one layer of three, each of 1000 bytes. */
static void test_budget(void **state)
{
	static const char *const other[] = { "other", NULL };
	struct fixture *f = *state;
	char a[DIGEST_MAX], b[DIGEST_MAX], c[DIGEST_MAX], *used[] = { a, NULL };
	enum store_verdict want[3] = { VERDICT_NAMED, VERDICT_NAMED, VERDICT_UNNAMED };
	int lease_fd;

	put_image(f, "a", base_only, 1, a);
	put_image(f, "b", base_and_app, 2, b);
	put_image(f, "c", other, 3, c);
	tag(f, a, "a");
	tag(f, b, "b");
	use_at(f, a, 100);
	use_at(f, b, 200);
	use_at(f, c, 300);
	assert_judged(f, (struct store_budget){ 0 }, NULL, want, 3000);
	want[2] = VERDICT_GOES_UNNAMED;
	assert_judged(f, (struct store_budget){ 0, 0, true }, NULL, want, 2000);
	/* At the high mark nothing goes, above it all down to the low one. */
	want[0] = want[1] = want[2] = VERDICT_FITS;
	assert_judged(f, (struct store_budget){ 3000, 10, false }, NULL, want, 3000);
	want[0] = want[1] = VERDICT_GOES_UNUSED;
	assert_judged(f, (struct store_budget){ 2999, 1000, false }, NULL, want, 1000);
	/* What is in use keeps the layer that it shares. */
	want[0] = VERDICT_IN_USE;
	assert_judged(f, (struct store_budget){ 2999, 2000, false }, used, want, 2000);
	assert_int_equal(store_lease(f->store, a, false, &lease_fd, &f->err), 0);
	assert_judged(f, (struct store_budget){ 2999, 2000, false }, NULL, want, 2000);
	(void)close(lease_fd);
	/* A launch makes it the most recent. */
	use_at(f, a, 400);
	want[0] = VERDICT_GOES_UNUSED;
	want[1] = VERDICT_FITS;
	assert_judged(f, (struct store_budget){ 2999, 2000, false }, NULL, want, 2000);
}

static void test_evict(void **state)
{
	struct fixture *f = *state;
	char id[DIGEST_MAX], *used[] = { id, NULL };
	cleanup_strv strv removed = NULL;
	struct image *image;

	put_image(f, "one", base_only, 1, id);
	tag(f, id, "one");
	tag(f, id, "two");
	assert_int_equal(store_evict(f->store, id, used, &removed, &f->err), -EBUSY);
	assert_found(f, "two", id);
	assert_int_equal(store_evict(f->store, id, NULL, &removed, &f->err), 0);
	assert_int_equal(strv_len(removed), 3);
	assert_int_equal(store_find(f->store, "two", &image, &f->err), IMAGE_ABSENT);
	assert_int_equal(store_evict(f->store, id, NULL, &removed, &f->err), -ENOENT);
}

/* One bit of a file of the store turns. */
static void rot(struct fixture *f, const char *dir, const char *hex, const char *suffix)
{
	char path[STORE_PATH_MAX], c;
	int fd;

	fd = openat(f->dirfd, store_path(path, dir, hex, suffix), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &c, 1, 0), 1);
	c ^= 1;
	assert_int_equal(pwrite(fd, &c, 1, 0), 1);
	(void)close(fd);
}

/* Checks the store: `count` findings, one of which says `want`. */
static void assert_findings(
	struct fixture *f, char *const *used, size_t count, const char *want)
{
	struct store_fsck_report report = { 0 };
	bool is_said = !want;

	assert_int_equal(store_fsck(f->store, used, &report, &f->err), 0);
	strv_each (finding, report.findings)
		is_said = is_said || strstr(*finding, want);
	assert_int_equal(strv_len(report.findings), count);
	assert_true(is_said);
	store_fsck_report_done(&report);
}

static void test_fsck_config(void **state)
{
	struct fixture *f = *state;
	struct store_gc_report report;
	char one[DIGEST_MAX], two[DIGEST_MAX];
	struct image *image;

	put_image(f, "one", base_only, 1, one);
	put_image(f, "two", base_and_app, 2, two);
	tag(f, one, "one");
	tag(f, two, "two");
	assert_findings(f, NULL, 0, NULL);
	rot(f, "blobs/sha256", digest_hex(one), "");
	/* The blob, the image that has it, and its name. */
	assert_findings(f, NULL, 3, digest_hex(one));
	assert_int_equal(count_entries(f, "quarantine"), 2);
	assert_int_equal(store_find(f->store, "one", &image, &f->err), IMAGE_ABSENT);
	assert_found(f, "two", two);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNREFERENCED, NULL, NULL, &report, &f->err),
		0);
	assert_int_equal(count_entries(f, "quarantine"), 0);
	put_image(f, "one", base_only, 1, one);
	assert_findings(f, NULL, 0, NULL);
}

static void test_fsck_manifest(void **state)
{
	struct fixture *f = *state;
	char id[DIGEST_MAX], manifest[DIGEST_MAX];

	put_image(f, "one", base_only, 1, id);
	tag(f, id, "one");
	hash_of("one", 3, manifest);
	rot(f, "blobs/sha256", digest_hex(manifest), "");
	assert_findings(f, NULL, 2, "lost its manifest");
	assert_found(f, "one", id);
}

/* A record in use protects the layers, whatever it is worth. */
static void test_fsck_used(void **state)
{
	struct fixture *f = *state;
	char id[DIGEST_MAX], *used[] = { id, NULL };
	int lease_fd;

	put_image(f, "one", base_only, 1, id);
	rot(f, "images", digest_hex(id), ".json");
	assert_findings(f, used, 1, "while a container uses it");
	assert_int_equal(store_lease(f->store, id, false, &lease_fd, &f->err), 0);
	assert_findings(f, NULL, 1, "while a container uses it");
	assert_int_equal(count_entries(f, "images"), 1);
	(void)close(lease_fd);
	assert_findings(f, NULL, 1, "quarantine");
	assert_int_equal(count_entries(f, "images"), 0);
}

static void test_fsck_names(void **state)
{
	struct fixture *f = *state;
	char id[DIGEST_MAX];

	put_image(f, "one", base_only, 1, id);
	tag(f, id, "one");
	rot(f, ".", "names.json", "");
	assert_findings(f, NULL, 1, "names.json");
	assert_findings(f, NULL, 0, NULL);
}

static void test_fsck_layer(void **state)
{
	struct fixture *f = *state;
	char id[DIGEST_MAX], path[STORE_PATH_MAX];
	struct image *image;

	put_image(f, "one", base_only, 1, id);
	assert_int_equal(store_load_image(f->store, id, &image, &f->err), 0);
	(void)store_path(path, "layers", digest_hex(image->layers[0].chain_id), "");
	image_free(image);
	assert_int_equal(fd_remove_tree(f->dirfd, path), 0);
	assert_findings(f, NULL, 1, "unpacked layer");
}

#define store_test(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(test_open),
		store_test(test_foreign_store),
		store_test(test_find),
		store_test(test_ambiguous),
		store_test(test_list),
		store_test(test_damaged),
		store_test(test_names_move),
		store_test(test_untag),
		store_test(test_untag_used),
		store_test(test_gc),
		store_test(test_lease),
		store_test(test_gc_beside_import),
		store_test(test_sweep),
		store_test(test_names_exclude),
		store_test(test_concurrent),
		store_test(test_budget),
		store_test(test_evict),
		store_test(test_fsck_config),
		store_test(test_fsck_manifest),
		store_test(test_fsck_used),
		store_test(test_fsck_names),
		store_test(test_fsck_layer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
