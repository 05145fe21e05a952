/* SPDX-License-Identifier: Apache-2.0 */
#include "images/inflate.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const struct codec {
	const char *name;
	uint8_t magic[6];
	size_t magic_len;
	uint8_t first_mask; /* of the first byte; 0 counts as 0xff */
	int (*open)(struct replay *in, struct stream **ret, struct err *err);
} codecs[] = {
	{ "gzip", { 0x1f, 0x8b }, 2, 0, inflate_gzip },
	{ "bzip2", { 'B', 'Z', 'h' }, 3, 0, inflate_bzip2 },
	{ "xz", { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, 0, inflate_xz },
	{ "zstd", { 0x28, 0xb5, 0x2f, 0xfd }, 4, 0, inflate_zstd },
	/* A skippable frame, which may come before the first one with data. */
	{ "zstd", { 0x50, 0x2a, 0x4d, 0x18 }, 4, 0xf0, inflate_zstd },
	{ "lz4", { 0x04, 0x22, 0x4d, 0x18 }, 4, 0, inflate_lz4 },
	{ 0 },
};

static bool has_magic(const struct codec *c, const uint8_t *piece, size_t len)
{
	uint8_t mask = c->first_mask ? c->first_mask : 0xff;

	return len >= c->magic_len && (piece[0] & mask) == c->magic[0] &&
	       memcmp(piece + 1, c->magic + 1, c->magic_len - 1) == 0;
}

int replay_next(struct replay *r, const uint8_t **ret, size_t *ret_len, struct err *err)
{
	int n;

	if (r->piece) {
		*ret = take_ptr(r->piece);
		*ret_len = r->len;
	} else {
		n = stream_next(r->lower, ret, ret_len, err);
		if (n <= 0)
			return n;
	}
	r->count += *ret_len;
	return 1;
}

/* What decompresses, watched: or, without a codec, the input as it is. */
struct inflated_stream {
	struct stream stream;
	struct replay plain;	 /* lower is NULL when there is a codec */
	struct stream *inflated; /* NULL when there is none */
	const struct unpack_limits *limits;
	const char *codec;
	uint64_t made;
};

static int plain_next(
	struct stream *s, const uint8_t **ret, size_t *ret_len, struct err *err)
{
	return replay_next(&((struct inflated_stream *)s)->plain, ret, ret_len, err);
}

static uint64_t plain_skip(struct stream *s, uint64_t count)
{
	struct replay *in = &((struct inflated_stream *)s)->plain;

	if (in->piece || !in->lower->skip)
		return 0;
	return in->lower->skip(in->lower, count);
}

static int metered_next(
	struct stream *s, const uint8_t **ret, size_t *ret_len, struct err *err)
{
	struct inflated_stream *is = (struct inflated_stream *)s;
	int r;

	r = stream_next(is->inflated, ret, ret_len, err);
	if (r <= 0)
		return r;
	is->made += *ret_len;
	if (is->made > is->limits->ratio_from &&
		is->made / is->limits->ratio > inflate_used(is->inflated))
		return err_say(err, EFBIG,
			"the %s data swells to more than %" PRIu64
			" times its size, the limit: it looks like a decompression bomb",
			is->codec, is->limits->ratio);
	return 1;
}

static void inflated_done(struct stream *s)
{
	struct inflated_stream *is = (struct inflated_stream *)s;

	stream_free(is->plain.lower);
	stream_free(is->inflated);
}

static int open_codec(struct inflated_stream *is, struct err *err)
{
	const uint8_t *piece = NULL;
	size_t len = 0;
	int r;

	r = stream_next(is->plain.lower, &piece, &len, err);
	if (r <= 0)
		return r;
	is->plain.piece = piece;
	is->plain.len = len;
	for (const struct codec *c = codecs; c->name; c++) {
		if (!has_magic(c, piece, len))
			continue;
		r = c->open(&is->plain, &is->inflated, err);
		if (r < 0)
			return r;
		is->plain = (struct replay){ 0 };
		is->codec = c->name;
		is->stream.next = metered_next;
		is->stream.skip = NULL;
		break;
	}
	return 0;
}

int stream_inflated(struct stream *lower, const struct unpack_limits *limits,
	struct stream **ret, const char **ret_codec, struct err *err)
{
	struct inflated_stream *is = calloc(1, sizeof(*is));
	int r;

	if (!is) {
		stream_free(lower);
		return err_oom(err);
	}
	is->stream = (struct stream){
		.next = plain_next, .skip = plain_skip, .done = inflated_done
	};
	is->plain.lower = lower;
	is->limits = limits;
	is->codec = "";
	r = open_codec(is, err);
	if (r < 0) {
		stream_free(&is->stream);
		return r;
	}
	if (ret_codec)
		*ret_codec = is->codec;
	*ret = &is->stream;
	return 0;
}
