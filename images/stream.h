/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that are pulled, in the pieces in which they come, without being copied: a file,
 * what a decompressor makes of it, a meter or a digest over either. Each stream owns the
 * one it reads from.
 */
#ifndef UCR_IMAGES_STREAM_H
#define UCR_IMAGES_STREAM_H

#include "common/cleanup.h"
#include "common/err.h"
#include "common/hash.h"
#include "images/unpack-limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where bytes lie: part of an open regular file. */
struct byte_range {
	int fd;
	uint64_t offset, size;
};

struct stream {
	/* 1 and the next piece (never empty), valid until the next call; 0 at the end. */
	int (*next)(
		struct stream *s, const uint8_t **ret, size_t *ret_len, struct err *err);
	/* Passes over up to `count` bytes; returns how many. NULL: cannot. */
	uint64_t (*skip)(struct stream *s, uint64_t count);
	void (*done)(
		struct stream *s); /* releases what is beside the struct; may be NULL */
};

void stream_free(struct stream *s);
static inline void stream_free_ptr(struct stream **s)
{
	stream_free(*s);
}
#define cleanup_stream cleanup_with(stream_free_ptr)

static inline int stream_next(
	struct stream *s, const uint8_t **ret, size_t *ret_len, struct err *err)
{
	return s->next(s, ret, ret_len, err);
}

/* A part of a file; the descriptor stays the caller's. */
int stream_of_range(const struct byte_range *range, struct stream **ret, struct err *err)
	__attribute__((warn_unused_result));

/* Everything that passes is hashed; `hash` and `count` (may be NULL) are the caller's.
 * Takes `lower` over, also when it fails, as do all below. */
int stream_hashed(struct stream *lower, struct hash *hash, uint64_t *count,
	struct stream **ret, struct err *err) __attribute__((warn_unused_result));

/*
 * What `lower` is when decompressed: the first bytes tell how (gzip, bzip2, xz, zstd,
 * lz4, or not at all). The ratio limit applies. `ret_codec` (may be NULL): its name, ""
 * for none.
 */
int stream_inflated(struct stream *lower, const struct unpack_limits *limits,
	struct stream **ret, const char **ret_codec, struct err *err)
	__attribute__((warn_unused_result));

/* The same stream, read ahead by a thread where there is a second processor; it then runs beside
 * the caller until stream_free(). `lower` cannot be skipped in. */
int stream_ahead(struct stream *lower, struct stream **ret, struct err *err)
	__attribute__((warn_unused_result));

/* Reads to the end, so that every digest over it is complete. */
int stream_drain(struct stream *s, struct err *err) __attribute__((warn_unused_result));

#endif
