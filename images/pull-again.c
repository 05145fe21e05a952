/* SPDX-License-Identifier: Apache-2.0 */
/* A pull of an image that the store has, from the documents and layers that were kept of it: no
 * registry is asked, and a layer that is needed and was not kept is an error. */
#include "images/pull-private.h"

#include <errno.h>
#include <fcntl.h>

static int load_blob(
	struct store *store, const char *digest, struct import_blob *ret, struct err *err)
{
	char path[STORE_PATH_MAX];
	cleanup_close int fd = -1;
	int r;

	(void)store_path(path, "blobs/sha256", digest_hex(digest), "");
	fd = openat(store->dirfd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open %s of the image store", path);
	r = import_read_blob(fd, ret, err);
	if (r == 0 && !str_eq(ret->digest, digest))
		r = err_say(err, EBADMSG, "%s of the image store is damaged", path);
	return r;
}

static int take_layers(struct pull *pull, const struct image *image, struct err *err)
{
	for (size_t i = 0; i < image->blob_count; i++) {
		struct image_blob *blob = &pull->layers[i].blob;

		*blob = image->blobs[i];
		blob->media_type = NULL;
		pull->layer_count = i + 1;
		if (str_set(&blob->media_type, image->blobs[i].media_type) < 0)
			return err_oom(err);
	}
	return 0;
}

int pull_open_again(struct import *import, struct err *err)
{
	const struct image *image = import->request->again;
	struct pull *pull;
	int r;

	if (!image->blob_count || image->blob_count > IMAGE_LAYERS_MAX ||
		image->blob_count != image->layer_count || !*image->manifest_digest)
		return err_say(err, ENOENT, "none of its layers was kept as it came");
	pull = calloc(1, sizeof(*pull));
	if (!pull)
		return err_oom(err);
	pull->fetcher.socket_fd = pull->lock_fd = -1;
	pull->is_over = true;
	import->pull = pull;
	r = load_blob(import->store, image->manifest_digest, &pull->manifest, err);
	if (r == 0)
		r = load_blob(import->store, image->id, &pull->config, err);
	return r < 0 ? r : take_layers(pull, image, err);
}
