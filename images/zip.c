/* SPDX-License-Identifier: Apache-2.0 */
#include "images/zip.h"

#include "common/str.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <unistd.h>

#define ZIP_BLOCK (1U << 16)

struct zip {
	struct archive *archive;
	struct archive_entry *entry;
	const struct unpack_limits *limits;
	uint64_t size, made; /* bytes of the file, and of what came out of it */
};

static int fail(struct zip *z, struct err *err)
{
	const char *why = archive_error_string(z->archive);

	return err_say(
		err, EBADMSG, "the zip archive is damaged: %s", why ? why : "unreadable");
}

int zip_open(
	int fd, const struct unpack_limits *limits, struct zip **ret, struct err *err)
{
	cleanup_zip struct zip *z = calloc(1, sizeof(*z));
	struct stat st;
	int r;

	if (!z)
		return err_oom(err);
	if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_set(err, errno, "look at the zip archive");
	z->size = (uint64_t)st.st_size;
	z->limits = limits;
	r = zip_check(fd, z->size, limits, err);
	if (r < 0)
		return r;
	z->archive = archive_read_new();
	z->entry = archive_entry_new();
	if (!z->archive || !z->entry)
		return err_oom(err);
	if (archive_read_support_format_zip_seekable(z->archive) != ARCHIVE_OK ||
		archive_read_open_fd(z->archive, fd, ZIP_BLOCK) != ARCHIVE_OK)
		return fail(z, err);
	*ret = take_ptr(z);
	return 0;
}

void zip_free(struct zip *z)
{
	if (!z)
		return;
	if (z->archive)
		(void)archive_read_free(z->archive);
	if (z->entry)
		archive_entry_free(z->entry);
	free(z);
}

static bool is_harmless(const char *warning)
{
	return warning && strstr(warning, "annot be converted");
}

int zip_next(struct zip *z, struct tar_entry *ret, struct err *err)
{
	struct archive_entry *e = z->entry;
	int r = archive_read_next_header2(z->archive, e);

	if (r == ARCHIVE_EOF)
		return 0;
	if (r != ARCHIVE_OK &&
		!(r == ARCHIVE_WARN && is_harmless(archive_error_string(z->archive))))
		return fail(z, err);
	*ret = (struct tar_entry){
		.path = archive_entry_pathname(e),
		.mode = archive_entry_mode(e) & (S_IFMT | 0777),
		.mtime = { archive_entry_mtime(e), archive_entry_mtime_nsec(e) },
	};
	if (str_empty(ret->path))
		return err_say(err, EBADMSG, "a member of the zip archive has no name");
	/* Made on a system without modes. */
	if (!(ret->mode & 0777))
		ret->mode |= S_ISDIR(ret->mode) ? 0755 : 0644;
	if (S_ISLNK(ret->mode))
		ret->symlink = archive_entry_symlink(e);
	if (archive_entry_size_is_set(e) && archive_entry_size(e) > 0)
		ret->size = (uint64_t)archive_entry_size(e);
	ret->has_data = S_ISREG(ret->mode);
	return 1;
}

int zip_data(struct zip *z, const void **ret, size_t *ret_len, uint64_t *ret_offset,
	struct err *err)
{
	la_int64_t offset = 0;
	int r = archive_read_data_block(z->archive, ret, ret_len, &offset);

	if (r == ARCHIVE_EOF)
		return 0;
	if (r != ARCHIVE_OK || offset < 0)
		return fail(z, err);
	z->made += *ret_len;
	if (z->made > z->limits->ratio_from && z->made / z->limits->ratio > z->size)
		return err_say(err, EFBIG,
			"the zip archive unpacks to more than %llu times its size",
			(unsigned long long)z->limits->ratio);
	*ret_offset = (uint64_t)offset;
	return 1;
}
