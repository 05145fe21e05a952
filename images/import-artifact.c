/* SPDX-License-Identifier: Apache-2.0 */
#include "images/import-artifact.h"

#include "common/fd.h"
#include "common/json-writer.h"
#include "images/pull-private.h"
#include "images/store-blobs.h"

#include <errno.h>
#include <fcntl.h>

static int check_config(const struct import *import, struct err *err)
{
	const struct image_blob *config = &import->artifact->blobs[0];

	if (str_eq(config->digest, import->config.digest) &&
		config->size == import->config.len)
		return 0;
	return err_say(err, EBADMSG,
		"the configuration is %s of %zu bytes, but the manifest names %s of %llu",
		import->config.digest, import->config.len, config->digest,
		(unsigned long long)config->size);
}

int import_artifact_begin(struct import *import, struct err *err)
{
	struct artifact *artifact = calloc(1, sizeof(*artifact));
	int r;

	if (!artifact)
		return err_oom(err);
	import->artifact = artifact;
	r = artifact_parse(import->manifest.data, import->manifest.len, artifact, err);
	if (r < 0)
		return r;
	if (!import->request->takes_artifacts)
		return artifact_refuse(artifact->type, err);
	return check_config(import, err);
}

void import_artifact_free(struct import *import)
{
	if (import->artifact)
		artifact_done(import->artifact);
	free(take_ptr(import->artifact));
	if (import->blobs_fd >= 0)
		(void)close(take_fd(&import->blobs_fd));
}

/* ---- from a layout ---- */

static int send_file(struct import *import, size_t layer, struct err *err)
{
	const struct image_blob *blob = &import->artifact->blobs[1 + layer];
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	cleanup_close int fd = openat(import->blobs_fd, digest_hex(blob->digest),
		O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(err, errno, "make a file in the image store");
	jw_object(&w, NULL);
	jw_u64(&w, "index", layer);
	jw_string(&w, "state", UNPACK_STATE_COPY);
	jw_object_end(&w);
	return helper_send(&import->unpacker, UNPACK_LAYER, &b, &fd, 1, err);
}

int import_artifact_load(struct import *import, struct err *err)
{
	int r;

	r = import_artifact_begin(import, err);
	if (r < 0)
		return r;
	import->blobs_fd = fd_mkdir_open(import->stage_fd, "blobs", 0700);
	if (import->blobs_fd < 0)
		return err_set(err, -import->blobs_fd,
			"make a staging directory in the image store");
	for (size_t i = 0; r == 0 && i + 1 < import->artifact->count; i++)
		r = send_file(import, i, err);
	return r;
}

/* ---- from a registry ---- */

/* Its layers are the manifest's, whatever was said of them. */
static int take_layers(
	struct pull *pull, const struct artifact *artifact, struct err *err)
{
	if (pull->layer_count != artifact->count - 1)
		return err_say(err, EPROTO,
			FETCH_PROGRAM " counts %zu layers, the manifest %zu",
			pull->layer_count, artifact->count - 1);
	for (size_t i = 0; i < pull->layer_count; i++) {
		struct image_blob *blob = &pull->layers[i].blob;

		free(blob->media_type);
		*blob = artifact->blobs[1 + i];
	}
	return 0;
}

int import_artifact_adopt(struct import *import, struct err *err)
{
	struct pull *pull = import->pull;
	int r;

	import->manifest = pull->manifest;
	import->config = pull->config;
	pull->manifest = pull->config = (struct import_blob){ 0 };
	if (str_set(&import->format, "oci") < 0)
		return err_oom(err);
	r = import_artifact_begin(import, err);
	return r == 0 ? take_layers(pull, import->artifact, err) : r;
}

int import_artifact_pull(struct import *import, struct err *err)
{
	int r;

	r = pull_want(import, err);
	while (r == 0 && !pull_is_over(import))
		r = pull_receive(import, err);
	return r;
}

/* ---- into the store ---- */

static int check_blob(struct import *import, size_t n, struct err *err)
{
	const struct image_blob *blob = &import->artifact->blobs[n];
	const char *hex = digest_hex(blob->digest);
	cleanup_close int fd = -1;

	if (!store_blob_is_intact(import->blobs_fd, hex, blob))
		return err_say(
			err, EBADMSG, "blob %s did not come as it should", blob->digest);
	fd = openat(import->blobs_fd, hex, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return err_set(err, errno, "flush blob %s", blob->digest);
	return 0;
}

/* What is named twice is there once; the configuration is put in place as a document. */
static bool is_file(const struct artifact *artifact, size_t n)
{
	return !artifact_has_before(artifact, n);
}

int import_artifact_check(struct import *import, struct err *err)
{
	int r = 0;

	for (size_t i = 1; r == 0 && i < import->artifact->count; i++)
		r = is_file(import->artifact, i) ? check_blob(import, i, err) : 0;
	return r;
}

int import_artifact_commit(struct import *import, struct image *image, struct err *err)
{
	const struct artifact *artifact = import->artifact;
	int r = 0;

	image->blobs = calloc(artifact->count, sizeof(*image->blobs));
	if (!image->blobs)
		return err_oom(err);
	memcpy(image->blobs, artifact->blobs, artifact->count * sizeof(*image->blobs));
	image->blob_count = artifact->count;
	image->artifact_type = artifact->type;
	image->size = artifact->size;
	for (size_t i = 1; r == 0 && i < artifact->count; i++) {
		if (is_file(artifact, i))
			r = store_keep_blob(
				import->store, import->blobs_fd, &artifact->blobs[i]);
	}
	if (r < 0)
		return err_set(err, -r, "keep the blobs of the artifact");
	return store_sync_dir(import->store, "blobs/sha256", err);
}
