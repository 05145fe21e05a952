/* SPDX-License-Identifier: Apache-2.0 */
#include "images/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

/* Large enough to amortise the calls, small enough to stay in the second-level cache
 * between the read, the digest and the decompressor. */
#define PIECE (256U << 10)

void stream_free(struct stream *s)
{
	if (!s)
		return;
	if (s->done)
		s->done(s);
	free(s);
}

struct range_stream {
	struct stream stream;
	struct byte_range left;
	uint8_t piece[PIECE];
};

static int range_next(
	struct stream *s, const uint8_t **ret, size_t *ret_len, struct err *err)
{
	struct range_stream *rs = (struct range_stream *)s;
	size_t want = rs->left.size < PIECE ? (size_t)rs->left.size : PIECE;
	ssize_t n;

	if (!want)
		return 0;
	do {
		n = pread(rs->left.fd, rs->piece, want, (off_t)rs->left.offset);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(err, errno, "read the archive");
	if (n == 0)
		return err_say(err, EBADMSG,
			"the archive is truncated: %" PRIu64 " bytes are missing",
			rs->left.size);
	rs->left.offset += (uint64_t)n;
	rs->left.size -= (uint64_t)n;
	*ret = rs->piece;
	*ret_len = (size_t)n;
	return 1;
}

static uint64_t range_skip(struct stream *s, uint64_t count)
{
	struct range_stream *rs = (struct range_stream *)s;

	if (count > rs->left.size)
		count = rs->left.size;
	rs->left.offset += count;
	rs->left.size -= count;
	return count;
}

int stream_of_range(const struct byte_range *range, struct stream **ret, struct err *err)
{
	struct range_stream *rs = malloc(sizeof(*rs));

	if (!rs)
		return err_oom(err);
	rs->stream = (struct stream){ .next = range_next, .skip = range_skip };
	rs->left = *range;
	(void)posix_fadvise(range->fd, (off_t)range->offset, (off_t)range->size,
		POSIX_FADV_SEQUENTIAL);
	*ret = &rs->stream;
	return 0;
}

struct hashed_stream {
	struct stream stream;
	struct stream *lower;
	struct hash *hash;
	uint64_t *count;
};

static int hashed_next(
	struct stream *s, const uint8_t **ret, size_t *ret_len, struct err *err)
{
	struct hashed_stream *hs = (struct hashed_stream *)s;
	int r;

	r = stream_next(hs->lower, ret, ret_len, err);
	if (r <= 0)
		return r;
	hash_update(hs->hash, *ret, *ret_len);
	if (hs->count)
		*hs->count += *ret_len;
	return 1;
}

static void hashed_done(struct stream *s)
{
	stream_free(((struct hashed_stream *)s)->lower);
}

int stream_hashed(struct stream *lower, struct hash *hash, uint64_t *count,
	struct stream **ret, struct err *err)
{
	struct hashed_stream *hs = malloc(sizeof(*hs));

	if (!hs) {
		stream_free(lower);
		return err_oom(err);
	}
	hs->stream = (struct stream){ .next = hashed_next, .done = hashed_done };
	hs->lower = lower;
	hs->hash = hash;
	hs->count = count;
	hash_init(hash);
	*ret = &hs->stream;
	return 0;
}

int stream_drain(struct stream *s, struct err *err)
{
	const uint8_t *piece;
	size_t len;
	int r;

	do {
		r = stream_next(s, &piece, &len, err);
	} while (r > 0);
	return r;
}
