/* SPDX-License-Identifier: Apache-2.0 */
#include "images/store-private.h"
#include "images/store-blobs.h"
#include "images/store-durable.h"
#include "images/store-steps.h"

#include "common/fd.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define SIZE_TEXT_MAX 32

/* What an EROFS image pointed into is not there any more. */
static bool has_other_archive(const char *key, int fd)
{
	return digest_hex(key)[HASH_HEX_MAX - 1] && !layer_form_is_whole(fd);
}

int store_hold_layer(struct store *store, const char *key, int *ret_fd, struct err *err)
{
	cleanup_close int fd = -1;
	char path[STORE_PATH_MAX];
	int r;

	(void)store_path(path, "layers", digest_hex(key), "");
	fd = openat(store->dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? IMAGE_ABSENT
				       : err_set(err, errno, "open %s", path);
	r = fd_lock(fd, false, true);
	if (r < 0)
		return err_set(err, -r, "lock %s of the image store", path);
	if (!store_is_in_place(store, path, fd) || has_other_archive(key, fd) ||
		store_layer_state(store, digest_hex(key)) == LAYER_LOST)
		return IMAGE_ABSENT;
	*ret_fd = take_fd(&fd);
	return 0;
}

int store_layer_size(int layer_fd, uint64_t *ret)
{
	char text[SIZE_TEXT_MAX];
	int r;

	r = fd_read_kernel_file(layer_fd, "size", text, sizeof(text));
	return r < 0 ? r : str_to_u64(text, ret);
}

int store_set_layer_size(int layer_fd, uint64_t size)
{
	cleanup_close int fd = -1;
	char text[SIZE_TEXT_MAX];
	int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)size);

	fd = openat(layer_fd, "size",
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd_write_all(fd, text, (size_t)n);
}

/* What a power cut left of the layer goes with the staging directory. */
static int replace_lost(
	struct store *store, int stage_dirfd, const char *name, const char *path)
{
	if (renameat(store->dirfd, path, stage_dirfd, path_base(path)) < 0 &&
		errno != ENOENT)
		return -errno;
	return renameat(stage_dirfd, name, store->dirfd, path) < 0 ? -errno : 0;
}

int store_commit_layer(struct store *store, int stage_dirfd, const char *name,
	const char *key, struct err *err)
{
	char path[STORE_PATH_MAX];
	int r;

	(void)store_path(path, "layers", digest_hex(key), "");
	r = store_mark_cached(store, stage_dirfd, name, err);
	if (r < 0)
		return r;
	r = store_step(STEP_LAYER_COMMIT);
	if (r == 0 && renameat(stage_dirfd, name, store->dirfd, path) < 0)
		r = -errno;
	if (r == -ENOTEMPTY || r == -EEXIST)
		r = replace_lost(store, stage_dirfd, name, path);
	return r < 0 ? err_set(err, -r, "put %s into the image store", path) : 0;
}

int store_hold_any_layer(
	struct store *store, const char *chain_id, int *ret_fd, struct err *err)
{
	char key[LAYER_KEY_MAX];
	int r = store_hold_layer(store, chain_id, ret_fd, err);

	return r == IMAGE_ABSENT
		       ? store_hold_layer(store,
				 layer_key(chain_id, LAYER_FORM_EROFS, key), ret_fd, err)
		       : r;
}

static int open_directory(struct store *store, const char *hex)
{
	char path[STORE_PATH_MAX];

	return openat(store->dirfd, store_path(path, "layers", hex, ""),
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool has_layer(
	struct store *store, const struct image_layer *layer, enum layer_form form)
{
	char key[LAYER_KEY_MAX];
	const char *hex = digest_hex(layer_key(layer->chain_id, form, key));
	cleanup_close int fd = open_directory(store, hex);

	return fd >= 0 && layer_form_is_whole(fd) &&
	       store_layer_state(store, hex) != LAYER_LOST;
}

static bool has_layer_form(
	struct store *store, const struct image_layer *layer, enum layer_form form)
{
	if (form != LAYER_FORM_ANY)
		return has_layer(store, layer, form);
	return has_layer(store, layer, LAYER_FORM_DIRECTORY) ||
	       has_layer(store, layer, LAYER_FORM_EROFS);
}

bool store_has_form(struct store *store, const struct image *image, enum layer_form form)
{
	if (image->artifact_type)
		return store_has_blobs(store, image);
	for (size_t i = 0; i < image->layer_count; i++) {
		if (!has_layer_form(store, &image->layers[i], form))
			return false;
	}
	return true;
}

bool store_has_layers(struct store *store, const struct image *image)
{
	return store_has_form(store, image, LAYER_FORM_ANY);
}

static int reload_hint(struct err *err)
{
	return err_hint(err,
		"Load its archive again, or remove the image with `ucrctl rmi --force`.");
}

/* Directories are preferred: anybody can use them. Of what is of no use any more the error
 * says why. */
static enum layer_form form_of(struct store *store, const struct image_layer *layer)
{
	char key[LAYER_KEY_MAX];
	cleanup_close int fd = -1;

	if (has_layer(store, layer, LAYER_FORM_DIRECTORY))
		return LAYER_FORM_DIRECTORY;
	(void)layer_key(layer->chain_id, LAYER_FORM_EROFS, key);
	fd = open_directory(store, digest_hex(key));
	return fd >= 0 ? LAYER_FORM_EROFS : LAYER_FORM_DIRECTORY;
}

static int open_layer(struct store *store, const struct image_layer *layer,
	enum layer_form form, bool *has_cached, struct err *err)
{
	char key[LAYER_KEY_MAX];
	const char *hex;
	cleanup_close int dirfd = -1;
	enum layer_state state;
	int fd = -1, r;

	if (form == LAYER_FORM_ANY)
		form = form_of(store, layer);
	hex = digest_hex(layer_key(layer->chain_id, form, key));
	state = store_layer_state(store, hex);
	if (state == LAYER_LOST) {
		(void)err_say(err, ENODATA,
			"layer %.12s of the image was not on the disk yet when the machine stopped",
			hex);
		return reload_hint(err);
	}
	dirfd = open_directory(store, hex);
	r = dirfd < 0 ? err_set(err, errno, "open it") : layer_form_open(dirfd, &fd, err);
	if (r < 0) {
		(void)err_wrap(err, "layers/%s of the image store", hex);
		return reload_hint(err);
	}
	*has_cached = *has_cached || state == LAYER_CACHED;
	return fd;
}

/* The image's own lease is good for the layers too. */
static int lease_layers(
	struct store *store, const struct image *image, int *ret_fd, struct err *err)
{
	int r;

	if (image->lease_fd >= 0) {
		*ret_fd = fcntl(image->lease_fd, F_DUPFD_CLOEXEC, 3);
		return *ret_fd < 0 ? err_set(err, errno, "keep image %.12s",
					     digest_hex(image->id))
				   : 0;
	}
	r = store_lease(store, image->id, false, ret_fd, err);
	return r == IMAGE_ABSENT
		       ? err_say(err, ENOENT, "image %.12s was removed meanwhile",
				 digest_hex(image->id))
		       : r;
}

int store_open_form(struct store *store, const struct image *image, enum layer_form form,
	int ret_fds[IMAGE_LAYERS_MAX], int *ret_lease_fd, struct err *err)
{
	cleanup_close int lease_fd = -1;
	bool has_cached = false;
	size_t n;
	int r;

	r = lease_layers(store, image, &lease_fd, err);
	if (r < 0)
		return r;
	for (n = 0; n < image->layer_count; n++) {
		ret_fds[n] = open_layer(store, &image->layers[n], form, &has_cached, err);
		if (ret_fds[n] < 0)
			break;
	}
	if (n < image->layer_count) {
		r = ret_fds[n];
		while (n-- > 0)
			(void)close(take_fd(&ret_fds[n]));
		return r;
	}
	/* When the image was last used: gc goes by that. A store that cannot be written to
	 * is used all the same. */
	(void)!futimens(lease_fd, NULL);
	if (has_cached)
		store_flush_later(store, false);
	*ret_lease_fd = take_fd(&lease_fd);
	return 0;
}

int store_open_layers(struct store *store, const struct image *image,
	int ret_fds[IMAGE_LAYERS_MAX], int *ret_lease_fd, struct err *err)
{
	return store_open_form(store, image, LAYER_FORM_ANY, ret_fds, ret_lease_fd, err);
}
