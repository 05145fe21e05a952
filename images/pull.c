/* SPDX-License-Identifier: Apache-2.0 */
#include "images/store-names.h"
#include "images/import-artifact.h"
#include "images/pull-private.h"

#include "images/helper-progress.h"

#include "common/json-writer.h"

#include <errno.h>
#include <stdio.h>

#define LOCAL "localhost/"

bool pull_is_possible(const char *full_name)
{
	return !str_skip_prefix(full_name, LOCAL);
}

/* ---- one pull of a name at a time ---- */

static int open_pull(struct import *import, const char *full_name, struct err *err)
{
	struct pull *pull = calloc(1, sizeof(*pull));
	char digest[DIGEST_MAX];

	if (!pull)
		return err_oom(err);
	pull->fetcher.socket_fd = pull->lock_fd = -1;
	hash_of(full_name, strlen(full_name), digest);
	(void)snprintf(
		pull->lock_name, sizeof(pull->lock_name), "pull-%s", digest_hex(digest));
	import->pull = pull;
	return strv_add(&import->names, full_name) < 0 ? err_oom(err) : 0;
}

int pull_lock(struct import *import, const char *full_name, struct err *err)
{
	const struct import_request *request = import->request;
	int r;

	r = open_pull(import, full_name, err);
	if (r < 0)
		return r;
	r = store_hold_name(import->store, import->pull->lock_name, false,
		&import->pull->lock_fd, err);
	if (r != -EWOULDBLOCK)
		return r;
	if (request->progress)
		request->progress("waiting for another pull of the same image", 0, 0, 0,
			0, request->progress_arg);
	return store_hold_name(import->store, import->pull->lock_name, true,
		&import->pull->lock_fd, err);
}

void pull_stop(struct import *import)
{
	if (import->pull)
		helper_stop(&import->pull->fetcher);
}

void pull_free(struct import *import)
{
	struct pull *pull = import->pull;

	if (!pull)
		return;
	pull_stop(import);
	store_release_name(import->store, pull->lock_name, &pull->lock_fd);
	for (size_t i = 0; i < pull->layer_count; i++) {
		free(pull->layers[i].blob.media_type);
		if (pull->layers[i].part_fd >= 0)
			(void)close(pull->layers[i].part_fd);
	}
	free(pull->media_type);
	free(pull->manifest.data);
	free(pull->config.data);
	free(pull);
	import->pull = NULL;
}

/* ---- the request ---- */

static int send_request(struct import *import, struct err *err)
{
	const char *full_name = import->names[0];
	cleanup_free char *host = strndup(full_name, strcspn(full_name, "/"));
	cleanup_access struct registry_access access = { 0 };
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int r;

	if (!host)
		return err_oom(err);
	r = fetcher_access(import->request->pull_options, host, &access, err);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_string(&w, "op", "pull");
	if (fetcher_write_name(&w, full_name) < 0)
		return err_oom(err);
	import_write_platform(&w, &import->request->platform);
	jw_object(&w, "access");
	registry_access_write(&w, &access);
	jw_object_end(&w);
	jw_object_end(&w);
	return fetcher_start(
		import->store->libexec_path, &b, -1, &import->pull->fetcher, err);
}

/* ---- IMAGE ---- */

struct said_layer {
	char *digest, *media_type;
	uint64_t size;
};

struct said_image {
	char *media_type, *manifest_digest;
	bool is_artifact;
	struct {
		struct said_layer *items;
		size_t count;
	} layers;
};

static const struct json_field said_layer_fields[] = {
	{ "digest", json_string, offsetof(struct said_layer, digest), true },
	{ "media_type", json_string, offsetof(struct said_layer, media_type) },
	{ "size", json_u64, offsetof(struct said_layer, size), true },
	{ 0 },
};
static const struct json_array_of said_layer_array = { sizeof(struct said_layer),
	said_layer_fields, NULL };

static const struct json_field said_image_fields[] = {
	{ "media_type", json_string, offsetof(struct said_image, media_type) },
	{ "manifest_digest", json_string, offsetof(struct said_image, manifest_digest),
		true },
	{ "is_artifact", json_bool, offsetof(struct said_image, is_artifact) },
	{ "layers", json_array, offsetof(struct said_image, layers), true,
		&said_layer_array },
	{ 0 },
};

static int take_layers(struct pull *pull, struct said_image *said, struct err *err)
{
	if (said->layers.count > IMAGE_LAYERS_MAX)
		return err_say(err, E2BIG, "the image has %zu layers, more than %d",
			said->layers.count, IMAGE_LAYERS_MAX);
	for (size_t i = 0; i < said->layers.count; i++) {
		struct said_layer *layer = &said->layers.items[i];
		struct image_blob *blob = &pull->layers[i].blob;

		if (!digest_is_valid(layer->digest))
			return err_say(
				err, EPROTO, FETCH_PROGRAM " named an invalid digest");
		(void)stpcpy(blob->digest, layer->digest);
		blob->size = layer->size;
		blob->media_type = take_ptr(layer->media_type);
		pull->layers[i].part_fd = -1;
		pull->layer_count = i + 1;
	}
	return 0;
}

/* A name by digest is one of the manifest, or of an index that led to it: that ucr-fetch has
 * checked; a manifest's own is checked again here. */
static int check_manifest(
	const struct pull *pull, const struct said_image *said, struct err *err)
{
	if (str_eq(said->manifest_digest, pull->manifest.digest))
		return 0;
	return err_say(err, EBADMSG, "the manifest is %s, but was named %s",
		pull->manifest.digest, said->manifest_digest);
}

static int take_image(struct pull *pull, const struct ipc_msg *msg, struct err *err)
{
	struct said_image said = { 0 };
	int r;

	if (msg->fd_count != 2)
		return err_say(
			err, EPROTO, FETCH_PROGRAM " sent %zu documents", msg->fd_count);
	r = import_decode(msg, said_image_fields, &said, err);
	if (r == 0)
		r = import_read_blob(msg->fds[0], &pull->manifest, err);
	if (r == 0)
		r = import_read_blob(msg->fds[1], &pull->config, err);
	if (r == 0)
		r = check_manifest(pull, &said, err);
	if (r == 0)
		r = take_layers(pull, &said, err);
	pull->is_artifact = said.is_artifact;
	if (r == 0)
		pull->media_type = take_ptr(said.media_type);
	json_release(said_image_fields, &said);
	return r;
}

/* ---- the other messages ---- */

static int on_progress(struct import *import, const struct ipc_msg *msg, struct err *err)
{
	return helper_progress(
		msg, import->request->progress, import->request->progress_arg, err);
}

struct said_done {
	uint32_t index;
};

static const struct json_field done_fields[] = {
	{ "index", json_u32, offsetof(struct said_done, index), true },
	{ 0 },
};

static int on_blob_done(struct import *import, const struct ipc_msg *msg, struct err *err)
{
	struct pull *pull = import->pull;
	struct said_done said = { 0 };
	const char *digest;
	int r;

	r = import_decode(msg, done_fields, &said, err);
	if (r < 0)
		return r;
	if (said.index >= pull->layer_count || !pull->layers[said.index].is_asked)
		return err_say(
			err, EPROTO, FETCH_PROGRAM " brought a layer nobody asked for");
	digest = pull->layers[said.index].blob.digest;
	r = pull_place_blob(import, said.index, err);
	for (size_t i = 0; i < pull->layer_count; i++) {
		if (str_eq(pull->layers[i].blob.digest, digest))
			pull->layers[i].is_here = true;
	}
	return r == 0 && !import->artifact ? import_send_layers(import, err) : r;
}

static int on_note(struct import *import, const struct ipc_msg *msg, struct err *err)
{
	return fetcher_note(msg, import->request->notes, err);
}

static int on_done(struct import *import, const struct ipc_msg *msg, struct err *err)
{
	import->pull->is_over = true;
	return 0;
}

static const struct {
	enum fetch_msg type;
	int (*handle)(struct import *import, const struct ipc_msg *msg, struct err *err);
} handlers[] = {
	{ FETCH_PROGRESS, on_progress },
	{ FETCH_BLOB_DONE, on_blob_done },
	{ FETCH_NOTE, on_note },
	{ FETCH_DONE, on_done },
};

static int handle(struct import *import, const struct ipc_msg *msg, struct err *err)
{
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		if (handlers[i].type == (enum fetch_msg)msg->type)
			return handlers[i].handle(import, msg, err);
	}
	return err_say(
		err, EPROTO, FETCH_PROGRAM " sent an unknown message (%u)", msg->type);
}

int pull_receive(struct import *import, struct err *err)
{
	struct ipc_msg msg;
	int r;

	r = helper_recv(&import->pull->fetcher, &msg, err);
	if (r < 0)
		return r;
	r = handle(import, &msg, err);
	ipc_msg_done(&msg);
	return r;
}

/* ---- the steps ---- */

int pull_begin(struct import *import, struct err *err)
{
	struct pull *pull = import->pull;
	struct ipc_msg msg;
	int r;

	r = send_request(import, err);
	while (r == 0 && !pull->manifest.data) {
		r = helper_recv(&pull->fetcher, &msg, err);
		if (r < 0)
			return r;
		r = msg.type == FETCH_IMAGE ? take_image(pull, &msg, err)
					    : handle(import, &msg, err);
		ipc_msg_done(&msg);
	}
	return r == 0 && pull->is_artifact ? import_artifact_adopt(import, err) : r;
}

/* Under the store's lock, so that no collection comes between. */
static int name_stored(struct import *import, struct image *image, struct err *err)
{
	cleanup_close int lock_fd = -1;
	int r;

	r = store_lock(import->store, &lock_fd, err);
	if (r == 0)
		r = store_add_names(import->store, image->id, import->names, err);
	return r;
}

int pull_find(struct import *import, struct image **ret, struct err *err)
{
	const char *id =
		import->artifact ? import->manifest.digest : import->pull->config.digest;
	cleanup_image struct image *image = NULL;
	int r;

	if (store_load_image(import->store, id, &image, NULL) != 0 ||
		!image->artifact_type != !import->artifact ||
		!store_has_form(import->store, image, import->request->form) ||
		store_hold_image(import->store, image, NULL) != 0)
		return IMAGE_ABSENT;
	r = name_stored(import, image, err);
	if (r == 0 && store_names(import->store, image->id, &image->names, err) < 0)
		r = -err->code;
	if (r == 0)
		*ret = take_ptr(image);
	return r;
}

static bool is_asked_before(const struct pull *pull, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (pull->layers[i].is_asked &&
			str_eq(pull->layers[i].blob.digest, pull->layers[n].blob.digest))
			return true;
	}
	return false;
}

static int want_layer(struct import *import, size_t n, struct err *err)
{
	struct pull *pull = import->pull;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int fd = -1, r;

	if ((!import->artifact && !import->layers[n].is_new) || is_asked_before(pull, n))
		return 0;
	r = pull_open_blob(import, n, &fd, err);
	if (r < 0 || fd < 0)
		return r;
	if (pull->is_over)
		return err_say(err, ENOENT, "layer %zu was not kept as it came", n);
	pull->layers[n].is_asked = true;
	jw_object(&w, NULL);
	jw_u64(&w, "index", n);
	jw_object_end(&w);
	return helper_send(&pull->fetcher, FETCH_BLOB, &b, &fd, 1, err);
}

int pull_want(struct import *import, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	int r = 0;

	if (!import->artifact && import->layer_count != import->pull->layer_count)
		return err_say(err, EPROTO,
			FETCH_PROGRAM " and ucr-unpack count %zu and %zu layers",
			import->pull->layer_count, import->layer_count);
	for (size_t i = 0; r == 0 && i < import->pull->layer_count; i++)
		r = want_layer(import, i, err);
	buf_puts(&b, "{}");
	return r < 0 || import->pull->is_over ? r
					      : helper_send(&import->pull->fetcher,
							FETCH_WANTED, &b, NULL, 0, err);
}

bool pull_has(const struct import *import, size_t layer)
{
	return !import->pull || import->pull->layers[layer].is_here;
}

bool pull_is_over(const struct import *import)
{
	return !import->pull || import->pull->is_over;
}

int pull_fd(const struct import *import)
{
	return import->pull->fetcher.socket_fd;
}
