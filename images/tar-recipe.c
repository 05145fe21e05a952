/* SPDX-License-Identifier: Apache-2.0 */
/* The writing of recipes; tar-recipe-cook.c follows them. */
#include "images/tar-recipe-private.h"

#include "common/fd.h"
#include "common/str.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#define OUT_BYTES (64U << 10)
#define GZIP 16 /* added to the window bits: a gzip header, not zlib's */

struct tar_recorder {
	int fd;
	z_stream z;
	uint8_t out[OUT_BYTES];
	char path[PATH_MAX];	/* of the last content step; "": there was none */
	uint64_t offset, count; /* of it, while it may still grow; count 0: none */
	const uint8_t *piece;	/* the stream's, not accounted for from `used` on */
	size_t len, used;
	uint64_t position; /* of the piece in the archive */
};

/* ---- steps ---- */

static int squeeze(struct tar_recorder *rec, const void *data, size_t len, int flush)
{
	z_stream *z = &rec->z;
	int r;

	z->next_in = (Bytef *)(uintptr_t)data;
	z->avail_in = (uInt)len;
	do {
		z->next_out = rec->out;
		z->avail_out = OUT_BYTES;
		r = deflate(z, flush);
		if (r == Z_STREAM_ERROR)
			return -EIO;
		r = fd_write_all(rec->fd, rec->out, OUT_BYTES - z->avail_out);
		if (r < 0)
			return r;
	} while (z->avail_out == 0);
	return 0;
}

static int put_number(struct tar_recorder *rec, uint64_t value, size_t bytes)
{
	uint64_t le = htole64(value);

	return squeeze(rec, &le, bytes, Z_NO_FLUSH);
}

static int put_kind(struct tar_recorder *rec, enum recipe_step kind, size_t len)
{
	uint8_t byte = (uint8_t)kind;
	int r = squeeze(rec, &byte, 1, Z_NO_FLUSH);

	return r < 0 ? r : put_number(rec, len, 4);
}

/* The content step that was put off in case the file went on. */
static int end_content(struct tar_recorder *rec)
{
	uint64_t count = rec->count;
	int r;

	rec->count = 0;
	if (!count)
		return 0;
	r = put_number(rec, rec->offset, 8);
	return r < 0 ? r : put_number(rec, count, 8);
}

static int put_literal(struct tar_recorder *rec, const void *data, size_t len)
{
	int r = len ? end_content(rec) : 0;

	if (r == 0 && len)
		r = put_kind(rec, RECIPE_LITERAL, len);
	return r < 0 || !len ? r : squeeze(rec, data, len, Z_NO_FLUSH);
}

static int begin_content(struct tar_recorder *rec, const char *path)
{
	bool is_same = str_eq(rec->path, path);
	size_t len = is_same ? 0 : strlen(path);
	int r;

	if (len >= sizeof(rec->path))
		return -ENAMETOOLONG;
	r = end_content(rec);
	if (r == 0)
		r = put_kind(rec, RECIPE_CONTENT, len);
	if (r == 0 && len)
		r = squeeze(rec, path, len, Z_NO_FLUSH);
	if (!is_same)
		memcpy(rec->path, path, len + 1);
	return r;
}

static int put_content(
	struct tar_recorder *rec, const char *path, uint64_t offset, size_t len)
{
	int r;

	if (rec->count && rec->offset + rec->count == offset && str_eq(rec->path, path)) {
		rec->count += len;
		return 0;
	}
	r = begin_content(rec, path);
	rec->offset = offset;
	rec->count = len;
	return r;
}

/* ---- what passes ---- */

static int flush_piece(struct tar_recorder *rec, size_t upto)
{
	int r = put_literal(rec, rec->piece + rec->used, upto - rec->used);

	rec->used = upto;
	return r;
}

struct recorded_stream {
	struct stream stream;
	struct stream *lower;
	struct tar_recorder *rec;
};

static int recorded_next(
	struct stream *s, const uint8_t **ret, size_t *ret_len, struct err *err)
{
	struct recorded_stream *rs = (struct recorded_stream *)s;
	struct tar_recorder *rec = rs->rec;
	int r;

	r = flush_piece(rec, rec->len);
	if (r < 0)
		return err_set(err, -r, "write the recipe of a layer");
	rec->position += rec->len;
	rec->len = rec->used = 0;
	r = stream_next(rs->lower, ret, ret_len, err);
	if (r <= 0)
		return r;
	rec->piece = *ret;
	rec->len = *ret_len;
	return 1;
}

static void recorded_done(struct stream *s)
{
	stream_free(((struct recorded_stream *)s)->lower);
}

int tar_recorder_stream(struct tar_recorder *rec, struct stream *lower,
	struct stream **ret, struct err *err)
{
	struct recorded_stream *rs = malloc(sizeof(*rs));

	if (!rs) {
		stream_free(lower);
		return err_oom(err);
	}
	*rs = (struct recorded_stream){ .stream = { .next = recorded_next,
						.done = recorded_done },
		.lower = lower,
		.rec = rec };
	*ret = &rs->stream;
	return 0;
}

int tar_recorder_content(struct tar_recorder *rec, uint64_t position, size_t len,
	const char *path, uint64_t offset, struct err *err)
{
	uint64_t from = rec->position + rec->used, end = rec->position + rec->len;
	uint64_t last = position + len;
	int r;

	/* A part that has gone by is in the recipe already. */
	if (position < from) {
		if (last <= from)
			return 0;
		offset += from - position;
		position = from;
	}
	if (last > end)
		last = end;
	if (position >= last)
		return 0;
	r = flush_piece(rec, (size_t)(position - rec->position));
	if (r == 0)
		r = put_content(rec, path, offset, (size_t)(last - position));
	rec->used = (size_t)(last - rec->position);
	return r < 0 ? err_set(err, -r, "write the recipe of a layer") : 0;
}

int tar_recorder_finish(struct tar_recorder *rec, struct err *err)
{
	int r = flush_piece(rec, rec->len);

	if (r == 0)
		r = end_content(rec);
	if (r == 0)
		r = squeeze(rec, NULL, 0, Z_FINISH);
	return r < 0 ? err_set(err, -r, "write the recipe of a layer") : 0;
}

/* ---- */

int tar_recorder_new(int fd, struct tar_recorder **ret, struct err *err)
{
	struct tar_recorder *rec = calloc(1, sizeof(*rec));

	if (!rec || deflateInit2(&rec->z, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + GZIP,
			    MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(rec);
		return err_oom(err);
	}
	rec->fd = fd;
	*ret = rec;
	return 0;
}

void tar_recorder_free(struct tar_recorder *rec)
{
	if (!rec)
		return;
	(void)deflateEnd(&rec->z);
	free(rec);
}

int tar_recipe_literal(int fd, struct stream *in, struct err *err)
{
	struct tar_recorder *rec = NULL;
	struct stream *s = NULL;
	int r;

	r = tar_recorder_new(fd, &rec, err);
	if (r < 0) {
		stream_free(in);
		return r;
	}
	if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		r = err_set(err, errno, "write the recipe of a layer");
	if (r == 0)
		r = tar_recorder_stream(rec, take_ptr(in), &s, err);
	if (r == 0)
		r = stream_drain(s, err);
	if (r == 0)
		r = tar_recorder_finish(rec, err);
	stream_free(s);
	stream_free(in);
	tar_recorder_free(rec);
	return r;
}
