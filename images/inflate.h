/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decompressors behind stream_inflated(). One is given what it reads from, with the
 * first piece already taken out of it, and makes pieces of its own.
 */
#ifndef UCR_IMAGES_INFLATE_H
#define UCR_IMAGES_INFLATE_H

#include "images/stream.h"

/* A stream whose first piece was looked at: gives that once more, then the rest. */
struct replay {
	struct stream *lower;
	const uint8_t *piece; /* not consumed yet; NULL: ask lower */
	size_t len;
	uint64_t count; /* bytes given out so far */
};

/* As stream_next(). */
int replay_next(struct replay *r, const uint8_t **ret, size_t *ret_len, struct err *err)
	__attribute__((warn_unused_result));

/* Each takes the replay's lower stream over when it succeeds. */
int inflate_gzip(struct replay *in, struct stream **ret, struct err *err)
	__attribute__((warn_unused_result));
int inflate_bzip2(struct replay *in, struct stream **ret, struct err *err)
	__attribute__((warn_unused_result));
int inflate_xz(struct replay *in, struct stream **ret, struct err *err)
	__attribute__((warn_unused_result));
int inflate_zstd(struct replay *in, struct stream **ret, struct err *err)
	__attribute__((warn_unused_result));
int inflate_lz4(struct replay *in, struct stream **ret, struct err *err)
	__attribute__((warn_unused_result));

/* What every decompressor's stream begins with. */
struct codec_stream {
	struct stream stream;
	struct replay in;
};

/* How many compressed bytes a stream made by one of these has used. */
static inline uint64_t inflate_used(const struct stream *s)
{
	return ((const struct codec_stream *)s)->in.count;
}

#endif
