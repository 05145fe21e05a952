/* SPDX-License-Identifier: Apache-2.0 */
#include "images/unpack-source.h"

#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRESS_EVERY (16U << 20)

/* In the order in which they are tried; a bundle that none of the first knows is a root
 * file system whose names tell nothing. */
static const struct image_format *const formats[] = { &format_docker, &format_oci,
	&format_docker_v1, &format_aci, NULL };

static bool wants(const struct unpack_source *s, const char *format)
{
	return str_eq(s->wanted, format);
}

static bool is_auto(const struct unpack_source *s)
{
	return wants(s, "auto");
}

int unpack_spool(int spool_dirfd, struct err *err)
{
	int fd = fd_unnamed(spool_dirfd, ".");

	return fd < 0 ? err_set(err, -fd, "make a temporary file in the store") : fd;
}

static int spool_piece(struct unpack_job *job, int fd, const uint8_t *piece, size_t len,
	uint64_t *total, struct err *err)
{
	uint64_t before = *total;
	int r;

	*total += len;
	if (*total > job->request.limits.bytes)
		return err_say(err, EFBIG, "the archive is larger than the limit");
	r = fd_write_all(fd, piece, len);
	if (r < 0)
		return err_set(err, -r, "write a temporary file in the store");
	if (before / PROGRESS_EVERY == *total / PROGRESS_EVERY)
		return 0;
	return unpack_progress(job, "read", 0, 0, *total, 0, err);
}

/* What comes through a pipe can be read only once. */
static int spool_pipe(struct unpack_job *job, int source_fd, int spool_dirfd,
	struct byte_range *ret, struct err *err)
{
	cleanup_close int fd = unpack_spool(spool_dirfd, err);
	cleanup_free uint8_t *piece = malloc(1U << 17);
	uint64_t total = 0;
	ssize_t n;
	int r;

	if (fd < 0)
		return fd;
	if (!piece)
		return err_oom(err);
	for (;;) {
		n = read(source_fd, piece, 1U << 17);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, errno, "read the archive");
		if (n == 0)
			break;
		r = spool_piece(job, fd, piece, (size_t)n, &total, err);
		if (r < 0)
			return r;
	}
	*ret = (struct byte_range){ .fd = take_fd(&fd), .size = total };
	return 0;
}

static int inflate_range(struct unpack_job *job, const struct byte_range *range,
	struct stream **ret, const char **ret_codec, struct err *err)
{
	struct stream *file = NULL;
	int r;

	r = stream_of_range(range, &file, err);
	if (r < 0)
		return r;
	return stream_inflated(file, &job->request.limits, ret, ret_codec, err);
}

/* A compressed archive of an image cannot be read here and there: it is kept
 * decompressed. */
static int spool_inflated(struct unpack_job *job, int spool_dirfd,
	struct byte_range *range, struct err *err)
{
	cleanup_stream struct stream *in = NULL;
	cleanup_close int fd = -1;
	const uint8_t *piece;
	uint64_t total = 0;
	size_t len;
	int r;

	r = inflate_range(job, range, &in, NULL, err);
	if (r < 0)
		return r;
	fd = unpack_spool(spool_dirfd, err);
	if (fd < 0)
		return fd;
	while ((r = stream_next(in, &piece, &len, err)) > 0) {
		r = spool_piece(job, fd, piece, len, &total, err);
		if (r < 0)
			break;
	}
	if (r < 0)
		return r;
	(void)close(range->fd);
	*range = (struct byte_range){ .fd = take_fd(&fd), .size = total };
	return 0;
}

/* Whether the archive is compressed, and if so whether it seems to hold an image. */
static int look_inside(struct unpack_job *job, struct unpack_source *s,
	bool *ret_compressed, struct err *err)
{
	struct stream *in = NULL;
	const char *codec = "";
	int r;

	r = inflate_range(job, &s->archive, &in, &codec, err);
	if (r < 0)
		return r;
	*ret_compressed = *codec != '\0';
	if (*ret_compressed && is_auto(s))
		return bundle_guess(in, &s->shape, err);
	stream_free(in);
	return 0;
}

static int open_bundle(
	struct unpack_job *job, int spool_dirfd, struct unpack_source *s, struct err *err)
{
	bool is_compressed = false;
	int r;

	s->shape = BUNDLE_IMAGE;
	r = look_inside(job, s, &is_compressed, err);
	if (r < 0 || s->shape != BUNDLE_IMAGE)
		return r;
	if (is_compressed) {
		s->is_original = false;
		r = spool_inflated(job, spool_dirfd, &s->archive, err);
		if (r < 0)
			return r;
	}
	return bundle_of_archive(&s->archive, !is_auto(s), &s->bundle, &s->shape, err);
}

static int open_archive(struct unpack_job *job, int source_fd, const struct stat *st,
	int spool_dirfd, struct unpack_source *s, struct err *err)
{
	int r;

	if (!S_ISREG(st->st_mode)) {
		r = spool_pipe(job, source_fd, spool_dirfd, &s->archive, err);
		if (r < 0)
			return r;
	} else {
		s->archive.size = (uint64_t)st->st_size;
		s->is_original = true;
		s->archive.fd = fcntl(source_fd, F_DUPFD_CLOEXEC, 0);
		if (s->archive.fd < 0)
			return err_set(err, errno, "open the archive");
	}
	if (!s->archive.size)
		return err_say(err, EINVAL, "the archive is empty");
	if (wants(s, format_tar.name))
		return 0;
	return open_bundle(job, spool_dirfd, s, err);
}

static const char *missing_parts(const struct unpack_source *s)
{
	if (wants(s, format_docker.name))
		return "docker-archive: it has no manifest.json and no layers with json files";
	if (wants(s, format_aci.name))
		return "App Container Image: it has no manifest";
	return "OCI layout: it has no oci-layout and index.json";
}

/* No format knows the source, and it is not to be taken for a root file system either. */
static int refuse_format(const struct unpack_source *s, struct err *err)
{
	if (s->archive.fd < 0)
		return err_say(err, EINVAL,
			"the directory is no OCI image layout: it has no oci-layout and index.json");
	if (!is_auto(s))
		return err_say(err, EINVAL, "the archive is no %s", missing_parts(s));
	(void)err_say(err, EINVAL,
		"the archive holds parts of an image, but neither manifest.json, nor oci-layout "
		"with index.json, nor manifest with rootfs");
	return err_hint(err, "if it is a root file system, say so: tar:FILE");
}

static int choose_format(struct unpack_source *s, struct err *err)
{
	for (const struct image_format *const *f = formats; *f; f++) {
		if (!is_auto(s) && !wants(s, (*f)->name) && !wants(s, (*f)->archive_name))
			continue;
		if (!(*f)->probe(s->bundle))
			continue;
		s->format = *f;
		return 0;
	}
	if (s->archive.fd < 0 || !(is_auto(s) || wants(s, format_tar.name)) ||
		(is_auto(s) && s->shape == BUNDLE_IMAGE))
		return refuse_format(s, err);
	bundle_free(s->bundle);
	s->bundle = NULL;
	s->format = &format_tar;
	return 0;
}

int unpack_source_open(struct unpack_job *job, int source_fd, int spool_dirfd,
	const char *format, struct unpack_source *ret, struct err *err)
{
	struct unpack_source s = {
		.archive.fd = -1, .rendered.fd = -1, .wanted = format ? format : "auto"
	};
	struct stat st;
	int r;

	if (fstat(source_fd, &st) < 0)
		return err_set(err, errno, "look at the archive");
	if (S_ISDIR(st.st_mode))
		r = bundle_of_dir(source_fd, &s.bundle, err);
	else
		r = open_archive(job, source_fd, &st, spool_dirfd, &s, err);
	if (r == 0)
		r = choose_format(&s, err);
	if (r < 0) {
		unpack_source_done(&s);
		return r;
	}
	*ret = s;
	return 0;
}

void unpack_source_done(struct unpack_source *source)
{
	bundle_free(source->bundle);
	if (source->archive.fd >= 0)
		(void)close(source->archive.fd);
	if (source->rendered.fd >= 0)
		(void)close(source->rendered.fd);
}
