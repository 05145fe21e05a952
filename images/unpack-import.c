/* SPDX-License-Identifier: Apache-2.0 */
/* The operation "import": find the image, say what it is, unpack the layers that are
 * asked for, checking every digest on the way. */
#include "images/unpack-import.h"

#include "common/fd.h"
#include "common/json.h"

#include <errno.h>

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
	jw_bool(&w, "is_artifact", image->is_artifact);
	jw_array(&w, "layers");
	for (size_t i = 0; i < image->layer_count; i++)
		write_layer(&w, &image->layers[i]);
	jw_array_end(&w);
	jw_object_end(&w);
	return unpack_send(im->job, UNPACK_IMAGE, &b, fds, (size_t)count, err);
}

static int parse_asked(
	const struct ipc_msg *msg, size_t n, struct asked *ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	const struct json *root;
	const char *state, *form;
	uint64_t index = 0;
	int r;

	r = json_parse(msg->data, msg->len, &doc, err);
	if (r < 0)
		return r;
	root = json_root(doc);
	state = json_get_string(root, "state");
	form = json_get_string(root, "form");
	if (!json_get(root, "index") ||
		json_u64(json_get(root, "index"), &index, NULL, err) < 0 || index != n ||
		!state)
		return err_say(
			err, EPROTO, "the directory that came is not layer %zu's", n);
	ret->do_unpack = str_eq(state, UNPACK_STATE_UNPACK);
	ret->do_copy = str_eq(state, UNPACK_STATE_COPY);
	ret->is_erofs = ret->do_unpack && form && str_eq(form, UNPACK_FORM_EROFS);
	return json_get(root, "may_index") ? json_bool(json_get(root, "may_index"),
						     &ret->may_index, NULL, err)
					   : 0;
}

/* The client's word on layer n: its directory, and whether that is to be filled. */
static int receive_layer(struct import *im, size_t n, struct asked *ret, struct err *err)
{
	struct ipc_msg *msg = im->job->msg;
	int r;

	ipc_msg_done(msg);
	r = ipc_recv(im->job->peer_fd, msg);
	if (r <= 0 || msg->type != UNPACK_LAYER || msg->fd_count < 1 || msg->fd_count > 2)
		return err_say(err, EPROTO, "no directory came for layer %zu", n);
	r = parse_asked(msg, n, ret, err);
	if (r < 0)
		return r;
	if (im->layer_count == n + 1) /* what was filled is now there to be read */
		(void)close(im->layer_fds[n]);
	im->layer_fds[n] = take_fd(&msg->fds[0]);
	im->layer_count = n + 1;
	if (im->recipe_fd >= 0)
		(void)close(take_fd(&im->recipe_fd));
	if (msg->fd_count == 2)
		im->recipe_fd = take_fd(&msg->fds[1]);
	return 0;
}

static int take_layer(struct import *im, size_t n, struct err *err)
{
	struct asked asked = { 0 }, again;
	int r;

	r = receive_layer(im, n, &asked, err);
	if (r == 0 && asked.do_unpack)
		r = import_unpack_layer(im, n, &asked, err);
	if (r == 0 && asked.is_erofs)
		r = receive_layer(im, n, &again, err);
	if (r == 0 && !*im->image.layers[n].diff_id)
		r = err_say(err, EPROTO,
			"layer %zu is not known, and was not to be unpacked", n);
	return r;
}

static int take_blob(struct import *im, size_t n, struct err *err)
{
	struct asked asked = { 0 };
	int r;

	r = receive_layer(im, n, &asked, err);
	if (r == 0 && !asked.do_copy)
		r = err_say(
			err, EPROTO, "layer %zu of an artifact can only be copied", n);
	return r == 0 ? import_copy_blob(im, n, err) : r;
}

static int take_layers(struct import *im, struct err *err)
{
	int r = 0;

	for (size_t n = 0; r == 0 && n < im->image.layer_count; n++)
		r = im->image.is_artifact ? take_blob(im, n, err)
					  : take_layer(im, n, err);
	return r;
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
		r = take_layers(im, err);
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
	im->image_fd = -1;
	r = run(im, source_fd, spool_dirfd, err);
	for (size_t i = 0; i < im->layer_count; i++)
		(void)close(im->layer_fds[i]);
	if (im->recipe_fd >= 0)
		(void)close(im->recipe_fd);
	if (im->image_fd >= 0)
		(void)close(im->image_fd);
	found_image_done(&im->image);
	unpack_source_done(&im->source);
	free(im);
	return r;
}
