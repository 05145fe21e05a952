/* SPDX-License-Identifier: Apache-2.0 */
#include "images/save-private.h"

#include "common/fd.h"
#include "images/tar-out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define BLOB_NAME_MAX 100
#define PIECE (128U << 10)
#define BLOBS "blobs/sha256"

void save_sink_done(struct save_sink *sink)
{
	strv_free(sink->written);
}

static int failed(int r, struct err *err)
{
	return r < 0 ? err_set(err, -r, "write the image") : 0;
}

/* *ret_fd is where the file's bytes go; -1 after an archive's header: to the sink itself. */
static int begin(struct save_sink *sink, const char *name, uint64_t size, int *ret_fd)
{
	*ret_fd = -1;
	if (!sink->is_directory)
		return tar_out_begin(sink->fd, name, size);
	*ret_fd = openat(sink->fd, name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	return *ret_fd < 0 ? -errno : 0;
}

int save_put_text(
	struct save_sink *sink, const char *name, const struct buf *text, struct err *err)
{
	cleanup_close int fd = -1;
	int r;

	r = begin(sink, name, text->len, &fd);
	if (r == 0)
		r = fd_write_all(fd < 0 ? sink->fd : fd, text->data, text->len);
	if (r == 0 && fd < 0)
		r = tar_out_end(sink->fd, text->len);
	return failed(r, err);
}

static int copy(int from_fd, int to_fd, char ret_digest[DIGEST_MAX])
{
	cleanup_free char *piece = malloc(PIECE);
	struct hash hash;
	off_t offset = 0;
	ssize_t n;
	int r;

	if (!piece)
		return -ENOMEM;
	hash_init(&hash);
	while ((n = pread(from_fd, piece, PIECE, offset)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		hash_update(&hash, piece, (size_t)n);
		r = fd_write_all(to_fd, piece, (size_t)n);
		if (r < 0)
			return r;
		offset += n;
	}
	hash_digest(&hash, ret_digest);
	return 0;
}

static bool is_written(const struct save_sink *sink, const char *digest)
{
	strv_each (written, sink->written) {
		if (str_eq(*written, digest))
			return true;
	}
	return false;
}

static int make_directories(struct save_sink *sink)
{
	if (!sink->is_directory || sink->written)
		return 0;
	if (mkdirat(sink->fd, "blobs", 0755) < 0 || mkdirat(sink->fd, BLOBS, 0755) < 0)
		return -errno;
	return 0;
}

int save_put_blob(struct save_sink *sink, const char *digest, int fd, struct err *err)
{
	char name[BLOB_NAME_MAX], got[DIGEST_MAX] = "";
	cleanup_close int out_fd = -1;
	struct stat st;
	int r;

	if (is_written(sink, digest))
		return 0;
	(void)snprintf(name, sizeof(name), BLOBS "/%s", digest_hex(digest));
	r = make_directories(sink);
	if (r == 0)
		r = fstat(fd, &st) < 0 ? -errno : strv_add(&sink->written, digest);
	if (r == 0)
		r = begin(sink, name, (uint64_t)st.st_size, &out_fd);
	if (r == 0)
		r = copy(fd, out_fd < 0 ? sink->fd : out_fd, got);
	if (r == 0 && out_fd < 0)
		r = tar_out_end(sink->fd, (uint64_t)st.st_size);
	if (r < 0)
		return failed(r, err);
	if (str_eq(got, digest))
		return 0;
	(void)err_say(err, EBADMSG, "%s of the image store is damaged: its digest is %s",
		name, got);
	return err_hint(err,
		"`ucrctl fsck` looks for more damage and puts it away; then pull or load the image again.");
}

int save_sink_end(struct save_sink *sink, struct err *err)
{
	return sink->is_directory ? 0 : failed(tar_out_finish(sink->fd), err);
}
