/* SPDX-License-Identifier: Apache-2.0 */
#include "images/tar-recipe-private.h"

#include "common/fd.h"
#include "common/path.h"
#include "common/str.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (128U << 10)

struct cook {
	struct stream *in;
	const uint8_t *piece; /* of the recipe, not used yet */
	size_t len;
	int layer_dirfd, file_fd, out_fd;
	char path[PATH_MAX];
	uint64_t size, max;
	struct hash hash;
	uint8_t *buffer;
};

static int damaged(struct err *err)
{
	return err_say(err, EBADMSG, "the recipe of the layer is damaged");
}

/* ---- reading steps ---- */

/* 1, or 0 at the end of the recipe. */
static int more(struct cook *c, struct err *err)
{
	return c->len ? 1 : stream_next(c->in, &c->piece, &c->len, err);
}

static int take_bytes(struct cook *c, void *out, size_t len, struct err *err)
{
	uint8_t *to = out;
	size_t n;
	int r;

	while (len) {
		r = more(c, err);
		if (r <= 0)
			return r < 0 ? r : damaged(err);
		n = len < c->len ? len : c->len;
		memcpy(to, c->piece, n);
		to += n;
		c->piece += n;
		c->len -= n;
		len -= n;
	}
	return 0;
}

static int take_number(struct cook *c, size_t bytes, uint64_t *ret, struct err *err)
{
	uint64_t le = 0;
	int r = take_bytes(c, &le, bytes, err);

	*ret = le64toh(le);
	return r;
}

/* ---- writing the archive ---- */

static int emit(struct cook *c, const void *data, size_t len, struct err *err)
{
	int r;

	if (len > c->max - c->size)
		return err_say(err, EFBIG, "the archive is larger than the limit");
	hash_update(&c->hash, data, len);
	c->size += len;
	r = fd_write_all(c->out_fd, data, len);
	return r < 0 ? err_set(err, -r, "write the layer's archive") : 0;
}

static int do_literal(struct cook *c, uint64_t len, struct err *err)
{
	size_t n;
	int r;

	while (len) {
		r = more(c, err);
		if (r <= 0)
			return r < 0 ? r : damaged(err);
		n = len < c->len ? (size_t)len : c->len;
		r = emit(c, c->piece, n, err);
		if (r < 0)
			return r;
		c->piece += n;
		c->len -= n;
		len -= n;
	}
	return 0;
}

static int open_file(struct cook *c, size_t path_len, struct err *err)
{
	char show[SHOWN_MAX];
	struct stat st;
	int r;

	if (!path_len)
		return c->file_fd < 0 ? damaged(err) : 0;
	if (path_len >= sizeof(c->path))
		return damaged(err);
	r = take_bytes(c, c->path, path_len, err);
	if (r < 0)
		return r;
	c->path[path_len] = '\0';
	if (strlen(c->path) != path_len)
		return damaged(err);
	if (c->file_fd >= 0)
		(void)close(c->file_fd);
	c->file_fd = path_open_beneath(
		c->layer_dirfd, c->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (c->file_fd < 0)
		return err_set(
			err, -c->file_fd, "open %s of the layer", shown(c->path, show));
	if (fstat(c->file_fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_say(err, EBADMSG, "%s of the layer is no file any more",
			shown(c->path, show));
	return 0;
}

static int do_content(struct cook *c, uint64_t path_len, struct err *err)
{
	uint64_t offset, count;
	char show[SHOWN_MAX];
	ssize_t n;
	int r;

	r = open_file(c, (size_t)path_len, err);
	if (r == 0)
		r = take_number(c, 8, &offset, err);
	if (r == 0)
		r = take_number(c, 8, &count, err);
	while (r == 0 && count) {
		n = pread(c->file_fd, c->buffer, count < PIECE ? (size_t)count : PIECE,
			(off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_say(err, EBADMSG,
				"%s of the layer is shorter than it was",
				shown(c->path, show));
		r = emit(c, c->buffer, (size_t)n, err);
		offset += (uint64_t)n;
		count -= (uint64_t)n;
	}
	return r;
}

static const struct {
	uint8_t kind;
	int (*run)(struct cook *c, uint64_t len, struct err *err);
} steps[] = {
	{ RECIPE_LITERAL, do_literal },
	{ RECIPE_CONTENT, do_content },
};

static int do_step(struct cook *c, struct err *err)
{
	uint64_t len = 0;
	uint8_t kind;
	int r;

	r = take_bytes(c, &kind, 1, err);
	if (r == 0)
		r = take_number(c, 4, &len, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (steps[i].kind == kind)
			return steps[i].run(c, len, err);
	}
	return damaged(err);
}

static int cook(struct cook *c, const struct byte_range *recipe, struct err *err)
{
	struct unpack_limits limits;
	struct stream *file = NULL;
	int r;

	unpack_limits_init(&limits);
	c->buffer = malloc(PIECE);
	if (!c->buffer)
		return err_oom(err);
	r = stream_of_range(recipe, &file, err);
	if (r == 0)
		r = stream_inflated(file, &limits, &c->in, NULL, err);
	if (r < 0)
		return r;
	while ((r = more(c, err)) > 0) {
		r = do_step(c, err);
		if (r < 0)
			return r;
	}
	return r;
}

int tar_recipe_cook(const struct byte_range *recipe, int layer_dirfd, int out_fd,
	uint64_t max, char ret_digest[DIGEST_MAX], uint64_t *ret_size, struct err *err)
{
	struct cook c = {
		.layer_dirfd = layer_dirfd, .file_fd = -1, .out_fd = out_fd, .max = max
	};
	int r;

	hash_init(&c.hash);
	r = cook(&c, recipe, err);
	stream_free(c.in);
	free(c.buffer);
	if (c.file_fd >= 0)
		(void)close(c.file_fd);
	if (r < 0)
		return r;
	hash_digest(&c.hash, ret_digest);
	*ret_size = c.size;
	return 0;
}
