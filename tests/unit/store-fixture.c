/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store-fixture.h"

#include "common/fd.h"
#include "images/store-durable.h"
#include "images/store-tmp.h"

#include <stdio.h>
#include <sys/stat.h>

const char *const base_only[] = { "base", NULL };
const char *const base_and_app[] = { "base", "app", NULL };

int store_set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->dirfd = unit_tmpdir(f->path);
	assert_int_equal(store_open(f->dirfd, NULL, &f->store, &f->err), 0);
	*state = f;
	return 0;
}

int store_tear_down(void **state)
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

void put_layer(struct fixture *f, const char *chain_id, uint64_t size)
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
void put_image(struct fixture *f, const char *label, const char *const *contents,
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

void tag(struct fixture *f, const char *id, const char *name)
{
	struct image *image;

	assert_int_equal(store_load_image(f->store, id, &image, &f->err), 0);
	assert_int_equal(store_tag(f->store, image, name, &f->err), 0);
	image_free(image);
}

void assert_found(struct fixture *f, const char *name, const char *id)
{
	cleanup_image struct image *image = NULL;

	assert_int_equal(store_find(f->store, name, &image, &f->err), 0);
	assert_string_equal(image->id, id);
}

void assert_absent(struct fixture *f, const char *name)
{
	struct image *image;

	assert_int_equal(store_find(f->store, name, &image, &f->err), IMAGE_ABSENT);
}

/* One bit of a file of the store turns. */
void rot(struct fixture *f, const char *dir, const char *hex, const char *suffix)
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
