/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a pull: the layout that ucr-unpack reads, the downloads, the kept blobs. */
#include "images/pull-private.h"

#include "common/fd.h"
#include "common/json-writer.h"
#include "images/store-blobs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define LAYOUT_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}\n"

static int write_file(
	int dirfd, const char *name, const void *data, size_t len, struct err *err)
{
	cleanup_close int fd = openat(
		dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fd_write_all(fd, data, len);

	return r < 0 ? err_set(err, -r, "write %s of the pulled image", name) : 0;
}

static int write_index(const struct pull *pull, int dirfd, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_object(&w, NULL);
	jw_u64(&w, "schemaVersion", 2);
	jw_array(&w, "manifests");
	jw_object(&w, NULL);
	if (pull->media_type)
		jw_string(&w, "mediaType", pull->media_type);
	jw_string(&w, "digest", pull->manifest.digest);
	jw_u64(&w, "size", pull->manifest.len);
	jw_object_end(&w);
	jw_array_end(&w);
	jw_object_end(&w);
	if (buf_finish(&b) < 0)
		return err_oom(err);
	return write_file(dirfd, "index.json", b.data, b.len, err);
}

static int make_directories(struct import *import, int *ret_fd, struct err *err)
{
	cleanup_close int layout = fd_mkdir_open(import->stage_fd, "layout", 0700);
	cleanup_close int blobs = layout < 0 ? -1 : fd_mkdir_open(layout, "blobs", 0700);

	import->blobs_fd = blobs < 0 ? -1 : fd_mkdir_open(blobs, "sha256", 0700);
	if (import->blobs_fd < 0)
		return err_set(err, errno, "make a staging directory in the image store");
	*ret_fd = take_fd(&layout);
	return 0;
}

/* Each layer has an empty file until it comes: there must be one. */
static int write_placeholders(const struct import *import, struct err *err)
{
	const struct pull *pull = import->pull;

	for (size_t i = 0; i < pull->layer_count; i++) {
		const char *hex = digest_hex(pull->layers[i].blob.digest);
		cleanup_close int fd = openat(import->blobs_fd, hex,
			O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (fd < 0)
			return err_set(err, errno, "make a file for layer %zu", i);
	}
	return 0;
}

int pull_stage(struct import *import, struct err *err)
{
	struct pull *pull = import->pull;
	cleanup_close int fd = -1;
	int r;

	r = make_directories(import, &fd, err);
	if (r == 0)
		r = write_placeholders(import, err);
	if (import->artifact) /* nobody is to read it as a layout */
		return r;
	if (r == 0)
		r = write_file(fd, "oci-layout", LAYOUT_TEXT, strlen(LAYOUT_TEXT), err);
	if (r == 0)
		r = write_index(pull, fd, err);
	if (r == 0)
		r = write_file(import->blobs_fd, digest_hex(pull->manifest.digest),
			pull->manifest.data, pull->manifest.len, err);
	if (r == 0)
		r = write_file(import->blobs_fd, digest_hex(pull->config.digest),
			pull->config.data, pull->config.len, err);
	if (r == 0)
		import->source.fd = take_fd(&fd);
	return r;
}

/* ---- layers ---- */

static const char *part_path(const struct pull_layer *layer, char ret[STORE_PATH_MAX])
{
	(void)snprintf(
		ret, STORE_PATH_MAX, "tmp/part-%s", digest_hex(layer->blob.digest));
	return ret;
}

/* Takes the place of what has the name. */
static int link_over(int from_dirfd, const char *from, int dirfd, const char *name)
{
	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	return linkat(from_dirfd, from, dirfd, name, 0) < 0 ? -errno : 0;
}

static bool take_from(
	struct import *import, const struct pull_layer *layer, const char *path)
{
	int dirfd = import->store->dirfd;

	return store_blob_is_intact(dirfd, path, &layer->blob) &&
	       link_over(dirfd, path, import->blobs_fd, digest_hex(layer->blob.digest)) ==
		       0;
}

/* A kept blob, or what a pull brought that did not come to its end. One that has rotted is
 * fetched again, and replaced by that. */
static bool take_stored(struct import *import, struct pull_layer *layer)
{
	char path[STORE_PATH_MAX];

	(void)store_path(path, "blobs/sha256", digest_hex(layer->blob.digest), "");
	return take_from(import, layer, path) ||
	       take_from(import, layer, store_whole_path(layer->blob.digest, path));
}

/* -1: another pull is at this very blob for another chain of layers. */
static int open_part(struct import *import, const struct pull_layer *layer)
{
	char path[STORE_PATH_MAX];
	cleanup_close int fd = openat(import->store->dirfd, part_path(layer, path),
		O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || fd_lock(fd, true, false) < 0 ||
		!store_is_in_place(import->store, path, fd))
		return -1;
	return take_fd(&fd);
}

int pull_open_blob(struct import *import, size_t n, int *ret_fd, struct err *err)
{
	struct pull_layer *layer = &import->pull->layers[n];

	*ret_fd = -1;
	if (take_stored(import, layer)) {
		layer->is_here = true;
		return 0;
	}
	layer->part_fd = open_part(import, layer);
	layer->is_part = layer->part_fd >= 0;
	if (!layer->is_part)
		layer->part_fd = openat(import->blobs_fd, digest_hex(layer->blob.digest),
			O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (layer->part_fd < 0)
		return err_set(err, errno, "make a file for layer %zu", n);
	*ret_fd = layer->part_fd;
	return 0;
}

/* The lock is held until the name is another one: who waits for it finds it gone. */
static int place_part(struct import *import, const struct pull_layer *layer)
{
	char part[STORE_PATH_MAX], whole[STORE_PATH_MAX];
	int dirfd = import->store->dirfd;

	if (renameat(dirfd, part_path(layer, part), dirfd,
		    store_whole_path(layer->blob.digest, whole)) < 0)
		return -errno;
	return link_over(dirfd, whole, import->blobs_fd, digest_hex(layer->blob.digest));
}

int pull_place_blob(struct import *import, size_t n, struct err *err)
{
	struct pull_layer *layer = &import->pull->layers[n];
	int r = 0;

	layer->is_here = true;
	if (layer->is_part) /* else it was downloaded into the layout itself */
		r = place_part(import, layer);
	(void)close(take_fd(&layer->part_fd));
	return r < 0 ? err_set(err, -r, "take layer %zu", n) : 0;
}

static int keep_blob(struct import *import, const struct pull_layer *layer)
{
	const char *hex = digest_hex(layer->blob.digest);
	struct stat st;

	if (fstatat(import->blobs_fd, hex, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		(uint64_t)st.st_size != layer->blob.size)
		return 0;
	return store_keep_blob(import->store, import->blobs_fd, &layer->blob);
}

int pull_commit(struct import *import, struct image *image, struct err *err)
{
	struct pull *pull = import->pull;
	int r = 0;

	image->blobs = calloc(pull->layer_count + 1, sizeof(*image->blobs));
	if (!image->blobs)
		return err_oom(err);
	for (size_t i = 0; r == 0 && i < pull->layer_count; i++) {
		image->blobs[image->blob_count++] = pull->layers[i].blob;
		r = keep_blob(import, &pull->layers[i]);
	}
	return r < 0 ? err_set(err, -r, "keep the layers as they were downloaded") : 0;
}
