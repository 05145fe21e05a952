/* SPDX-License-Identifier: Apache-2.0 */
#include "images/store-private.h"
#include "images/store-durable.h"
#include "images/store-steps.h"

#include "common/fd.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define SIZE_TEXT_MAX 32

int store_hold_layer(
	struct store *store, const char *chain_id, int *ret_fd, struct err *err)
{
	cleanup_close int fd = -1;
	char path[STORE_PATH_MAX];
	int r;

	(void)store_path(path, "layers", digest_hex(chain_id), "");
	fd = openat(store->dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? IMAGE_ABSENT
				       : err_set(err, errno, "open %s", path);
	r = fd_lock(fd, false, true);
	if (r < 0)
		return err_set(err, -r, "lock %s of the image store", path);
	if (!store_is_in_place(store, path, fd) ||
		store_layer_state(store, digest_hex(chain_id)) == LAYER_LOST)
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
	const char *chain_id, struct err *err)
{
	char path[STORE_PATH_MAX];
	int r;

	(void)store_path(path, "layers", digest_hex(chain_id), "");
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

bool store_has_layers(struct store *store, const struct image *image)
{
	char path[STORE_PATH_MAX];

	for (size_t i = 0; i < image->layer_count; i++) {
		const char *hex = digest_hex(image->layers[i].chain_id);

		(void)store_path(path, "layers", hex, "/fs");
		if (faccessat(store->dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 ||
			store_layer_state(store, hex) == LAYER_LOST)
			return false;
	}
	return true;
}

static int reload_hint(struct err *err)
{
	return err_hint(err,
		"Load its archive again, or remove the image with `ucrctl rmi --force`.");
}

static int open_layer(struct store *store, const struct image_layer *layer,
	bool *has_cached, struct err *err)
{
	const char *hex = digest_hex(layer->chain_id);
	enum layer_state state = store_layer_state(store, hex);
	char path[STORE_PATH_MAX];
	int fd;

	(void)store_path(path, "layers", hex, "/fs");
	if (state == LAYER_LOST) {
		(void)err_say(err, ENODATA,
			"layer %.12s of the image was not on the disk yet when the machine stopped",
			hex);
		return reload_hint(err);
	}
	fd = openat(store->dirfd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		(void)err_set(err, errno, "open %s of the image store", path);
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

int store_open_layers(struct store *store, const struct image *image,
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
		ret_fds[n] = open_layer(store, &image->layers[n], &has_cached, err);
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
