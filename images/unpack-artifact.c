/* SPDX-License-Identifier: Apache-2.0 */
/* A layer of an artifact: no archive to unpack but a blob to copy, its digest checked on the way.
 * What is in it is nobody's business. */
#include "images/unpack-import.h"

#include "common/fd.h"

#include <errno.h>
#include <inttypes.h>

#define PROGRESS_EVERY (16U << 20)

static int find_blob(struct import *im, const struct format_layer *layer,
	struct byte_range *ret, struct err *err)
{
	int r;

	r = bundle_find(im->source.bundle, layer->member, ret, err);
	if (r == BUNDLE_ABSENT)
		return err_say(err, ENOENT, "it is not in the layout");
	if (r == 0 && ret->size != layer->size) {
		(void)close(ret->fd);
		return err_say(err, EBADMSG,
			"it has %" PRIu64 " bytes, not the %" PRIu64 " of its descriptor",
			ret->size, layer->size);
	}
	return r;
}

static int copy(struct import *im, size_t n, struct stream *in, struct err *err)
{
	const struct found_image *image = &im->image;
	uint64_t total = image->layers[n].size, done = 0, before;
	const uint8_t *piece;
	size_t len;
	int r;

	while ((r = stream_next(in, &piece, &len, err)) > 0) {
		before = done;
		done += len;
		r = unpack_usage_bytes(&im->usage, len, "the artifact", err);
		if (r < 0)
			return r;
		r = fd_write_all(im->layer_fds[n], piece, len);
		if (r < 0)
			return err_set(err, -r, "write to the image store");
		if (before / PROGRESS_EVERY == done / PROGRESS_EVERY && done != total)
			continue;
		r = unpack_progress(
			im->job, "copy", n, image->layer_count, done, total, err);
		if (r < 0)
			return r;
	}
	return r;
}

static int copy_checked(
	struct import *im, size_t n, const struct byte_range *range, struct err *err)
{
	const char *wanted = im->image.layers[n].digest;
	cleanup_stream struct stream *in = NULL;
	char got[DIGEST_MAX];
	struct hash hash;
	int r;

	r = stream_of_range(range, &in, err);
	if (r == 0)
		r = stream_hashed(take_ptr(in), &hash, NULL, &in, err);
	if (r == 0)
		r = copy(im, n, in, err);
	if (r < 0)
		return r;
	hash_digest(&hash, got);
	if (!str_eq(got, wanted))
		return err_say(err, EBADMSG, "its digest is wrong: expected %s, got %s",
			wanted, got);
	return 0;
}

int import_copy_blob(struct import *im, size_t n, struct err *err)
{
	struct byte_range range = { .fd = -1 };
	int r;

	r = find_blob(im, &im->image.layers[n], &range, err);
	if (r == 0) {
		r = copy_checked(im, n, &range, err);
		(void)close(range.fd);
	}
	return r < 0 ? err_wrap(err, "layer %zu", n) : 0;
}
