/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operation "extract": a file put into a task's sandbox and, when it is an archive, what
 * is in it beside it. Unlike a layer an archive has no marks that mean something, no owners,
 * devices, attributes or set-user-ID bits: all is the task's. Links stay links, and nothing is
 * written through one.
 */
#include "images/unpack.h"

#include "common/fd.h"
#include "common/path.h"
#include "images/tar.h"
#include "images/writer.h"
#include "images/zip.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct extract {
	struct unpack_job *job;
	int dest_fd;
	struct byte_range source;
	struct writer *writer;
	struct unpack_usage usage;
	uint32_t uid, gid; /* ours, for the time being */
};

/* A reader of members, whichever the archive. */
struct reader {
	int (*next)(void *archive, struct tar_entry *ret, struct err *err);
	int (*data)(void *archive, const void **ret, size_t *len, uint64_t *offset,
		struct err *err);
	void *archive;
};

/* ---- one member ---- */

static int parse_path(
	struct extract *x, const char *text, struct writer_path *ret, struct err *err)
{
	char show[SHOWN_MAX];

	if (*text == '/')
		return err_say(
			err, EINVAL, "member %s has an absolute name", shown(text, show));
	return writer_path_parse(text, x->usage.limits, ret, err);
}

static int enter(struct extract *x, const struct writer_path *path, struct err *err)
{
	int r = writer_enter(x->writer, path, path->dir_len, err);

	return r > 0 ? -ENOTDIR : r;
}

static struct member_facts facts_of(
	const struct extract *x, const struct tar_entry *e, mode_t mode)
{
	return (struct member_facts){ .attributes = { .mode = mode,
					      .uid = x->uid,
					      .gid = x->gid,
					      .mtime = e->mtime },
		.xattrs = BUF_INIT,
		.member = e->path };
}

static int write_data(struct extract *x, const struct reader *reader, int file,
	const struct tar_entry *e, uint64_t *ret_end, struct err *err)
{
	struct piece piece = { 0 };
	int r = 0;

	while (r == 0 && e->has_data &&
		(r = reader->data(reader->archive, &piece.data, &piece.len, &piece.offset,
			 err)) > 0) {
		r = unpack_usage_bytes(&x->usage, piece.len, e->path, err);
		if (r == 0)
			r = writer_file_write(x->writer, file, &piece, e->path, err);
		*ret_end = piece.offset + piece.len;
	}
	if (r < 0)
		return r;
	return e->size > x->usage.limits->bytes
		       ? err_say(err, EFBIG, "a member is larger than the limit")
		       : 0;
}

static int make_file(struct extract *x, const struct reader *reader,
	const struct writer_path *path, const struct tar_entry *e, struct err *err)
{
	struct member_facts m = facts_of(x, e, S_IFREG | (e->mode & 0777));
	uint64_t end = 0;
	int file = -1, r;

	r = writer_file_open(x->writer, path->base, &m, &file, err);
	if (r < 0)
		return r;
	r = write_data(x, reader, file, e, &end, err);
	if (r == 0)
		r = writer_file_end(x->writer, file, e->size, end, &m, err);
	writer_file_close(x->writer, file);
	return r;
}

static int make_dir(struct extract *x, const struct writer_path *path,
	const struct tar_entry *e, struct err *err)
{
	struct member_facts m = facts_of(x, e, S_IFDIR | (e->mode & 0777) | 0700);

	return *path->base ? writer_dir(x->writer, path->base, &m, err) : 0;
}

static int make_symlink(struct extract *x, const struct writer_path *path,
	const struct tar_entry *e, struct err *err)
{
	const struct member_facts m = facts_of(x, e, e->mode);
	char show[SHOWN_MAX];

	if (str_empty(e->symlink))
		return err_say(
			err, EINVAL, "the link %s has no target", shown(e->path, show));
	return writer_symlink(x->writer, path->base, e->symlink, &m, err);
}

static int make_hardlink(struct extract *x, const struct writer_path *path,
	const struct tar_entry *e, struct err *err)
{
	struct writer_path target;
	char show[SHOWN_MAX];
	mode_t mode = 0;
	int r;

	r = parse_path(x, e->hardlink, &target, err);
	if (r == 0)
		r = enter(x, &target, err);
	if (r < 0)
		return err_wrap(err, "hard link %s", shown(e->path, show));
	if (!*target.base || writer_look(x->writer, target.base, &mode) < 0 ||
		S_ISDIR(mode))
		return err_say(err, ENOENT,
			"member %s is a hard link to no file of the archive",
			shown(e->path, show));
	r = writer_hold_target(x->writer, target.base, e->path, err);
	if (r == 0)
		r = enter(x, path, err);
	return r < 0 ? r : writer_link(x->writer, path->base, e->path, err);
}

static int take_member(struct extract *x, const struct reader *reader,
	const struct tar_entry *e, struct err *err)
{
	struct writer_path path;
	char show[SHOWN_MAX];
	int r;

	r = unpack_usage_entry(&x->usage, e->path, err);
	if (r == 0)
		r = parse_path(x, e->path, &path, err);
	if (r < 0)
		return r;
	if (!*path.base && !S_ISDIR(e->mode))
		return err_say(err, EINVAL, "member %s names the sandbox itself",
			shown(e->path, show));
	if (e->hardlink)
		return make_hardlink(x, &path, e, err);
	r = enter(x, &path, err);
	if (r < 0)
		return r;
	if (S_ISREG(e->mode))
		return make_file(x, reader, &path, e, err);
	if (S_ISDIR(e->mode))
		return make_dir(x, &path, e, err);
	if (S_ISLNK(e->mode))
		return make_symlink(x, &path, e, err);
	return err_say(err, EPERM,
		"member %s is a device or a pipe, which a task's archive may not have",
		shown(e->path, show));
}

static int take_all(struct extract *x, const struct reader *reader, struct err *err)
{
	struct tar_entry e;
	int r;

	while ((r = reader->next(reader->archive, &e, err)) > 0) {
		r = take_member(x, reader, &e, err);
		if (r < 0)
			return r;
	}
	return r;
}

/* ---- the kinds of archives ---- */

static int next_tar(void *archive, struct tar_entry *ret, struct err *err)
{
	return tar_next(archive, ret, err);
}

static int data_tar(
	void *archive, const void **ret, size_t *len, uint64_t *offset, struct err *err)
{
	return tar_data(archive, ret, len, offset, err);
}

static int inflate(
	struct extract *x, struct stream **ret, const char **codec, struct err *err)
{
	struct stream *file = NULL;
	int r = stream_of_range(&x->source, &file, err);

	return r < 0 ? r : stream_inflated(file, x->usage.limits, ret, codec, err);
}

static int extract_tar(struct extract *x, struct err *err)
{
	cleanup_tar struct tar *tar = NULL;
	struct stream *in = NULL;
	int r;

	r = inflate(x, &in, NULL, err);
	if (r == 0)
		r = tar_open(in, &tar, err);
	if (r == 0)
		r = take_all(x, &(struct reader){ next_tar, data_tar, tar }, err);
	return r < 0 ? r : tar_finish(tar, err);
}

static int next_zip(void *archive, struct tar_entry *ret, struct err *err)
{
	return zip_next(archive, ret, err);
}

static int data_zip(
	void *archive, const void **ret, size_t *len, uint64_t *offset, struct err *err)
{
	return zip_data(archive, ret, len, offset, err);
}

static int extract_zip(struct extract *x, struct err *err)
{
	cleanup_zip struct zip *zip = NULL;
	int r;

	r = zip_open(x->source.fd, x->usage.limits, &zip, err);
	return r < 0 ? r : take_all(x, &(struct reader){ next_zip, data_zip, zip }, err);
}

/* A stream as the one file it is. */
struct single {
	struct stream *in;
	uint64_t offset;
};

static int data_single(
	void *archive, const void **ret, size_t *len, uint64_t *offset, struct err *err)
{
	struct single *s = archive;
	const uint8_t *piece = NULL;
	int r = stream_next(s->in, &piece, len, err);

	if (r <= 0)
		return r;
	*ret = piece;
	*offset = s->offset;
	s->offset += *len;
	return 1;
}

static int put_file(struct extract *x, struct stream *in, const char *name, mode_t mode,
	struct err *err)
{
	struct single single = { .in = in };
	const struct reader reader = { .data = data_single, .archive = &single };
	const struct tar_entry e = {
		.path = name, .mode = S_IFREG | mode, .has_data = true
	};

	return take_member(x, &reader, &e, err);
}

static int extract_gzip(struct extract *x, struct err *err)
{
	const char *name = x->job->request.name;
	cleanup_free char *plain = strndup(name, strlen(name) - strlen(".gz"));
	cleanup_stream struct stream *in = NULL;
	const char *codec = "";
	int r;

	if (!plain)
		return err_oom(err);
	r = inflate(x, &in, &codec, err);
	if (r < 0)
		return r;
	if (!str_eq(codec, "gzip"))
		return err_say(err, EBADMSG, "it is not compressed by gzip");
	return put_file(x, in, plain, 0644, err);
}

static const struct kind {
	const char *name;
	int (*extract)(struct extract *x, struct err *err);
} kinds[] = {
	{ "file", NULL },
	{ "tar", extract_tar },
	{ "zip", extract_zip },
	{ "gzip", extract_gzip },
	{ 0 },
};

/* ---- the whole ---- */

static int own_tree(struct extract *x, int dirfd, struct err *err);

static int own_one(struct extract *x, int dirfd, const char *name, struct err *err)
{
	const struct unpack_request *request = &x->job->request;
	cleanup_close int fd = -1;
	char show[SHOWN_MAX];

	fd = path_open_beneath(dirfd, name, O_RDONLY | O_DIRECTORY, 0);
	if (fd >= 0) {
		int r = own_tree(x, fd, err);

		if (r < 0)
			return r;
	}
	if (fchownat(dirfd, name, request->uid, request->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(
			err, errno, "give %s to uid %u", shown(name, show), request->uid);
	return 0;
}

static int own_tree(struct extract *x, int dirfd, struct err *err)
{
	int fd = path_open_beneath(dirfd, ".", O_RDONLY | O_DIRECTORY, 0);
	cleanup_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (!dir)
		return err_set(err, fd < 0 ? -fd : errno, "open a directory");
	while (r == 0 && (errno = 0, e = readdir(dir))) {
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			r = own_one(x, dirfd, e->d_name, err);
	}
	if (r == 0 && errno)
		return err_set(err, errno, "list a directory");
	return r;
}

static int put_source(struct extract *x, struct err *err)
{
	cleanup_stream struct stream *in = NULL;
	int r = stream_of_range(&x->source, &in, err);

	return r < 0 ? r
		     : put_file(x, in, x->job->request.name,
			       x->job->request.is_executable ? 0755 : 0644, err);
}

static int fill(struct extract *x, const struct kind *kind, struct err *err)
{
	const struct lower none = { 0 };
	cleanup_sink struct sink *sink = NULL;
	int r;

	r = sink_dir_new(x->dest_fd, &x->job->notes, &sink, err);
	if (r == 0)
		r = writer_new(sink, &none, &x->job->notes, &x->job->request.limits,
			&x->writer, err);
	if (r == 0)
		r = kind->extract && x->job->request.is_cached ? 0 : put_source(x, err);
	if (r == 0 && kind->extract)
		r = kind->extract(x, err);
	if (r == 0)
		r = writer_finish(x->writer, err);
	writer_free(x->writer);
	if (r == 0)
		r = own_tree(x, x->dest_fd, err);
	if (r == 0 && fchownat(x->dest_fd, ".", x->job->request.uid, x->job->request.gid,
			      AT_SYMLINK_NOFOLLOW) < 0)
		r = err_set(
			err, errno, "give the sandbox to uid %u", x->job->request.uid);
	return r;
}

int unpack_extract(struct unpack_job *job, struct err *err)
{
	struct extract x = { .job = job,
		.dest_fd = job->msg->fds[0],
		.source = { .fd = job->msg->fds[1] },
		.usage = { .limits = &job->request.limits },
		.uid = geteuid(),
		.gid = getegid() };
	const struct kind *kind = kinds;
	struct stat st;
	int r;

	if (fstat(x.source.fd, &st) < 0)
		return err_set(err, errno, "look at the file");
	x.source.size = (uint64_t)st.st_size;
	if (!S_ISREG(st.st_mode) || str_empty(job->request.name))
		return err_say(err, EPROTO, "the request names no file");
	while (kind->name && !str_eq(kind->name, job->request.format))
		kind++;
	if (!kind->name)
		return err_say(err, EPROTO, "the request is for an unknown kind");
	r = fill(&x, kind, err);
	return r < 0 ? r : unpack_done(job, NULL, 0, err);
}
