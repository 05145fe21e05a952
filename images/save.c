/* SPDX-License-Identifier: Apache-2.0 */
#include "images/save-private.h"

#include "common/fd.h"
#include "common/json-writer.h"
#include "images/reference.h"
#include "images/store-cook.h"
#include "images/store-private.h"
#include "images/unpack-limits.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define CONFIG_TYPE "application/vnd.oci.image.config.v1+json"
#define LAYER_TYPE "application/vnd.oci.image.layer.v1.tar"
#define REF_NAME "org.opencontainers.image.ref.name"
#define CONTAINERD_NAME "io.containerd.image.name"

struct saved_blob {
	char digest[DIGEST_MAX];
	uint64_t size;
	const char *media_type;
};

struct save {
	struct store *store;
	const struct import_userns *userns;
	struct save_sink sink;
	struct buf index, docker; /* the elements of their arrays */
};

/* One image on its way out. */
struct saving {
	struct save *save;
	const struct image *image;
	struct saved_blob config, manifest, layers[IMAGE_LAYERS_MAX];
	char *manifest_type; /* the original's own word; NULL: it says none */
};

/* ---- blobs of the store ---- */

static int open_blob(struct save *save, const char *digest)
{
	char path[STORE_PATH_MAX];
	int fd;

	(void)store_path(path, "blobs/sha256", digest_hex(digest), "");
	fd = openat(save->store->dirfd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool has_blob(struct save *save, const char *digest, uint64_t size)
{
	cleanup_close int fd = open_blob(save, digest);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && (uint64_t)st.st_size == size;
}

static int put_stored(
	struct save *save, const char *digest, struct saved_blob *ret, struct err *err)
{
	cleanup_close int fd = open_blob(save, digest);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, fd < 0 ? -fd : errno,
			"open blob %s of the image store", digest);
	(void)stpcpy(ret->digest, digest);
	ret->size = (uint64_t)st.st_size;
	return save_put_blob(&save->sink, digest, fd, err);
}

/* ---- layers ---- */

/* It is there as it was pulled. */
static bool has_original(struct saving *s, size_t n)
{
	const struct image *image = s->image;

	return image->blob_count == image->layer_count &&
	       has_blob(s->save, image->blobs[n].digest, image->blobs[n].size);
}

/* The layer's archive as a file without a name. */
static int cook_tar(
	struct save *save, const struct image_layer *layer, int *ret_fd, struct err *err)
{
	cleanup_close int dir_fd = -1, out_fd = -1;
	int r;

	r = store_hold_any_layer(save->store, layer->chain_id, &dir_fd, err);
	if (r == IMAGE_ABSENT)
		r = err_say(err, ENOENT, "it is not in the store any more");
	if (r < 0)
		return r;
	out_fd = fd_unnamed(save->store->dirfd, "tmp");
	if (out_fd < 0)
		return err_set(err, -out_fd, "make a temporary file in the image store");
	r = store_cook_layer(save->store, layer, dir_fd, save->userns, out_fd, NULL, err);
	if (r == COOK_NO_RECIPE) {
		(void)err_say(err, ENOENT, "how to write it again is not known");
		return err_hint(err, "Load or pull the image again.");
	}
	if (r == 0)
		*ret_fd = take_fd(&out_fd);
	return r;
}

static int put_cooked(struct saving *s, size_t n, struct err *err)
{
	const struct image_layer *layer = &s->image->layers[n];
	struct saved_blob *ret = &s->layers[n];
	cleanup_close int fd = -1;
	struct stat st;
	int r;

	r = cook_tar(s->save, layer, &fd, err);
	if (r < 0)
		return err_wrap(err, "layer %zu", n);
	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "look at layer %zu", n);
	(void)stpcpy(ret->digest, layer->diff_id);
	ret->size = (uint64_t)st.st_size;
	ret->media_type = LAYER_TYPE;
	return save_put_blob(&s->save->sink, layer->diff_id, fd, err);
}

static int put_original(struct saving *s, size_t n, struct err *err)
{
	const struct image_blob *blob = &s->image->blobs[n];

	s->layers[n].media_type = blob->media_type;
	return put_stored(s->save, blob->digest, &s->layers[n], err);
}

static int put_layers(struct saving *s, bool *ret_are_original, struct err *err)
{
	int r = 0;

	*ret_are_original = s->image->layer_count > 0;
	for (size_t i = 0; r == 0 && i < s->image->layer_count; i++) {
		bool is_original = has_original(s, i);

		*ret_are_original = *ret_are_original && is_original;
		r = is_original ? put_original(s, i, err) : put_cooked(s, i, err);
	}
	return r;
}

/* ---- documents ---- */

static void write_descriptor(
	struct json_writer *w, const char *key, const struct saved_blob *blob)
{
	jw_object(w, key);
	jw_string(w, "mediaType", blob->media_type);
	jw_string(w, "digest", blob->digest);
	jw_u64(w, "size", blob->size);
	jw_object_end(w);
}

/* The index must call it what it calls itself. */
static int read_manifest_type(struct saving *s, struct err *err)
{
	cleanup_close int fd = open_blob(s->save, s->manifest.digest);
	cleanup_json struct json_doc *doc = NULL;
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = fd < 0 ? fd : fd_read_all(fd, MANIFEST_MAX, &text, &len);
	if (r < 0)
		return err_set(err, -r, "read the manifest");
	r = json_parse(text, len, &doc, err);
	if (r == 0 && str_set(&s->manifest_type,
			      json_get_string(json_root(doc), "mediaType")) < 0)
		r = err_oom(err);
	return r;
}

/* A manifest that was lost is no reason not to save what there is. */
static bool has_manifest(struct saving *s)
{
	cleanup_close int fd = *s->image->manifest_digest
				       ? open_blob(s->save, s->image->manifest_digest)
				       : -1;

	return fd >= 0;
}

static int put_original_manifest(struct saving *s, struct err *err)
{
	int r = put_stored(s->save, s->image->manifest_digest, &s->manifest, err);

	return r == 0 ? read_manifest_type(s, err) : r;
}

/* A manifest for layers that are not the original blobs. */
static int put_made_manifest(struct saving *s, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	cleanup_close int fd = -1;

	jw_object(&w, NULL);
	jw_u64(&w, "schemaVersion", 2);
	jw_string(&w, "mediaType", MANIFEST_TYPE);
	write_descriptor(&w, "config", &s->config);
	jw_array(&w, "layers");
	for (size_t i = 0; i < s->image->layer_count; i++)
		write_descriptor(&w, NULL, &s->layers[i]);
	jw_array_end(&w);
	jw_object_end(&w);
	if (buf_finish(&b) < 0)
		return err_oom(err);
	fd = fd_memfd_sealed("manifest", b.data, b.len);
	if (fd < 0)
		return err_set(err, -fd, "keep a manifest");
	hash_of(b.data, b.len, s->manifest.digest);
	s->manifest.size = b.len;
	return save_put_blob(&s->save->sink, s->manifest.digest, fd, err);
}

static void write_names(struct json_writer *w, const char *name)
{
	const char *mark = reference_tag_of(name);

	jw_object(w, "annotations");
	jw_string(w, CONTAINERD_NAME, name);
	if (*mark == ':')
		jw_string(w, REF_NAME, mark + 1);
	jw_object_end(w);
}

/* An element of index.json; with a name, or once without. What an artifact is stands in it, too. */
static void add_to_index(struct saving *s, const char *name)
{
	struct json_writer w = JSON_WRITER(&s->save->index);

	if (s->save->index.len)
		buf_putc(&s->save->index, ',');
	jw_object(&w, NULL);
	jw_string(&w, "mediaType", s->manifest_type ? s->manifest_type : MANIFEST_TYPE);
	jw_string(&w, "digest", s->manifest.digest);
	jw_u64(&w, "size", s->manifest.size);
	if (s->image->artifact_type)
		jw_string(&w, "artifactType", s->image->artifact_type);
	if (name)
		write_names(&w, name);
	jw_object_end(&w);
}

static int write_blob_path(struct json_writer *w, const char *key, const char *digest)
{
	cleanup_free char *path = str_printf("blobs/sha256/%s", digest_hex(digest));

	jw_string(w, key, path);
	return path ? 0 : -ENOMEM;
}

/* An element of docker's manifest.json. */
static int add_to_docker(struct saving *s, char *const *names, struct err *err)
{
	struct json_writer w = JSON_WRITER(&s->save->docker);
	int r;

	if (s->save->docker.len)
		buf_putc(&s->save->docker, ',');
	jw_object(&w, NULL);
	r = write_blob_path(&w, "Config", s->config.digest);
	jw_array(&w, "RepoTags");
	strv_each (name, names)
		jw_string(&w, NULL, reference_familiar(*name));
	jw_array_end(&w);
	jw_array(&w, "Layers");
	for (size_t i = 0; r == 0 && i < s->image->layer_count; i++)
		r = write_blob_path(&w, NULL, s->layers[i].digest);
	jw_array_end(&w);
	jw_object_end(&w);
	return r < 0 ? err_oom(err) : 0;
}

/* ---- */

static int put_artifact(struct saving *s, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->image->blob_count; i++)
		r = put_stored(s->save, s->image->blobs[i].digest, &s->config, err);
	return r == 0 ? put_original_manifest(s, err) : r;
}

static int put_image_files(struct saving *s, struct err *err)
{
	bool are_original = false;
	int r;

	r = put_stored(s->save, s->image->id, &s->config, err);
	s->config.media_type = CONFIG_TYPE;
	if (r == 0)
		r = put_layers(s, &are_original, err);
	if (r == 0)
		r = are_original && has_manifest(s) ? put_original_manifest(s, err)
						    : put_made_manifest(s, err);
	return r;
}

static int put_files(struct saving *s, struct err *err)
{
	bool is_artifact = s->image->artifact_type;
	int r = is_artifact ? put_artifact(s, err) : put_image_files(s, err);

	return r < 0 ? err_wrap(err, "%s %.12s", is_artifact ? "artifact" : "image",
			       digest_hex(s->image->id))
		     : 0;
}

static int check_format(
	const struct image *image, enum save_format format, struct err *err)
{
	if (!image->artifact_type || format != SAVE_DOCKER_ARCHIVE)
		return 0;
	(void)err_say(err, ENOTSUP,
		"%.12s is an artifact (%s), for which a docker archive has no place",
		digest_hex(image->id), image->artifact_type);
	return err_hint(err, "Save it as an OCI layout: --format oci-archive, or oci.");
}

static int put_image(struct save *save, const struct save_item *item, struct err *err)
{
	struct saving s = { .save = save, .image = item->image };
	int r;

	r = put_files(&s, err);
	if (r == 0) {
		if (!item->names)
			add_to_index(&s, NULL);
		strv_each (name, item->names)
			add_to_index(&s, *name);
		if (!item->image->artifact_type)
			r = add_to_docker(&s, item->names, err);
	}
	free(s.manifest_type);
	return r;
}

static int put_array(struct save *save, const char *name, const char *before,
	struct buf *elements, const char *after, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT;

	if (buf_finish(elements) < 0)
		return err_oom(err);
	buf_printf(&text, "%s%s%s\n", before, elements->data, after);
	if (buf_finish(&text) < 0)
		return err_oom(err);
	return save_put_text(&save->sink, name, &text, err);
}

static int put_documents(struct save *save, enum save_format format, struct err *err)
{
	struct buf empty = BUF_INIT;
	int r;

	r = put_array(save, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"", &empty,
		"}", err);
	buf_done(&empty);
	if (r == 0)
		r = put_array(save, "index.json", "{\"schemaVersion\":2,\"manifests\":[",
			&save->index, "]}", err);
	if (r == 0 && format == SAVE_DOCKER_ARCHIVE)
		r = put_array(save, "manifest.json", "[", &save->docker, "]", err);
	return r == 0 ? save_sink_end(&save->sink, err) : r;
}

int images_save(struct store *store, const struct save_item *items, size_t count,
	enum save_format format, const struct import_userns *userns, int out_fd,
	struct err *err)
{
	struct save save = { .store = store,
		.userns = userns,
		.sink = { .is_directory = format == SAVE_OCI_DIRECTORY, .fd = out_fd } };
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = check_format(items[i].image, format, err);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = put_image(&save, &items[i], err);
	if (r == 0)
		r = put_documents(&save, format, err);
	buf_done(&save.index);
	buf_done(&save.docker);
	save_sink_done(&save.sink);
	return r;
}
