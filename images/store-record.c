/* SPDX-License-Identifier: Apache-2.0 */
/*
 * images/HEX.json and the blobs it names. The record holds what the configuration does
 * not: format, manifest, chain ids and sizes. The configuration blob (an artifact's manifest) is
 * read beside it and its digest verified each time, because that digest is the image's id.
 */
#include "images/store-private.h"

#include "common/fd.h"
#include "common/json-writer.h"
#include "images/store-blobs.h"
#include "images/store-listing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define RECORD_SIZE_MAX (256U << 10)

static int decode_digest(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	if (v->type != JSON_STRING || !digest_is_valid(v->string))
		return err_say(err, EINVAL, " must be a sha256 digest");
	(void)snprintf(out, DIGEST_MAX, "%s", v->string);
	return 0;
}

static void encode_digest(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	if (*(const char *)in)
		jw_string(w, key, in);
}

static const struct json_field layer_fields[] = {
	{ "diff_id", decode_digest, offsetof(struct image_layer, diff_id), true, NULL,
		encode_digest },
	{ "chain_id", decode_digest, offsetof(struct image_layer, chain_id), true, NULL,
		encode_digest },
	{ "size", json_u64, offsetof(struct image_layer, size) },
	{ 0 },
};
static const struct json_array_of layer_array = { sizeof(struct image_layer),
	layer_fields, NULL };

static const struct json_field blob_fields[] = {
	{ "digest", decode_digest, offsetof(struct image_blob, digest), true, NULL,
		encode_digest },
	{ "size", json_u64, offsetof(struct image_blob, size) },
	{ "media_type", json_string, offsetof(struct image_blob, media_type) },
	{ 0 },
};
static const struct json_array_of blob_array = { sizeof(struct image_blob), blob_fields,
	NULL };

/* layers and layer_count, blobs and blob_count stand in the struct as json_array() wants them. */
_Static_assert(
	offsetof(struct image, layer_count) ==
		offsetof(struct image, layers) + offsetof(struct json_items, count),
	"struct image: layer_count must follow layers");
_Static_assert(offsetof(struct image, blob_count) ==
		       offsetof(struct image, blobs) + offsetof(struct json_items, count),
	"struct image: blob_count must follow blobs");

static const struct json_field record_fields[] = {
	{ "id", decode_digest, offsetof(struct image, id), true, NULL, encode_digest },
	{ "manifest", decode_digest, offsetof(struct image, manifest_digest), false, NULL,
		encode_digest },
	{ "format", json_string, offsetof(struct image, format), true },
	{ "artifact_type", json_string, offsetof(struct image, artifact_type) },
	{ "imported", json_i64, offsetof(struct image, imported), true },
	{ "size", json_u64, offsetof(struct image, size) },
	{ "layers", json_array, offsetof(struct image, layers), true, &layer_array },
	{ "blobs", json_array, offsetof(struct image, blobs), false, &blob_array },
	{ 0 },
};

static int parse_record(
	const char *text, size_t len, const char *id, struct image **ret, struct err *err)
{
	cleanup_image struct image *image = calloc(1, sizeof(*image));
	cleanup_json struct json_doc *doc = NULL;
	int r;

	if (!image)
		return err_oom(err);
	image->lease_fd = -1;
	r = json_parse(text, len, &doc, err);
	if (r == 0)
		r = json_decode(json_root(doc), record_fields, image, err);
	if (r == 0 && !str_eq(image->id, id))
		r = err_say(err, EINVAL, "it is the record of %s", image->id);
	if (r == 0 && image->layer_count > IMAGE_LAYERS_MAX)
		r = err_say(err, EINVAL, "it has too many layers");
	if (r < 0)
		return r;
	*ret = take_ptr(image);
	return 0;
}

int store_load_record(
	struct store *store, const char *id, struct image **ret, struct err *err)
{
	cleanup_free char *text = NULL;
	char path[STORE_PATH_MAX];
	size_t len;
	int r;

	(void)store_path(path, "images", digest_hex(id), ".json");
	r = fd_read_file(store->dirfd, path, RECORD_SIZE_MAX, &text, &len);
	if (r == -ENOENT)
		return IMAGE_ABSENT;
	if (r < 0)
		return err_set(err, -r, "read %s of the image store", path);
	r = parse_record(text, len, id, ret, err);
	return r < 0 ? err_wrap(err, "%s of the image store is damaged", path) : 0;
}

int store_load_image(
	struct store *store, const char *id, struct image **ret, struct err *err)
{
	cleanup_image struct image *image = NULL;
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = store_load_record(store, id, &image, err);
	if (r != 0)
		return r;
	r = store_read_document(store, id, &text, &len, err);
	if (r == 0 && !image->artifact_type)
		r = image_config_parse(text, len, &image->config, err);
	if (r < 0)
		return r;
	if (image->artifact_type && !image->blob_count)
		return err_say(err, EBADMSG,
			"images/%s.json of the image store is damaged: an artifact without blobs",
			digest_hex(id));
	if (strv_len(image->config.diff_ids) != image->layer_count)
		return err_say(err, EBADMSG,
			"images/%s.json of the image store is damaged: %zu layers, but the "
			"configuration has %zu",
			digest_hex(id), image->layer_count,
			strv_len(image->config.diff_ids));
	*ret = take_ptr(image);
	return 0;
}

int store_put_record(struct store *store, const struct image *image, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	char name[STORE_NAME_MAX];
	int r;

	jw_object(&w, NULL);
	json_encode(&w, record_fields, image);
	jw_object_end(&w);
	buf_putc(&b, '\n');
	if (buf_finish(&b) < 0)
		return err_oom(err);
	(void)snprintf(name, sizeof(name), "%s.json", digest_hex(image->id));
	r = store_spoil_listing(store);
	if (r < 0)
		return err_set(err, -r, "remove the listing of the image store");
	return store_put(store, "images", name, b.data, b.len, err);
}

int store_remove_record(struct store *store, const char *id)
{
	char path[STORE_PATH_MAX];
	int r;

	r = store_spoil_listing(store);
	if (r < 0)
		return r;
	(void)store_path(path, "images", digest_hex(id), ".json");
	return unlinkat(store->dirfd, path, 0) < 0 ? -errno : 0;
}

int store_put_blob(struct store *store, const char *digest, const void *data, size_t len,
	struct err *err)
{
	return store_put(store, "blobs/sha256", digest_hex(digest), data, len, err);
}

int store_lease(struct store *store, const char *id, bool is_exclusive, int *ret_fd,
	struct err *err)
{
	cleanup_close int fd = -1;
	char path[STORE_PATH_MAX];
	int r;

	(void)store_path(path, "images", digest_hex(id), ".json");
	fd = openat(store->dirfd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? IMAGE_ABSENT
				       : err_set(err, errno, "open %s", path);
	r = fd_lock(fd, is_exclusive, !is_exclusive);
	if (r < 0)
		return err_set(err, -r, "lock image %.12s", digest_hex(id));
	/* Between open and lock it may have been removed: then the lock holds nothing. */
	if (!store_is_in_place(store, path, fd))
		return IMAGE_ABSENT;
	*ret_fd = take_fd(&fd);
	return 0;
}

int store_hold_image(struct store *store, struct image *image, struct err *err)
{
	return store_lease(store, image->id, false, &image->lease_fd, err);
}
