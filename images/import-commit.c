/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of a commit, each step flushed before the next (but for the content of the
 * layers, see store-durable.c): layers, configuration and manifest, record (from here on the image exists), names, source. A kill between two
 * steps leaves layers or blobs that no record names, or an image without its name: the
 * next import of the same archive finds them and goes on.
 */
#include "images/store-names.h"
#include "images/import-artifact.h"
#include "images/pull.h"
#include "images/store-steps.h"

#include <errno.h>
#include <time.h>

static int put_blobs(struct import *import, struct err *err)
{
	int r;

	r = store_put_blob(import->store, import->config.digest, import->config.data,
		import->config.len, err);
	if (r == 0 && *import->manifest.digest)
		r = store_put_blob(import->store, import->manifest.digest,
			import->manifest.data, import->manifest.len, err);
	return r;
}

/* What is kept as it came. */
static int keep_blobs(struct import *import, struct image *image, struct err *err)
{
	if (import->artifact)
		return import_artifact_commit(import, image, err);
	return import->pull ? pull_commit(import, image, err) : 0;
}

static int put_record(struct import *import, struct err *err)
{
	struct image_layer layers[IMAGE_LAYERS_MAX];
	struct image image = {
		.format = import->format,
		.layers = layers,
		.layer_count = import->layer_count,
		.imported = time(NULL),
	};
	int r;

	memcpy(image.id, import_id(import), sizeof(image.id));
	memcpy(image.manifest_digest, import->manifest.digest,
		sizeof(image.manifest_digest));
	for (size_t i = 0; i < import->layer_count; i++) {
		layers[i] = import->layers[i].layer;
		image.size += layers[i].size;
	}
	r = keep_blobs(import, &image, err);
	if (r == 0)
		r = store_put_record(import->store, &image, err);
	free(image.blobs);
	return r;
}

/* One document that is a manifest and a configuration at once would be both. */
static int check_kind(
	const struct import *import, const struct image *there, struct err *err)
{
	if (!there->artifact_type == !import->artifact)
		return 0;
	return err_say(err, EEXIST, "%.12s is %s in the store already",
		digest_hex(there->id), there->artifact_type ? "an artifact" : "an image");
}

/* A record that is there stays as it is, because launches may hold a lease on that very
 * file. What may be lost of an artifact is put in place again. */
static int put_image(struct import *import, struct err *err)
{
	cleanup_image struct image *there = NULL;
	struct image unused = { 0 };
	int r;

	if (store_load_image(import->store, import_id(import), &there, NULL) == 0) {
		r = check_kind(import, there, err);
		if (r == 0 && import->artifact)
			r = put_blobs(import, err);
		if (r == 0)
			r = keep_blobs(import, &unused, err);
		free(unused.blobs);
		return r;
	}
	r = put_blobs(import, err);
	if (r == 0)
		r = put_record(import, err);
	return r;
}

/* What happens between two steps: nothing, but for tests. */
static int between(enum store_step step, struct err *err)
{
	int r = store_step(step);

	return r < 0 ? err_set(err, -r, "put the image into the store") : 0;
}

const char *import_id(const struct import *import)
{
	return import->artifact ? import->manifest.digest : import->config.digest;
}

int import_commit(struct import *import, struct err *err)
{
	cleanup_close int lock_fd = -1;
	int r;

	r = between(STEP_UNPACKED, err);
	if (r == 0)
		r = import_source_check(import, err);
	if (r == 0)
		r = import_commit_layers(import, err);
	if (r == 0)
		r = store_lock(import->store, &lock_fd, err);
	if (r == 0)
		r = put_image(import, err);
	/* Here, where no collection can come in between. */
	if (r == 0)
		r = store_lease(
			import->store, import_id(import), false, &import->lease_fd, err);
	if (r == IMAGE_ABSENT)
		r = err_say(err, ENOENT, "the image was removed meanwhile");
	if (r == 0)
		r = between(STEP_IMAGE_RECORDED, err);
	if (r == 0)
		r = store_add_names(import->store, import_id(import), import->names, err);
	if (r == 0)
		r = between(STEP_IMAGE_NAMED, err);
	/* The archive by itself is not what was built of it. */
	if (r == 0 && *import->source.key && !import->request->build)
		r = store_put_source(
			import->store, import->source.new_key, import_id(import), err);
	return r;
}
