/* SPDX-License-Identifier: Apache-2.0 */
/* The compressions that libarchive undoes: one filter, and its "raw" format that passes
 * the bytes on. Neither guesses: the caller has seen the magic number. */
#include "images/inflate.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>

/* More than any filter looks at to see whether another frame follows. */
#define LOOK_AHEAD_MAX 64

struct archive_stream {
	struct codec_stream base;
	struct archive *archive;
	const char *name;
	const uint8_t *piece; /* the last one given to the filter */
	size_t len;
	uint8_t before[LOOK_AHEAD_MAX]; /* the end of what was given before it */
	struct err failed;		/* of the input, inside a callback */
};

static void keep_end(struct archive_stream *as)
{
	size_t n = as->len < LOOK_AHEAD_MAX ? as->len : LOOK_AHEAD_MAX;

	if (!n)
		return;
	memmove(as->before, as->before + n, LOOK_AHEAD_MAX - n);
	memcpy(as->before + LOOK_AHEAD_MAX - n, as->piece + as->len - n, n);
}

static la_ssize_t give_input(struct archive *a, void *arg, const void **ret)
{
	struct archive_stream *as = arg;
	const uint8_t *piece = NULL;
	size_t len = 0;
	int r;

	keep_end(as);
	as->len = 0;
	r = replay_next(&as->base.in, &piece, &len, &as->failed);
	if (r < 0) {
		archive_set_error(a, -r, "input");
		return ARCHIVE_FATAL;
	}
	as->piece = *ret = piece;
	as->len = r ? len : 0;
	return (la_ssize_t)as->len;
}

static int fail(struct archive_stream *as, struct err *err)
{
	const char *why = archive_error_string(as->archive);

	if (as->failed.code) {
		if (err)
			*err = as->failed;
		return -as->failed.code;
	}
	return err_say(err, EBADMSG, "the %s data is corrupt or truncated: %s", as->name,
		why ? why : "not decodable");
}

static bool is_zero(const uint8_t *data, size_t len)
{
	return !len || (!*data && memcmp(data, data + 1, len - 1) == 0);
}

/* Some filters stop in silence at what is no frame of theirs. As after gzip it may be
 * padding, and nothing else. */
static int check_rest(struct archive_stream *as, struct err *err)
{
	uint64_t rest =
		as->base.in.count - (uint64_t)archive_filter_bytes(as->archive, -1);
	size_t here = rest < as->len ? (size_t)rest : as->len;
	size_t before =
		rest - here < LOOK_AHEAD_MAX ? (size_t)(rest - here) : LOOK_AHEAD_MAX;
	const uint8_t *piece = as->piece + as->len - here;
	bool is_padding = is_zero(as->before + LOOK_AHEAD_MAX - before, before);
	size_t len = here;
	int r = 1;

	while (is_padding && r > 0) {
		is_padding = is_zero(piece, len);
		r = replay_next(&as->base.in, &piece, &len, err);
	}
	if (is_padding)
		return r;
	return err_say(err, EBADMSG,
		"the %s data is followed by something that is not %s", as->name,
		as->name);
}

static int archive_next(
	struct stream *s, const uint8_t **ret, size_t *ret_len, struct err *err)
{
	struct archive_stream *as = (struct archive_stream *)s;
	const void *piece = NULL;
	la_int64_t offset;
	size_t len = 0;
	int r;

	do {
		r = archive_read_data_block(as->archive, &piece, &len, &offset);
	} while (r == ARCHIVE_OK && !len);
	if (r == ARCHIVE_EOF)
		return check_rest(as, err);
	if (r != ARCHIVE_OK)
		return fail(as, err);
	*ret = piece;
	*ret_len = len;
	return 1;
}

static void archive_done(struct stream *s)
{
	struct archive_stream *as = (struct archive_stream *)s;

	stream_free(as->base.in.lower);
	(void)archive_read_free(as->archive);
}

static int start(
	struct archive_stream *as, int (*support)(struct archive *), struct err *err)
{
	struct archive_entry *entry;

	as->archive = archive_read_new();
	if (!as->archive)
		return err_oom(err);
	if (support(as->archive) != ARCHIVE_OK)
		return err_say(err, ENOTSUP, "this libarchive cannot read %s", as->name);
	if (archive_read_support_format_raw(as->archive) != ARCHIVE_OK ||
		archive_read_open(as->archive, as, NULL, give_input, NULL) !=
			ARCHIVE_OK ||
		archive_read_next_header(as->archive, &entry) != ARCHIVE_OK)
		return fail(as, err);
	return 0;
}

static int open_filter(const char *name, int (*support)(struct archive *),
	struct replay *in, struct stream **ret, struct err *err)
{
	struct archive_stream *as = calloc(1, sizeof(*as));
	int r;

	if (!as)
		return err_oom(err);
	as->base.stream = (struct stream){ .next = archive_next, .done = archive_done };
	as->base.in = *in;
	as->name = name;
	r = start(as, support, err);
	if (r < 0) {
		as->base.in.lower = NULL; /* stays the caller's */
		stream_free(&as->base.stream);
		return r;
	}
	*ret = &as->base.stream;
	return 0;
}

int inflate_bzip2(struct replay *in, struct stream **ret, struct err *err)
{
	return open_filter("bzip2", archive_read_support_filter_bzip2, in, ret, err);
}

int inflate_xz(struct replay *in, struct stream **ret, struct err *err)
{
	return open_filter("xz", archive_read_support_filter_xz, in, ret, err);
}

int inflate_zstd(struct replay *in, struct stream **ret, struct err *err)
{
	return open_filter("zstd", archive_read_support_filter_zstd, in, ret, err);
}

int inflate_lz4(struct replay *in, struct stream **ret, struct err *err)
{
	return open_filter("lz4", archive_read_support_filter_lz4, in, ret, err);
}
