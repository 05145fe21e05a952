/* SPDX-License-Identifier: Apache-2.0 */
/* The compressions that libarchive undoes: one filter, and its "raw" format that passes
 * the bytes on. Neither guesses: the caller has seen the magic number. */
#include "images/inflate.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

struct archive_stream {
	struct codec_stream base;
	struct archive *archive;
	const char *name;
	struct err failed; /* of the input, inside a callback */
};

static la_ssize_t give_input(struct archive *a, void *arg, const void **ret)
{
	struct archive_stream *as = arg;
	const uint8_t *piece = NULL;
	size_t len = 0;
	int r;

	r = replay_next(&as->base.in, &piece, &len, &as->failed);
	if (r < 0) {
		archive_set_error(a, -r, "input");
		return ARCHIVE_FATAL;
	}
	*ret = piece;
	return r ? (la_ssize_t)len : 0;
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
	if (r == ARCHIVE_EOF) /* what the filter left unread belongs to the digest too */
		return stream_drain(as->base.in.lower, err);
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
