/* SPDX-License-Identifier: Apache-2.0 */
#include "images/store-blobs.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "images/store-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define BLOBS "blobs/sha256"
#define PIECE (128U << 10)

int store_read_document(struct store *store, const char *digest, char **ret,
	size_t *ret_len, struct err *err)
{
	cleanup_free char *text = NULL;
	char path[STORE_PATH_MAX], actual[DIGEST_MAX];
	size_t len;
	int r;

	(void)store_path(path, BLOBS, digest_hex(digest), "");
	r = fd_read_file(store->dirfd, path, IMAGE_CONFIG_MAX, &text, &len);
	if (r < 0)
		return err_set(err, -r, "read %s of the image store", path);
	hash_of(text, len, actual);
	if (!str_eq(actual, digest)) {
		(void)err_say(err, EBADMSG,
			"%s of the image store is damaged: its digest is %s", path,
			actual);
		return err_hint(err,
			"`ucrctl fsck` puts it away; then load or pull the image again.");
	}
	*ret = take_ptr(text);
	*ret_len = len;
	return 0;
}

bool store_has_blobs(struct store *store, const struct image *image)
{
	char path[STORE_PATH_MAX];
	struct stat st;

	for (size_t i = 0; i < image->blob_count; i++) {
		const struct image_blob *blob = &image->blobs[i];

		(void)store_path(path, BLOBS, digest_hex(blob->digest), "");
		if (fstatat(store->dirfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			(uint64_t)st.st_size != blob->size)
			return false;
	}
	return true;
}

bool store_blob_is_intact(int dirfd, const char *path, const struct image_blob *blob)
{
	cleanup_close int fd = openat(dirfd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_free char *piece = malloc(PIECE);
	char got[DIGEST_MAX];
	struct hash hash;
	struct stat st;
	ssize_t n;

	if (fd < 0 || !piece || fstat(fd, &st) < 0 || (uint64_t)st.st_size != blob->size)
		return false;
	hash_init(&hash);
	while ((n = read(fd, piece, PIECE)) > 0)
		hash_update(&hash, piece, (size_t)n);
	hash_digest(&hash, got);
	return n == 0 && str_eq(got, blob->digest);
}

const char *store_whole_path(const char *digest, char ret[STORE_PATH_MAX])
{
	(void)snprintf(ret, STORE_PATH_MAX, "tmp/whole-%s", digest_hex(digest));
	return ret;
}

int store_keep_blob(struct store *store, int from_dirfd, const struct image_blob *blob)
{
	const char *hex = digest_hex(blob->digest);
	char path[STORE_PATH_MAX];

	(void)store_path(path, BLOBS, hex, "");
	if (renameat(from_dirfd, hex, store->dirfd, path) < 0)
		return -errno;
	(void)unlinkat(store->dirfd, store_whole_path(blob->digest, path), 0);
	return 0;
}
