/* SPDX-License-Identifier: Apache-2.0 */
#include "images/save.h"

#include "common/fd.h"
#include "common/json-writer.h"
#include "images/store-private.h"
#include "images/tar-out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define COPY_SIZE (256U << 10)
#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"

const char *const save_format_names[] = { "docker-archive", "oci-archive", NULL };

struct saved {
	struct image *image;
	char name[REFERENCE_NAME_MAX]; /* full; "": asked for by id or digest */
	char *media_type;	       /* of the manifest */
	uint64_t manifest_size;
};

struct save {
	struct store *store;
	int fd;
	struct saved *images;
	size_t count;
	strv written; /* blobs, by digest: images share layers */
};

static int open_blob(
	struct store *store, const char *digest, uint64_t *ret_size, int *ret_fd)
{
	cleanup_close int fd = -1;
	char path[STORE_PATH_MAX];
	struct stat st;

	(void)store_path(path, "blobs/sha256", digest_hex(digest), "");
	fd = openat(store->dirfd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*ret_size = (uint64_t)st.st_size;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* ---- what is to be saved ---- */

static int read_manifest(struct store *store, struct saved *saved, struct err *err)
{
	const char *digest = saved->image->manifest_digest, *type;
	cleanup_json struct json_doc *doc = NULL;
	cleanup_free char *text = NULL;
	cleanup_close int fd = -1;
	size_t len;
	int r;

	r = open_blob(store, digest, &saved->manifest_size, &fd);
	if (r == 0)
		r = fd_read_all(fd, IMAGE_CONFIG_MAX, &text, &len);
	if (r < 0)
		return err_set(err, -r, "read manifest %s", digest);
	r = json_parse(text, len, &doc, err);
	if (r < 0)
		return err_wrap(err, "manifest %s", digest);
	type = json_get_string(json_root(doc), "mediaType");
	saved->media_type = strdup(type ? type : OCI_MANIFEST);
	return saved->media_type ? 0 : err_oom(err);
}

static int refuse(
	const struct saved *saved, const char *shown, const char *what, struct err *err)
{
	(void)err_say(err, EOPNOTSUPP, "image %.100s cannot be saved: %s", shown, what);
	return err_hint(
		err, saved->image->blob_count
			     ? "Remove it with `ucrctl rmi` and `ucrctl gc`, and "
			       "pull it again."
			     : "The archive that it was loaded from is what a save "
			       "would make.");
}

static int check_blobs(struct store *store, const struct saved *saved, const char *shown,
	struct err *err)
{
	const struct image *image = saved->image;
	uint64_t size;

	if (!*image->manifest_digest || image->blob_count != image->layer_count)
		return refuse(saved, shown,
			"its layers are kept unpacked alone, as it was not pulled", err);
	for (size_t i = 0; i < image->blob_count; i++) {
		cleanup_close int fd = -1;

		if (open_blob(store, image->blobs[i].digest, &size, &fd) < 0 ||
			size != image->blobs[i].size)
			return refuse(saved, shown,
				"not all of its layers are here as the registry has them",
				err);
	}
	return 0;
}

static int choose(struct save *save, const char *name, struct saved *ret, struct err *err)
{
	char id[DIGEST_MAX];
	int r;

	r = store_resolve(save->store, name, id, ret->name, err);
	if (r == 0)
		r = store_load_image(save->store, id, &ret->image, err);
	if (r == 0)
		r = store_hold_image(save->store, ret->image, err);
	if (r == IMAGE_ABSENT) {
		(void)err_say(err, ENOENT, "there is no image \"%.200s\"", name);
		return err_hint(err, "\"ucrctl images\" lists what there is");
	}
	if (r == 0)
		r = check_blobs(save->store, ret, name, err);
	return r == 0 ? read_manifest(save->store, ret, err) : r;
}

/* ---- writing ---- */

static int put_file(struct save *save, const char *name, const void *data, size_t len,
	struct err *err)
{
	int r;

	r = tar_out_begin(save->fd, name, len);
	if (r == 0)
		r = fd_write_all(save->fd, data, len);
	if (r == 0)
		r = tar_out_end(save->fd, len);
	return r < 0 ? err_set(err, -r, "write %s", name) : 0;
}

/* Exactly `size` bytes; a file that became shorter meanwhile ends it with -EIO. */
static int copy_hashed(int from_fd, int fd, uint64_t size, char ret[DIGEST_MAX])
{
	cleanup_free char *block = malloc(COPY_SIZE);
	struct hash h;

	if (!block)
		return -ENOMEM;
	hash_init(&h);
	while (size) {
		ssize_t n = read(from_fd, block, size < COPY_SIZE ? size : COPY_SIZE);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		hash_update(&h, block, (size_t)n);
		r = fd_write_all(fd, block, (size_t)n);
		if (r < 0)
			return r;
		size -= (uint64_t)n;
	}
	hash_digest(&h, ret);
	return 0;
}

static int put_blob(struct save *save, const char *digest, struct err *err)
{
	char name[STORE_PATH_MAX], actual[DIGEST_MAX];
	cleanup_close int fd = -1;
	uint64_t size;
	int r;

	strv_each (there, save->written) {
		if (str_eq(*there, digest))
			return 0;
	}
	(void)store_path(name, "blobs/sha256", digest_hex(digest), "");
	r = open_blob(save->store, digest, &size, &fd);
	if (r == 0)
		r = tar_out_begin(save->fd, name, size);
	if (r == 0)
		r = copy_hashed(fd, save->fd, size, actual);
	if (r == 0)
		r = tar_out_end(save->fd, size);
	if (r == 0)
		r = strv_add(&save->written, digest);
	if (r < 0)
		return err_set(err, -r, "write %s", name);
	if (str_eq(actual, digest))
		return 0;
	(void)err_say(err, EBADMSG, "%s of the image store is damaged: its digest is %s",
		name, actual);
	return err_hint(
		err, "`ucrctl fsck` puts it away; then load or pull the image again.");
}

static int put_blobs(struct save *save, const struct image *image, struct err *err)
{
	int r;

	r = put_blob(save, image->manifest_digest, err);
	if (r == 0)
		r = put_blob(save, image->id, err);
	for (size_t i = 0; r == 0 && i < image->blob_count; i++)
		r = put_blob(save, image->blobs[i].digest, err);
	return r;
}

static int put_json(struct save *save, const char *name, struct buf *b, struct err *err)
{
	return buf_finish(b) < 0 ? err_oom(err)
				 : put_file(save, name, b->data, b->len, err);
}

/* The names as docker writes them: the tag for tools of OCI, the whole for containerd. */
static void write_descriptor(struct json_writer *w, const struct saved *saved)
{
	const char *tag = reference_tag_of(saved->name);

	jw_object(w, NULL);
	jw_string(w, "mediaType", saved->media_type);
	jw_string(w, "digest", saved->image->manifest_digest);
	jw_u64(w, "size", saved->manifest_size);
	if (*saved->name) {
		jw_object(w, "annotations");
		jw_string(w, "io.containerd.image.name", saved->name);
		if (tag && *tag)
			jw_string(w, "org.opencontainers.image.ref.name", tag);
		jw_object_end(w);
	}
	jw_object_end(w);
}

static int put_index(struct save *save, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_object(&w, NULL);
	jw_u64(&w, "schemaVersion", 2);
	jw_string(&w, "mediaType", "application/vnd.oci.image.index.v1+json");
	jw_array(&w, "manifests");
	for (size_t i = 0; i < save->count; i++)
		write_descriptor(&w, &save->images[i]);
	jw_array_end(&w);
	jw_object_end(&w);
	return put_json(save, "index.json", &b, err);
}

static void write_blob_path(struct json_writer *w, const char *key, const char *digest)
{
	char path[STORE_PATH_MAX];

	jw_string(w, key, store_path(path, "blobs/sha256", digest_hex(digest), ""));
}

static int put_docker_manifest(struct save *save, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_array(&w, NULL);
	for (size_t i = 0; i < save->count; i++) {
		const struct saved *saved = &save->images[i];

		jw_object(&w, NULL);
		write_blob_path(&w, "Config", saved->image->id);
		jw_array(&w, "RepoTags");
		if (*saved->name)
			jw_string(&w, NULL, reference_familiar(saved->name));
		jw_array_end(&w);
		jw_array(&w, "Layers");
		for (size_t n = 0; n < saved->image->blob_count; n++)
			write_blob_path(&w, NULL, saved->image->blobs[n].digest);
		jw_array_end(&w);
		jw_object_end(&w);
	}
	jw_array_end(&w);
	return put_json(save, "manifest.json", &b, err);
}

static int write_archive(struct save *save, enum save_format format, struct err *err)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	int r;

	r = put_file(save, "oci-layout", layout, sizeof(layout) - 1, err);
	if (r == 0)
		r = put_index(save, err);
	if (r == 0 && format == SAVE_DOCKER_ARCHIVE)
		r = put_docker_manifest(save, err);
	for (size_t i = 0; r == 0 && i < save->count; i++)
		r = put_blobs(save, save->images[i].image, err);
	if (r < 0)
		return r;
	r = tar_out_finish(save->fd);
	return r < 0 ? err_set(err, -r, "write the archive") : 0;
}

int save_images(struct store *store, char *const *names, enum save_format format, int fd,
	struct err *err)
{
	struct save save = { .store = store, .fd = fd };
	int r = 0;

	save.images = calloc(strv_len(names) + 1, sizeof(*save.images));
	if (!save.images)
		return err_oom(err);
	strv_each (name, names) {
		if (r == 0)
			r = choose(&save, *name, &save.images[save.count++], err);
	}
	if (r == 0)
		r = write_archive(&save, format, err);
	for (size_t i = 0; i < save.count; i++) {
		image_free(save.images[i].image);
		free(save.images[i].media_type);
	}
	free(save.images);
	strv_free(save.written);
	return r;
}
