/* SPDX-License-Identifier: Apache-2.0 */
/* One layer of an import: its bytes on their way from the source to what they become, with
 * both digests checked. */
#include "images/unpack-import.h"

#include "common/json-writer.h"
#include "images/erofs-tree.h"
#include "images/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>

#define PROGRESS_EVERY (16U << 20)
#define REHASH_MAX (1U << 30)
#define AHEAD_FROM (1U << 20) /* a thread is not worth it for less */

/* The compressed bytes as they pass, told of now and then. */
struct watched_stream {
	struct stream stream;
	struct stream *lower;
	struct import *im;
	size_t layer;
	uint64_t done, total;
};

static int watched_next(
	struct stream *s, const uint8_t **ret, size_t *ret_len, struct err *err)
{
	struct watched_stream *ws = (struct watched_stream *)s;
	uint64_t before = ws->done;
	int r;

	r = stream_next(ws->lower, ret, ret_len, err);
	if (r <= 0)
		return r;
	ws->done += *ret_len;
	/* The last piece is told of, too. */
	if (before / PROGRESS_EVERY == ws->done / PROGRESS_EVERY && ws->done != ws->total)
		return 1;
	r = unpack_progress(ws->im->job, "unpack", ws->layer, ws->im->image.layer_count,
		ws->done, ws->total, err);
	return r < 0 ? r : 1;
}

static void watched_done(struct stream *s)
{
	stream_free(((struct watched_stream *)s)->lower);
}

static int watch(struct stream *lower, struct import *im, size_t layer, uint64_t total,
	struct stream **ret, struct err *err)
{
	struct watched_stream *ws = malloc(sizeof(*ws));

	if (!ws) {
		stream_free(lower);
		return err_oom(err);
	}
	*ws = (struct watched_stream){ .stream = { .next = watched_next,
					       .done = watched_done },
		.lower = lower,
		.im = im,
		.layer = layer,
		.total = total };
	*ret = &ws->stream;
	return 0;
}

/* A layer on its way: the two digests that are computed while it passes. */
struct passing {
	struct byte_range range;
	int owned_fd;
	struct hash blob, diff;
	const char *codec;	       /* "": the layer is not compressed */
	struct tar_recorder *recorder; /* NULL: no recipe is wanted */
};

static int open_range(struct import *im, const struct format_layer *layer,
	struct passing *p, struct err *err)
{
	int r;

	p->range = im->source.rendered.fd >= 0 ? im->source.rendered : im->source.archive;
	if (!layer->member)
		return 0;
	r = bundle_find(im->source.bundle, layer->member, &p->range, err);
	if (r < 0)
		return r;
	if (r == BUNDLE_ABSENT)
		return err_say(err, ENOENT, "it is not in the archive");
	p->owned_fd = p->range.fd;
	if (layer->size && layer->size != p->range.size)
		return err_say(err, EBADMSG,
			"it has %" PRIu64 " bytes, not the %" PRIu64 " of its descriptor",
			p->range.size, layer->size);
	return 0;
}

/* file, progress, digest of the blob, decompression, digest of the tar, which is the blob itself
 * when it is not compressed: these in a thread */
static int open_stream(struct import *im, size_t n, struct passing *p,
	struct stream **ret, struct err *err)
{
	struct stream *s = NULL;
	int r;

	r = stream_of_range(&p->range, &s, err);
	if (r == 0)
		r = watch(s, im, n, p->range.size, &s, err);
	if (r == 0)
		r = stream_hashed(s, &p->blob, NULL, &s, err);
	if (r == 0)
		r = stream_inflated(s, &im->job->request.limits, &s, &p->codec, err);
	if (r == 0 && *p->codec)
		r = stream_hashed(s, &p->diff, NULL, &s, err);
	if (r == 0 && p->range.size >= AHEAD_FROM)
		r = stream_ahead(s, &s, err);
	if (r == 0 && p->recorder)
		r = tar_recorder_stream(p->recorder, s, &s, err);
	if (r == 0)
		*ret = s;
	return r;
}

static int check_digest(
	const char *what, const char *expected, const char *got, struct err *err)
{
	if (!*expected || str_eq(expected, got))
		return 0;
	return err_say(err, EBADMSG, "%s: expected %s, got %s", what, expected, got);
}

static int send_layer_done(
	struct import *im, size_t n, const struct layer_result *result, struct err *err)
{
	cleanup_close int image_fd = take_fd(&im->image_fd);
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_object(&w, NULL);
	jw_u64(&w, "index", n);
	jw_string(&w, "diff_id", im->image.layers[n].diff_id);
	jw_string(&w, "digest", im->image.layers[n].digest);
	jw_u64(&w, "entries", result->entries);
	jw_u64(&w, "bytes", result->bytes);
	jw_u64(&w, "whiteouts", result->whiteouts);
	jw_bool(&w, "has_archive", im->has_archive);
	jw_object_end(&w);
	return unpack_send(im->job, UNPACK_LAYER_DONE, &b, &image_fd, image_fd >= 0, err);
}

/* What made reading the layer fail says less than a digest that is wrong: damage looks like
 * anything. So the blob is read once more, unless that would take long. */
static int explain_failure(
	const struct format_layer *layer, const struct passing *p, int r, struct err *err)
{
	struct stream *s = NULL;
	struct hash hash;
	char got[DIGEST_MAX];
	bool is_read = false;

	if (!*layer->digest || p->range.size > REHASH_MAX)
		return r;
	if (stream_of_range(&p->range, &s, NULL) == 0 &&
		stream_hashed(s, &hash, NULL, &s, NULL) == 0) {
		is_read = stream_drain(s, NULL) == 0;
		stream_free(s);
	}
	if (!is_read)
		return r;
	hash_digest(&hash, got);
	return check_digest("its digest is wrong", layer->digest, got, err) < 0 ? -EBADMSG
										: r;
}

/* A layer in which files replaced each other, as none should, is kept as it is. */
static int finish_recipe(struct import *im, struct passing *p,
	const struct layer_result *result, struct err *err)
{
	struct stream *s = NULL;
	int r;

	if (!p->recorder)
		return 0;
	if (!result->has_replaced)
		return tar_recorder_finish(p->recorder, err);
	r = stream_of_range(&p->range, &s, err);
	if (r == 0)
		r = stream_inflated(s, &im->job->request.limits, &s, NULL, err);
	return r < 0 ? r : tar_recipe_literal(im->recipe_fd, s, err);
}

/* What the layer is written into. */
static int open_sink(struct import *im, size_t n, const struct asked *asked,
	const struct passing *p, struct sink **ret, struct err *err)
{
	struct erofs_files files = { .data_fd = im->layer_fds[n], .archive_fd = -1 };

	if (!asked->is_erofs)
		return sink_dir_new(im->layer_fds[n], &im->job->notes, ret, err);
	if (asked->may_index && im->source.is_original && im->source.rendered.fd < 0 &&
		!*p->codec) {
		files.archive_fd = im->source.archive.fd;
		files.archive_offset = p->range.offset;
	}
	return erofs_tree_new(&files, &im->job->notes, ret, err);
}

/* The image is handed over as what nobody can change any more. */
static int write_image(struct import *im, struct sink *sink, struct err *err)
{
	cleanup_close int fd = memfd_create("layer", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return err_set(err, errno, "make room for the layer's EROFS image");
	r = erofs_tree_write(sink, fd, &im->has_archive, err);
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS,
		    F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0 ||
		lseek(fd, 0, SEEK_SET) < 0)
		return err_set(err, errno, "seal the layer's EROFS image");
	im->image_fd = take_fd(&fd);
	return 0;
}

/* Every digest that was stated, and those that were not are known from here on. */
static int check_digests(struct format_layer *layer, struct passing *p, struct err *err)
{
	char blob[DIGEST_MAX], diff[DIGEST_MAX];
	int r;

	hash_digest(&p->blob, blob);
	memcpy(diff, blob, sizeof(diff));
	if (*p->codec)
		hash_digest(&p->diff, diff);
	r = check_digest("its digest is wrong", layer->digest, blob, err);
	if (r == 0)
		r = check_digest("the digest of its content (diff_id) is wrong",
			layer->diff_id, diff, err);
	(void)stpcpy(layer->digest, blob);
	(void)stpcpy(layer->diff_id, diff);
	return r;
}

static int read_layer(struct import *im, size_t n, const struct asked *asked,
	struct passing *p, struct sink **ret_sink, struct layer_result *ret,
	struct err *err)
{
	struct layer_job job = {
		.lower = { .fds = im->layer_fds, .count = n },
		.usage = &im->usage,
		.recorder = p->recorder,
		.notes = &im->job->notes,
	};
	struct stream *s = NULL;
	int r;

	r = open_stream(im, n, p, &s, err);
	if (r < 0)
		return r;
	r = open_sink(im, n, asked, p, ret_sink, err);
	if (r < 0) {
		stream_free(s);
		return r;
	}
	job.sink = *ret_sink;
	return layer_unpack(&job, s, ret, err);
}

static int pass_layer(struct import *im, size_t n, const struct asked *asked,
	struct passing *p, struct layer_result *ret, struct err *err)
{
	struct format_layer *layer = &im->image.layers[n];
	cleanup_sink struct sink *sink = NULL;
	int r;

	r = open_range(im, layer, p, err);
	if (r == 0 && im->recipe_fd >= 0)
		r = tar_recorder_new(im->recipe_fd, &p->recorder, err);
	if (r < 0)
		return r;
	r = read_layer(im, n, asked, p, &sink, ret, err);
	if (r < 0)
		return explain_failure(layer, p, r, err);
	r = finish_recipe(im, p, ret, err);
	if (r == 0)
		r = check_digests(layer, p, err);
	return r == 0 && asked->is_erofs ? write_image(im, sink, err) : r;
}

int import_unpack_layer(
	struct import *im, size_t n, const struct asked *asked, struct err *err)
{
	struct passing p = { .owned_fd = -1, .codec = "" };
	struct layer_result result = { 0 };
	int r;

	r = pass_layer(im, n, asked, &p, &result, err);
	tar_recorder_free(p.recorder);
	if (p.owned_fd >= 0)
		(void)close(p.owned_fd);
	if (r == 0)
		return send_layer_done(im, n, &result, err);
	return im->image.layers[n].member ? err_wrap(err, "layer %zu", n) : r;
}
