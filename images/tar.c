/* SPDX-License-Identifier: Apache-2.0 */
#include "images/tar.h"

#include "common/str.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <sys/sysmacros.h>

#define LOOK_FURTHER_MAX (64U << 20)

struct tar {
	struct archive *archive;
	struct archive_entry *entry;
	struct stream *in;
	struct err failed; /* of the stream, inside a callback */
	uint64_t count;	   /* members read */
	bool has_input;
};

static la_ssize_t give_input(struct archive *a, void *arg, const void **ret)
{
	struct tar *t = arg;
	const uint8_t *piece = NULL;
	size_t len = 0;
	int r;

	r = stream_next(t->in, &piece, &len, &t->failed);
	if (r < 0) {
		archive_set_error(a, -r, "input");
		return ARCHIVE_FATAL;
	}
	t->has_input = t->has_input || r > 0;
	*ret = piece;
	return r ? (la_ssize_t)len : 0;
}

static la_int64_t skip_input(struct archive *a, void *arg, la_int64_t count)
{
	struct tar *t = arg;

	return (la_int64_t)t->in->skip(t->in, (uint64_t)count);
}

/* No byte at all is a layer without changes, as some tools write it. */
static bool is_empty(const struct tar *t)
{
	return !t->has_input && !t->failed.code;
}

/* Some decompressors give what they made of corrupt data before they notice. */
static void look_further(struct tar *t)
{
	const uint8_t *piece;
	size_t len, total = 0;

	while (!t->failed.code && total < LOOK_FURTHER_MAX) {
		if (stream_next(t->in, &piece, &len, &t->failed) <= 0)
			break;
		total += len;
	}
}

static int fail(struct tar *t, struct err *err)
{
	const char *why = archive_error_string(t->archive);

	look_further(t);
	if (t->failed.code) {
		if (err)
			*err = t->failed;
		return -t->failed.code;
	}
	if (!t->count)
		return err_say(err, EBADMSG,
			"not a tar archive, neither plain nor compressed by gzip, bzip2, xz, zstd or lz4");
	return err_say(err, EBADMSG,
		"the tar archive is damaged after member %" PRIu64 ": %s", t->count,
		why ? why : "unreadable");
}

int tar_open(struct stream *in, struct tar **ret, struct err *err)
{
	cleanup_tar struct tar *t = calloc(1, sizeof(*t));
	int r;

	if (!t) {
		stream_free(in);
		return err_oom(err);
	}
	t->in = in;
	t->archive = archive_read_new();
	t->entry = archive_entry_new();
	if (!t->archive || !t->entry)
		return err_oom(err);
	if (archive_read_support_format_tar(t->archive) != ARCHIVE_OK ||
		archive_read_set_read_callback(t->archive, give_input) != ARCHIVE_OK ||
		archive_read_set_callback_data(t->archive, t) != ARCHIVE_OK)
		return fail(t, err);
	if (in->skip &&
		archive_read_set_skip_callback(t->archive, skip_input) != ARCHIVE_OK)
		return fail(t, err);
	r = archive_read_open1(t->archive);
	if (r != ARCHIVE_OK && !is_empty(t))
		return fail(t, err);
	*ret = take_ptr(t);
	return 0;
}

void tar_free(struct tar *t)
{
	if (!t)
		return;
	if (t->archive)
		(void)archive_read_free(t->archive);
	if (t->entry)
		archive_entry_free(t->entry);
	stream_free(t->in);
	free(t);
}

/* Names stay the bytes they are, which libarchive only regrets; everything else that it
 * warns of would leave a member other than it was written. */
static bool is_harmless(const char *warning)
{
	return warning && strstr(warning, "can't be converted from");
}

/* libarchive reads the PAX time "-1.25" as -1 s plus 0.25 s. (Of "-0.25" it loses the sign:
 * times in the last second before 1970 come out mirrored.) */
static struct timespec exact_time(int64_t sec, long nsec)
{
	if (sec < 0 && nsec > 0)
		return (struct timespec){ .tv_sec = sec - 1,
			.tv_nsec = 1000000000L - nsec };
	return (struct timespec){ .tv_sec = sec, .tv_nsec = nsec };
}

static int read_id(
	int64_t value, const char *what, const char *path, uint32_t *ret, struct err *err)
{
	char show[SHOWN_MAX];

	/* 4294967295 would mean "keep" to chown(2). */
	if (value < 0 || value >= UINT32_MAX)
		return err_say(err, ERANGE, "member %s has the impossible %s %" PRId64,
			shown(path, show), what, value);
	*ret = (uint32_t)value;
	return 0;
}

static int fill_entry(struct archive_entry *e, struct tar_entry *ret, struct err *err)
{
	char show[SHOWN_MAX];
	int r;

	*ret = (struct tar_entry){
		.path = archive_entry_pathname(e),
		.hardlink = archive_entry_hardlink(e),
		.mode = archive_entry_mode(e) & (S_IFMT | 07777),
		.mtime = exact_time(archive_entry_mtime(e), archive_entry_mtime_nsec(e)),
		.is_sparse = archive_entry_sparse_count(e) > 0,
	};
	if (!ret->path || !*ret->path)
		return err_say(err, EBADMSG, "a member of the archive has no name");
	if (archive_entry_size(e) < 0)
		return err_say(err, EBADMSG, "member %s has a negative size",
			shown(ret->path, show));
	ret->size = (uint64_t)archive_entry_size(e);
	if (ret->hardlink)
		ret->mode &= 07777;
	else if (S_ISLNK(ret->mode))
		ret->symlink = archive_entry_symlink(e);
	ret->has_data = ret->size > 0 && (ret->hardlink || S_ISREG(ret->mode));
	if (S_ISCHR(ret->mode) || S_ISBLK(ret->mode))
		ret->rdev = makedev((unsigned int)archive_entry_rdevmajor(e),
			(unsigned int)archive_entry_rdevminor(e));
	r = read_id(archive_entry_uid(e), "uid", ret->path, &ret->uid, err);
	if (r < 0)
		return r;
	return read_id(archive_entry_gid(e), "gid", ret->path, &ret->gid, err);
}

int tar_next(struct tar *t, struct tar_entry *ret, struct err *err)
{
	int r;

	if (is_empty(t))
		return 0;
	r = archive_read_next_header2(t->archive, t->entry);
	if (r == ARCHIVE_EOF)
		return 0;
	if (r != ARCHIVE_OK &&
		!(r == ARCHIVE_WARN && is_harmless(archive_error_string(t->archive))))
		return fail(t, err);
	r = fill_entry(t->entry, ret, err);
	if (r < 0)
		return r;
	(void)archive_entry_xattr_reset(t->entry);
	t->count++;
	return 1;
}

struct archive_entry *tar_entry_of(struct tar *t)
{
	return t->entry;
}

int tar_data(struct tar *t, const void **ret, size_t *ret_len, uint64_t *ret_offset,
	struct err *err)
{
	la_int64_t offset = 0;
	int r;

	r = archive_read_data_block(t->archive, ret, ret_len, &offset);
	if (r == ARCHIVE_EOF)
		return 0;
	if (r != ARCHIVE_OK || offset < 0)
		return fail(t, err);
	*ret_offset = (uint64_t)offset;
	return 1;
}

uint64_t tar_position(struct tar *t)
{
	return (uint64_t)archive_filter_bytes(t->archive, 0);
}

int tar_xattr(
	struct tar *t, const char **ret_name, const void **ret_value, size_t *ret_len)
{
	return archive_entry_xattr_next(t->entry, ret_name, ret_value, ret_len) ==
	       ARCHIVE_OK;
}

int tar_finish(struct tar *t, struct err *err)
{
	return stream_drain(t->in, err);
}
