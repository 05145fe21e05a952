/* SPDX-License-Identifier: Apache-2.0 */
/* The operation "import": find the image, say what it is, unpack the layers that are
 * asked for, checking every digest on the way. */
#include "images/unpack.h"

#include "common/fd.h"
#include "common/json.h"
#include "images/layer.h"
#include "images/unpack-source.h"

#include <errno.h>
#include <inttypes.h>

#define PROGRESS_EVERY (16U << 20)
#define REHASH_MAX (1U << 30)
#define AHEAD_FROM (1U << 20) /* a thread is not worth it for less */

struct import {
	struct unpack_job *job;
	struct unpack_source source;
	struct found_image image;
	struct platform platform;
	struct unpack_usage usage;
	int layer_fds[IMAGE_LAYERS_MAX];
	int recipe_fd;	    /* of the layer that is being unpacked; -1 */
	size_t layer_count; /* of layer_fds */
};

static void write_layer(struct json_writer *w, const struct format_layer *layer)
{
	jw_object(w, NULL);
	jw_string(w, "media_type", layer->media_type);
	jw_u64(w, "size", layer->size);
	jw_string(w, "digest", *layer->digest ? layer->digest : NULL);
	jw_string(w, "diff_id", *layer->diff_id ? layer->diff_id : NULL);
	jw_object_end(w);
}

/* What is known before anything is unpacked: configuration, manifest, layers. */
static int send_image(struct import *im, struct err *err)
{
	const struct found_image *image = &im->image;
	cleanup_close int config_fd = -1, manifest_fd = -1;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int fds[2], count = 0;

	if (image->config)
		fds[count++] = config_fd =
			fd_memfd_sealed("image-config", image->config, image->config_len);
	if (image->manifest)
		fds[count++] = manifest_fd = fd_memfd_sealed(
			"image-manifest", image->manifest, image->manifest_len);
	if ((image->config && config_fd < 0) || (image->manifest && manifest_fd < 0))
		return err_say(err, ENOMEM, "no memory for the image's configuration");
	jw_object(&w, NULL);
	jw_string(&w, "format",
		im->source.archive.fd >= 0 ? image->format->archive_name
					   : image->format->name);
	jw_strv(&w, "names", image->names);
	jw_string(&w, "manifest_digest", image->manifest ? image->manifest_digest : NULL);
	jw_bool(&w, "has_config", image->config != NULL);
	jw_array(&w, "layers");
	for (size_t i = 0; i < image->layer_count; i++)
		write_layer(&w, &image->layers[i]);
	jw_array_end(&w);
	jw_object_end(&w);
	return unpack_send(im->job, UNPACK_IMAGE, &b, fds, (size_t)count, err);
}

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

/* file, progress, digest of the blob, decompression, digest of the tar: these in a thread */
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
		r = stream_inflated(s, &im->job->request.limits, &s, NULL, err);
	if (r == 0)
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
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_object(&w, NULL);
	jw_u64(&w, "index", n);
	jw_string(&w, "diff_id", im->image.layers[n].diff_id);
	jw_string(&w, "digest", im->image.layers[n].digest);
	jw_u64(&w, "entries", result->entries);
	jw_u64(&w, "bytes", result->bytes);
	jw_u64(&w, "whiteouts", result->whiteouts);
	jw_object_end(&w);
	return unpack_send(im->job, UNPACK_LAYER_DONE, &b, NULL, 0, err);
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

static int pass_layer(struct import *im, size_t n, struct passing *p,
	struct layer_result *ret, struct err *err)
{
	struct format_layer *layer = &im->image.layers[n];
	struct layer_job job = {
		.lower = { .fds = im->layer_fds, .count = n },
		.usage = &im->usage,
		.notes = &im->job->notes,
	};
	char blob[DIGEST_MAX], diff[DIGEST_MAX];
	cleanup_sink struct sink *sink = NULL;
	struct stream *s = NULL;
	int r;

	r = open_range(im, layer, p, err);
	if (r == 0)
		r = sink_dir_new(im->layer_fds[n], &im->job->notes, &sink, err);
	if (r == 0 && im->recipe_fd >= 0)
		r = tar_recorder_new(im->recipe_fd, &p->recorder, err);
	if (r < 0)
		return r;
	job.recorder = p->recorder;
	job.sink = sink;
	r = open_stream(im, n, p, &s, err);
	if (r == 0)
		r = layer_unpack(&job, s, ret, err);
	if (r < 0)
		return explain_failure(layer, p, r, err);
	r = finish_recipe(im, p, ret, err);
	if (r < 0)
		return r;
	hash_digest(&p->blob, blob);
	hash_digest(&p->diff, diff);
	r = check_digest("its digest is wrong", layer->digest, blob, err);
	if (r == 0)
		r = check_digest("the digest of its content (diff_id) is wrong",
			layer->diff_id, diff, err);
	(void)stpcpy(layer->digest, blob);
	(void)stpcpy(layer->diff_id, diff);
	return r;
}

static int unpack_layer(struct import *im, size_t n, struct err *err)
{
	struct passing p = { .owned_fd = -1 };
	struct layer_result result = { 0 };
	int r;

	r = pass_layer(im, n, &p, &result, err);
	tar_recorder_free(p.recorder);
	if (p.owned_fd >= 0)
		(void)close(p.owned_fd);
	if (r == 0)
		return send_layer_done(im, n, &result, err);
	return im->image.layers[n].member ? err_wrap(err, "layer %zu", n) : r;
}

/* The client's word on layer n: its directory, and whether that is to be filled. */
static int receive_layer(struct import *im, size_t n, bool *ret_unpack, struct err *err)
{
	struct ipc_msg *msg = im->job->msg;
	cleanup_json struct json_doc *doc = NULL;
	const char *state;
	uint64_t index = 0;
	int r;

	ipc_msg_done(msg);
	r = ipc_recv(im->job->peer_fd, msg);
	if (r <= 0 || msg->type != UNPACK_LAYER || msg->fd_count < 1 || msg->fd_count > 2)
		return err_say(err, EPROTO, "no directory came for layer %zu", n);
	r = json_parse(msg->data, msg->len, &doc, err);
	if (r < 0)
		return r;
	state = json_get_string(json_root(doc), "state");
	if (!json_get(json_root(doc), "index") ||
		json_u64(json_get(json_root(doc), "index"), &index, NULL, err) < 0 ||
		index != n || !state)
		return err_say(
			err, EPROTO, "the directory that came is not layer %zu's", n);
	*ret_unpack = str_eq(state, UNPACK_STATE_UNPACK);
	im->layer_fds[n] = take_fd(&msg->fds[0]);
	im->layer_count = n + 1;
	if (im->recipe_fd >= 0)
		(void)close(take_fd(&im->recipe_fd));
	if (msg->fd_count == 2)
		im->recipe_fd = take_fd(&msg->fds[1]);
	return 0;
}

static int unpack_layers(struct import *im, struct err *err)
{
	bool do_unpack = false;
	int r;

	for (size_t n = 0; n < im->image.layer_count; n++) {
		r = receive_layer(im, n, &do_unpack, err);
		if (r == 0 && do_unpack)
			r = unpack_layer(im, n, err);
		if (r < 0)
			return r;
		if (!*im->image.layers[n].diff_id)
			return err_say(err, EPROTO,
				"layer %zu is not known, and was not to be unpacked", n);
	}
	return 0;
}

static int send_config(struct import *im, struct err *err)
{
	const struct found_image *image = &im->image;
	cleanup_buf struct buf made = BUF_INIT;
	cleanup_close int fd = -1;
	int r;

	if (image->config) {
		buf_put(&made, image->config, image->config_len);
	} else {
		r = image->format->make_config(image, &im->platform, &made, err);
		if (r < 0)
			return r;
	}
	if (buf_finish(&made) < 0)
		return err_oom(err);
	fd = fd_memfd_sealed("image-config", made.data, made.len);
	if (fd < 0)
		return err_set(err, -fd, "keep the image's configuration");
	return unpack_done(im->job, &fd, 1, err);
}

static int run(struct import *im, int source_fd, int spool_dirfd, struct err *err)
{
	const struct unpack_request *request = &im->job->request;
	struct find_request find = { .tag = str_empty(request->tag) ? NULL
								    : request->tag };
	int r;

	im->platform = (struct platform){ .os = request->platform.os,
		.architecture = request->platform.architecture,
		.variant = request->platform.variant };
	im->platform = platform_resolve(&im->platform);
	find.platform = im->platform;
	r = unpack_source_open(
		im->job, source_fd, spool_dirfd, request->format, &im->source, err);
	if (r < 0)
		return r;
	im->image.format = im->source.format;
	r = im->source.format->find(im->source.bundle, &find, &im->image, err);
	if (r == 0 && im->source.format == &format_aci)
		r = unpack_aci(im->job, &im->source, spool_dirfd, err);
	if (r == 0)
		r = send_image(im, err);
	if (r == 0)
		r = unpack_layers(im, err);
	return r < 0 ? r : send_config(im, err);
}

int unpack_import(struct unpack_job *job, struct err *err)
{
	cleanup_close int source_fd = take_fd(&job->msg->fds[0]);
	cleanup_close int spool_dirfd = take_fd(&job->msg->fds[1]);
	struct import *im = calloc(1, sizeof(*im));
	int r;

	if (!im)
		return err_oom(err);
	im->job = job;
	im->usage.limits = &job->request.limits;
	im->source.archive.fd = im->source.rendered.fd = -1;
	im->recipe_fd = -1;
	r = run(im, source_fd, spool_dirfd, err);
	for (size_t i = 0; i < im->layer_count; i++)
		(void)close(im->layer_fds[i]);
	if (im->recipe_fd >= 0)
		(void)close(im->recipe_fd);
	found_image_done(&im->image);
	unpack_source_done(&im->source);
	free(im);
	return r;
}
