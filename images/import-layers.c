/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which layers exist, which are to be made. A layer is made by who holds the lock of its
 * chain id's name; locks are taken from the lowest layer up, and since a chain id says
 * all that is below it, no two imports can wait for each other. The locks stay until the
 * layers are in place: who waited then finds them.
 */
#include "images/import-private.h"
#include "images/pull.h"
#include "images/store-steps.h"

#include "common/fd.h"
#include "common/json-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static void layer_name(const struct import_layer *layer, char ret[STORE_NAME_MAX])
{
	(void)snprintf(ret, STORE_NAME_MAX, "layer-%s", digest_hex(layer->key));
}

static void release_name(struct import *import, struct import_layer *layer)
{
	char name[STORE_NAME_MAX];

	layer_name(layer, name);
	store_release_name(import->store, name, &layer->name_fd);
}

/* Takes the right to make a layer; waits for another import that has it. */
static int hold_name(struct import *import, struct import_layer *layer, struct err *err)
{
	const struct import_request *request = import->request;
	char name[STORE_NAME_MAX];
	int r;

	layer_name(layer, name);
	r = store_hold_name(import->store, name, false, &layer->name_fd, err);
	if (r != -EWOULDBLOCK)
		return r;
	if (request->progress)
		request->progress("waiting for another import of the same layer",
			(size_t)(layer - import->layers), import->layer_count, 0, 0,
			request->progress_arg);
	return store_hold_name(import->store, name, true, &layer->name_fd, err);
}

/* An existing layer is held and its size known; the name is free again. IMAGE_ABSENT. */
static int hold_existing(
	struct import *import, struct import_layer *layer, struct err *err)
{
	cleanup_close int fd = -1;
	int r;

	r = store_hold_layer(import->store, layer->key, &fd, err);
	if (r != 0)
		return r;
	r = store_layer_size(fd, &layer->layer.size);
	if (r < 0)
		return err_set(err, -r, "read layers/%s/size of the image store",
			digest_hex(layer->key));
	if (layer->dir_fd >= 0)
		(void)close(layer->dir_fd);
	layer->dir_fd = take_fd(&fd);
	layer->is_new = false;
	layer->is_done = true;
	release_name(import, layer);
	return 0;
}

static void stage_name(const struct import *import, const struct import_layer *layer,
	char ret[STORE_NAME_MAX])
{
	(void)snprintf(
		ret, STORE_NAME_MAX, "layer-%zu", (size_t)(layer - import->layers));
}

static bool is_erofs(const struct import *import)
{
	return import->request->form == LAYER_FORM_EROFS;
}

/* What the unpacked files or the EROFS image will be in. */
static int stage_form(
	struct import *import, struct import_layer *layer, int dirfd, struct err *err)
{
	if (is_erofs(import))
		return layer_form_stage(dirfd, import->pull ? -1 : import->source.fd,
			&layer->may_index, err);
	return mkdirat(dirfd, "fs", 0755) < 0
		       ? err_set(err, errno,
				 "make a staging directory in the image store")
		       : 0;
}

/* The lock on the directory goes with it to layers/: no gc can come in between. */
static int stage_layer(struct import *import, struct import_layer *layer, struct err *err)
{
	cleanup_close int fd = -1;
	char name[STORE_NAME_MAX];
	int r;

	stage_name(import, layer, name);
	fd = fd_mkdir_open(import->stage_fd, name, 0700);
	if (fd < 0)
		return err_set(err, -fd, "make a staging directory in the image store");
	r = fd_lock(fd, false, false);
	if (r < 0)
		return err_set(err, -r, "make a staging directory in the image store");
	r = stage_form(import, layer, fd, err);
	if (r < 0)
		return r;
	layer->dir_fd = take_fd(&fd);
	layer->is_new = true;
	return 0;
}

static void name_chain(struct import *import, size_t i)
{
	image_chain_id(i ? import->layers[i - 1].layer.chain_id : NULL,
		import->layers[i].layer.diff_id, import->layers[i].layer.chain_id);
	(void)layer_key(import->layers[i].layer.chain_id, import->request->form,
		import->layers[i].key);
}

int import_plan_layers(struct import *import, struct err *err)
{
	int r;

	for (size_t i = 0; i < import->layer_count; i++) {
		struct import_layer *layer = &import->layers[i];

		r = IMAGE_ABSENT;
		if (*layer->layer.diff_id) {
			name_chain(import, i);
			r = hold_name(import, layer, err);
			if (r == 0)
				r = hold_existing(import, layer, err);
		}
		if (r == IMAGE_ABSENT)
			r = stage_layer(import, layer, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The archive can be written again: to be saved, when it is not kept as it came, and to see
 * whether the layer still is what it was. */
static int open_recipe(
	struct import *import, struct import_layer *layer, int *ret_fd, struct err *err)
{
	if (!layer->is_new)
		return 0;
	*ret_fd = openat(layer->dir_fd, STORE_LAYER_RECIPE,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return *ret_fd < 0 ? err_set(err, errno, "make a file in the image store") : 0;
}

/* A place for what is made of a new layer, the layer itself when it is there. */
static int open_place(struct import *import, const struct import_layer *layer,
	int *ret_fd, struct err *err)
{
	const struct import_userns *userns = &import->request->userns;

	if (!layer->is_new || layer->is_done)
		return unpacker_layer(layer->dir_fd, userns, ret_fd, err);
	if (!is_erofs(import))
		return unpacker_directory(
			layer->dir_fd, "fs", userns, false, ret_fd, err);
	*ret_fd = openat(layer->dir_fd, "data", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return *ret_fd < 0 ? err_set(err, errno, "open a file in the image store") : 0;
}

static int send_layer(struct import *import, size_t i, struct err *err)
{
	struct import_layer *layer = &import->layers[i];
	bool is_there = !layer->is_new || layer->is_done;
	cleanup_close int fd = -1, recipe_fd = -1;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int fds[2], r;

	r = open_place(import, layer, &fd, err);
	if (r == 0 && !is_there)
		r = open_recipe(import, layer, &recipe_fd, err);
	if (r < 0)
		return r;
	fds[0] = fd;
	fds[1] = recipe_fd;
	jw_object(&w, NULL);
	jw_u64(&w, "index", i);
	jw_string(&w, "state", is_there ? UNPACK_STATE_HAVE : UNPACK_STATE_UNPACK);
	if (!is_there && is_erofs(import)) {
		jw_string(&w, "form", UNPACK_FORM_EROFS);
		jw_bool(&w, "may_index", layer->may_index);
	}
	jw_object_end(&w);
	return helper_send(
		&import->unpacker, UNPACK_LAYER, &b, fds, recipe_fd < 0 ? 1 : 2, err);
}

/* What is made as EROFS image is shown before the next is asked for. */
static bool must_wait(const struct import *import)
{
	const struct import_layer *last =
		import->sent_count ? &import->layers[import->sent_count - 1] : NULL;

	return is_erofs(import) && last && last->is_new && !last->is_done;
}

int import_send_layers(struct import *import, struct err *err)
{
	int r = 0;

	while (r == 0 && import->sent_count < import->layer_count && !must_wait(import)) {
		size_t next = import->sent_count;

		if (import->layers[next].is_new && !pull_has(import, next))
			break;
		import->sent_count++;
		r = send_layer(import, next, err);
	}
	return r;
}

int import_take_erofs(struct import *import, size_t i, const struct ipc_msg *msg,
	bool has_archive, struct err *err)
{
	struct import_layer *layer = &import->layers[i];
	int r;

	if (!is_erofs(import))
		return msg->fd_count ? err_say(err, EPROTO,
					       UNPACK_PROGRAM " made an unwanted image")
				     : 0;
	if (msg->fd_count != 1 || (has_archive && !layer->may_index))
		return err_say(err, EPROTO, UNPACK_PROGRAM " sent no EROFS image");
	r = layer_form_take(layer->dir_fd, msg->fds[0], has_archive, err);
	if (r == 0)
		r = send_layer(import, i, err);
	return r == 0 ? import_send_layers(import, err) : r;
}

/* A layer whose chain became known only now may have been made by another import
 * meanwhile. */
static int claim_late(struct import *import, struct import_layer *layer, struct err *err)
{
	int r;

	if (layer->name_fd >= 0)
		return IMAGE_ABSENT;
	name_chain(import, (size_t)(layer - import->layers));
	r = hold_name(import, layer, err);
	return r == 0 ? hold_existing(import, layer, err) : r;
}

int import_commit_layers(struct import *import, struct err *err)
{
	char name[STORE_NAME_MAX];
	int r;

	for (size_t i = 0; i < import->layer_count; i++) {
		struct import_layer *layer = &import->layers[i];

		if (!layer->is_new)
			continue;
		r = claim_late(import, layer, err);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		stage_name(import, layer, name);
		r = store_commit_layer(
			import->store, import->stage_fd, name, layer->key, err);
		if (r < 0)
			return r;
		layer->is_new = false;
	}
	r = store_step(STEP_LAYERS_COMMITTED);
	if (r < 0)
		return err_set(err, -r, "put the layers into the image store");
	return store_sync_dir(import->store, "layers", err);
}

bool import_has_links(const struct import *import)
{
	for (size_t i = 0; i < import->layer_count; i++) {
		if (import->layers[i].may_index)
			return true;
	}
	return false;
}

void import_release_layers(struct import *import)
{
	for (size_t i = 0; i < import->layer_count; i++) {
		struct import_layer *layer = &import->layers[i];

		release_name(import, layer);
		if (layer->dir_fd >= 0)
			(void)close(take_fd(&layer->dir_fd));
	}
}
