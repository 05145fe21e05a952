/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/fd.h"
#include "images/store-durable.h"
#include "images/store-tmp.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* One store, seen from the boot in which things are made and from the next one. */
struct fixture {
	char path[32];
	int dirfd;
	struct store *store, *later;
	char chain[DIGEST_MAX];
	struct err err;
};

static struct store *open_at_boot(struct fixture *f, const char *boot_id)
{
	struct store *store;

	assert_int_equal(store_open(f->dirfd, NULL, &store, &f->err), 0);
	(void)snprintf(store->boot_id, sizeof(store->boot_id), "%s", boot_id);
	return store;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->dirfd = unit_tmpdir(f->path);
	f->store = open_at_boot(f, "boot-1");
	f->later = open_at_boot(f, "boot-2");
	hash_of("layer", 5, f->chain);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int lock_fd;

	assert_int_equal(store_lock_layers(f->store, &lock_fd, &f->err), 0);
	store_free(f->store);
	store_free(f->later);
	(void)close(f->dirfd);
	assert_int_equal(fd_remove_tree(AT_FDCWD, f->path), 0);
	(void)close(lock_fd);
	free(f);
	return 0;
}

/* As an import does it; `content` becomes a file in the layer. */
static void commit(struct fixture *f, struct store *store, const char *content)
{
	char stage[STORE_NAME_MAX], path[STORE_PATH_MAX];
	int stage_fd, layer_fd;

	assert_int_equal(store_stage(store, "import-", stage, &stage_fd, &f->err), 0);
	layer_fd = fd_mkdir_open(stage_fd, "layer-0", 0700);
	assert_true(layer_fd >= 0);
	assert_int_equal(mkdirat(layer_fd, "fs", 0755), 0);
	assert_int_equal(fd_replace_file(layer_fd, "fs/content", content, strlen(content),
				 0600, FD_NO_SYNC),
		0);
	assert_int_equal(
		store_commit_layer(store, stage_fd, "layer-0", f->chain, &f->err), 0);
	(void)store_path(path, "tmp", stage, "");
	assert_int_equal(fd_remove_tree(f->dirfd, path), 0);
	(void)close(layer_fd);
	(void)close(stage_fd);
}

static enum layer_state state_in(struct fixture *f, struct store *store)
{
	return store_layer_state(store, digest_hex(f->chain));
}

/* Until nobody flushes. */
static void wait_for_flush(struct fixture *f)
{
	int fd;

	assert_int_equal(store_lock_layers(f->store, &fd, &f->err), 0);
	(void)close(fd);
}

static void assert_content(struct fixture *f, const char *want)
{
	char path[STORE_PATH_MAX];
	cleanup_free char *text = NULL;

	(void)store_path(path, "layers", digest_hex(f->chain), "/fs/content");
	assert_int_equal(fd_read_file(f->dirfd, path, 100, &text, NULL), 0);
	assert_string_equal(text, want);
}

static void test_states(void **state)
{
	struct fixture *f = *state;
	int fd;

	commit(f, f->store, "one");
	assert_int_equal(state_in(f, f->store), LAYER_CACHED);
	assert_int_equal(state_in(f, f->later), LAYER_LOST);
	assert_int_equal(
		store_hold_layer(f->later, f->chain, &fd, &f->err), IMAGE_ABSENT);
	store_flush_later(f->store, true);
	wait_for_flush(f);
	assert_int_equal(state_in(f, f->store), LAYER_DURABLE);
	assert_int_equal(state_in(f, f->later), LAYER_DURABLE);
	assert_int_equal(store_hold_layer(f->later, f->chain, &fd, &f->err), 0);
	(void)close(fd);
}

/* The next boot neither trusts what was not flushed nor calls it so, but replaces it. */
static void test_lost(void **state)
{
	struct fixture *f = *state;
	struct image_layer layer = { 0 };
	struct image image = { .layers = &layer, .layer_count = 1, .lease_fd = -1 };
	int fds[IMAGE_LAYERS_MAX], lease_fd;

	commit(f, f->store, "one");
	store_flush_later(f->later, true);
	wait_for_flush(f);
	assert_int_equal(state_in(f, f->later), LAYER_LOST);
	memcpy(layer.chain_id, f->chain, sizeof(layer.chain_id));
	memcpy(image.id, f->chain, sizeof(image.id));
	assert_false(store_has_layers(f->later, &image));
	image.lease_fd = open(f->path, O_PATH | O_CLOEXEC);
	assert_int_equal(
		store_open_layers(f->later, &image, fds, &lease_fd, &f->err), -ENODATA);
	assert_non_null(strstr(f->err.hint, "archive"));
	commit(f, f->later, "two");
	assert_int_equal(state_in(f, f->later), LAYER_CACHED);
	assert_content(f, "two");
	assert_int_equal(store_open_layers(f->later, &image, fds, &lease_fd, &f->err), 0);
	(void)close(fds[0]);
	(void)close(lease_fd);
	(void)close(image.lease_fd);
	wait_for_flush(f);
	assert_int_equal(state_in(f, f->store), LAYER_DURABLE);
}

/* An import that ends while another's layers are being flushed: its own are not forgotten. */
static void test_while_flushing(void **state)
{
	struct fixture *f = *state;
	int lock_fd;

	assert_int_equal(store_lock_layers(f->store, &lock_fd, &f->err), 0);
	commit(f, f->store, "one");
	store_flush_later(f->store, false);
	store_flush_later(f->store, true);
	assert_int_equal(state_in(f, f->store), LAYER_CACHED);
	(void)close(lock_fd);
	for (int i = 0; i < 1000 && state_in(f, f->store) == LAYER_CACHED; i++)
		(void)usleep(10000);
	assert_int_equal(state_in(f, f->store), LAYER_DURABLE);
}

/* Its caller has no child left, and a collection waits for it. */
static void test_detached(void **state)
{
	struct fixture *f = *state;
	struct store_gc_report report;

	commit(f, f->store, "one");
	store_flush_later(f->store, true);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(
		store_gc(f->store, STORE_GC_UNNAMED, NULL, NULL, &report, &f->err), 0);
	assert_int_equal(report.layers, 1);
}

#define durable_test(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		durable_test(test_states),
		durable_test(test_lost),
		durable_test(test_while_flushing),
		durable_test(test_detached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
