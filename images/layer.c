/* SPDX-License-Identifier: Apache-2.0 */
#include "images/layer-private.h"

#include "common/fd.h"
#include "common/path.h"
#include "common/str.h"
#include "images/copy-file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static struct attributes attributes_of(const struct tar_entry *e)
{
	return (struct attributes){
		.mode = e->mode, .uid = e->uid, .gid = e->gid, .mtime = e->mtime
	};
}

static int write_piece(int fd, const void *piece, size_t len, uint64_t offset,
	const char *member, struct err *err)
{
	int r = fd_write_all_at(fd, piece, len, offset);
	char show[SHOWN_MAX];

	return r < 0 ? err_set(err, -r, "write %s", shown(member, show)) : 0;
}

/* Where in the layer the current directory's `base` is. */
static void file_path(
	struct layer *l, const char *base, char ret[PATH_MAX + NAME_MAX + 2])
{
	size_t len;

	writer_where(l->writer, ret);
	len = strlen(ret);
	(void)snprintf(ret + len, NAME_MAX + 2, "%s%s", len ? "/" : "", base);
}

/* The data, and the holes in between as holes. */
static int write_data(struct layer *l, int fd, const char *base,
	const struct tar_entry *e, struct err *err)
{
	char path[PATH_MAX + NAME_MAX + 2];
	uint64_t offset = 0, end = 0;
	char show[SHOWN_MAX];
	const void *piece;
	size_t len;
	int r;

	if (l->job->recorder)
		file_path(l, base, path);
	if (e->size > l->job->usage->limits->bytes)
		return err_say(err, EFBIG,
			"member %s has %" PRIu64 " bytes, the limit is %" PRIu64,
			shown(e->path, show), e->size, l->job->usage->limits->bytes);
	while (e->has_data && (r = tar_data(l->tar, &piece, &len, &offset, err)) != 0) {
		if (r > 0)
			r = unpack_usage_bytes(l->job->usage, len, e->path, err);
		if (r == 0)
			r = write_piece(fd, piece, len, offset, e->path, err);
		if (r == 0 && l->job->recorder)
			r = tar_recorder_content(l->job->recorder, tar_position(l->tar),
				len, path, offset, err);
		if (r < 0)
			return r;
		end = offset + len;
		l->result.bytes += len;
	}
	if (end < e->size && ftruncate(fd, (off_t)e->size) < 0)
		return err_set(err, errno, "write %s", shown(e->path, show));
	return 0;
}

/* Sets the member's extended attributes on `file`, or, NULL, adds them to `list`. */
static int take_xattrs(struct layer *l, const struct xattr_file *file, struct buf *list,
	const char *member, struct err *err)
{
	const char *name = NULL;
	const void *value = NULL;
	char show[SHOWN_MAX];
	size_t len = 0, count = 0;
	int r = 0;

	while (r == 0 && tar_xattr(l->tar, &name, &value, &len)) {
		if (++count > XATTRS_MAX || len > l->job->usage->limits->xattr)
			return err_say(err, E2BIG,
				"member %s has too many or too large extended attributes",
				shown(member, show));
		r = file ? xattr_set(file, name, value, len, l->job->notes, err)
			 : xattr_list_add(list, name, value, len);
	}
	return r == -ENOMEM && !file ? err_oom(err) : r;
}

static int make_file(struct layer *l, const struct writer_path *path,
	const struct tar_entry *e, struct err *err)
{
	const struct attributes a = attributes_of(e);
	struct xattr_file file = { .member = e->path };
	cleanup_close int fd = -1;
	int r;

	r = writer_file_open(l->writer, path->base, e->mode, e->path, &fd, err);
	if (r < 0)
		return r;
	r = write_data(l, fd, path->base, e, err);
	if (r < 0)
		return r;
	r = writer_file_end(l->writer, fd, &a, e->path, err);
	if (r < 0)
		return r;
	/* After the owner: chown(2) drops security.capability. */
	file.fd = fd;
	return take_xattrs(l, &file, NULL, e->path, err);
}

static int make_dir(struct layer *l, const struct writer_path *path,
	const struct tar_entry *e, struct err *err)
{
	const struct attributes a = attributes_of(e);
	cleanup_buf struct buf xattrs = BUF_INIT;
	int r;

	r = take_xattrs(l, NULL, &xattrs, e->path, err);
	if (r < 0)
		return r;
	return writer_dir(l->writer, path->base, &a, &xattrs, e->path, err);
}

static int make_symlink(struct layer *l, const struct writer_path *path,
	const struct tar_entry *e, struct err *err)
{
	const struct attributes a = attributes_of(e);
	struct xattr_file file = writer_xattr_file(l->writer, path->base, e->path);
	char show[SHOWN_MAX];
	int r;

	if (str_empty(e->symlink))
		return err_say(
			err, EINVAL, "the link %s has no target", shown(e->path, show));
	r = writer_symlink(l->writer, path->base, e->symlink, &a, e->path, err);
	return r < 0 ? r : take_xattrs(l, &file, NULL, e->path, err);
}

static int make_node(struct layer *l, const struct writer_path *path,
	const struct tar_entry *e, struct err *err)
{
	const struct attributes a = attributes_of(e);

	if (S_ISCHR(e->mode) && e->rdev == makedev(0, 0)) {
		notes_add(l->job->notes, NOTE_ZERO_DEVICE, e->path);
		return 0;
	}
	return writer_node(
		l->writer, path->base, S_ISFIFO(e->mode) ? 0 : e->rdev, &a, e->path, err);
}

/* The target is in a lower layer only: as overlayfs does, it is copied up first. The
 * current directory is the target's. */
static int copy_up(struct layer *l, const struct writer_path *target, const char *member,
	struct err *err)
{
	char where[PATH_MAX], show[SHOWN_MAX], show_target[SHOWN_MAX];
	cleanup_free char *path = NULL;
	struct lower_file below;
	cleanup_close int dirfd = -1;
	int r;

	writer_where(l->writer, where);
	path = str_printf("%s%s%s", where, *where ? "/" : "", target->base);
	if (!path)
		return err_oom(err);
	r = lower_find(&l->job->lower, path, &below, err);
	if (r < 0)
		return r;
	if (r == LOWER_ABSENT)
		return err_say(err, ENOENT,
			"member %s is a hard link to %s, which is neither before it nor in a lower layer",
			shown(member, show), shown(target->text, show_target));
	if (S_ISDIR(below.st.st_mode))
		return err_say(err, EINVAL,
			"member %s is a hard link to the directory %s",
			shown(member, show), shown(target->text, show_target));
	r = unpack_usage_bytes(l->job->usage, (uint64_t)below.st.st_size, member, err);
	if (r < 0)
		return r;
	dirfd = writer_current_fd(l->writer);
	if (dirfd < 0)
		return err_set(
			err, -dirfd, "open the directory of %s", shown(path, show));
	r = copy_file_beneath(
		below.layer_fd, path, dirfd, target->base, l->job->notes, err);
	if (r < 0)
		return r;
	return layer_remember(&l->copied_up, path, strlen(path), err);
}

/* Opens the directory of the target, in which the target then is. */
static int open_target(struct layer *l, const struct writer_path *target,
	const char *member, int *ret_dirfd, struct err *err)
{
	char show[SHOWN_MAX];
	struct stat st;
	int r;

	r = writer_enter(l->writer, target, target->dir_len, err);
	if (r != 0)
		return r == WRITER_NOT_DIR
			       ? err_wrap(err, "hard link %s", shown(member, show))
			       : r;
	if (writer_stat(l->writer, target->base, &st) < 0) {
		r = copy_up(l, target, member, err);
		if (r < 0)
			return r;
	} else if (S_ISDIR(st.st_mode)) {
		return err_say(err, EINVAL, "member %s is a hard link to a directory",
			shown(member, show));
	}
	*ret_dirfd = writer_current_fd(l->writer);
	return *ret_dirfd < 0 ? err_set(err, -*ret_dirfd, "open the directory of %s",
					shown(member, show))
			      : 0;
}

static int link_name(struct layer *l, int target_dirfd, const char *target,
	const struct writer_path *path, const char *member, struct err *err)
{
	char show[SHOWN_MAX];
	struct stat st, target_st;
	int r;

	r = writer_link(l->writer, target_dirfd, target, path->base);
	if (r == -EEXIST) {
		if (writer_stat(l->writer, path->base, &st) == 0 &&
			fstatat(target_dirfd, target, &target_st, AT_SYMLINK_NOFOLLOW) ==
				0 &&
			st.st_ino == target_st.st_ino)
			return 0; /* it is that link already, or itself */
		r = writer_remove(l->writer, path->base, err);
		if (r < 0)
			return r;
		r = writer_link(l->writer, target_dirfd, target, path->base);
	}
	return r < 0 ? err_set(err, -r, "make the hard link %s", shown(member, show)) : 0;
}

/* pax lets a hard link carry the file's data once more; it is the same data. */
static int skip_data(struct layer *l, const struct tar_entry *e, struct err *err)
{
	uint64_t offset;
	const void *piece;
	size_t len;
	int r = 1;

	while (e->has_data && r > 0)
		r = tar_data(l->tar, &piece, &len, &offset, err);
	return r < 0 ? r : 0;
}

static int make_hardlink(struct layer *l, const struct writer_path *path,
	const struct tar_entry *e, struct err *err)
{
	cleanup_close int target_dirfd = -1;
	struct writer_path target;
	char show[SHOWN_MAX];
	int r;

	r = writer_path_parse(e->hardlink, l->job->usage->limits, &target, err);
	if (r < 0)
		return err_wrap(err, "hard link %s", shown(e->path, show));
	if (!*target.base)
		return err_say(err, EINVAL,
			"member %s is a hard link to the image's root",
			shown(e->path, show));
	r = open_target(l, &target, e->path, &target_dirfd, err);
	if (r < 0)
		return r;
	r = writer_enter(l->writer, path, path->dir_len, err);
	if (r != 0)
		return r < 0 ? r : -ENOTDIR;
	r = link_name(l, target_dirfd, target.base, path, e->path, err);
	return r < 0 ? r : skip_data(l, e, err);
}

static const struct kind_row {
	mode_t type;
	int (*make)(struct layer *l, const struct writer_path *path,
		const struct tar_entry *e, struct err *err);
} kinds[] = {
	{ S_IFREG, make_file },
	{ S_IFDIR, make_dir },
	{ S_IFLNK, make_symlink },
	{ S_IFCHR, make_node },
	{ S_IFBLK, make_node },
	{ S_IFIFO, make_node },
	{ 0, make_hardlink },
};

static int make_member(struct layer *l, const struct writer_path *path,
	const struct tar_entry *e, struct err *err)
{
	char show[SHOWN_MAX];
	int r;

	if (!*path->base && !S_ISDIR(e->mode))
		return err_say(err, EINVAL,
			"member %s makes the image's root something else than a directory",
			shown(e->path, show));
	r = writer_enter(l->writer, path, path->dir_len, err);
	if (r != 0)
		return r < 0 ? r : -ENOTDIR;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (kinds[i].type != (e->mode & S_IFMT))
			continue;
		r = kinds[i].make(l, path, e, err);
		return r < 0 ? r : layer_own_target(l, path->base, err);
	}
	return err_say(
		err, ENOTSUP, "member %s is of an unknown kind", shown(e->path, show));
}

static int take_member(struct layer *l, const struct tar_entry *e, struct err *err)
{
	struct writer_path path;
	int r;

	r = unpack_usage_entry(l->job->usage, e->path, err);
	if (r < 0)
		return r;
	l->result.entries++;
	r = writer_path_parse(e->path, l->job->usage->limits, &path, err);
	if (r < 0)
		return r;
	r = layer_take_mark(l, &path, err);
	if (r != 0)
		return r < 0 ? r : 0;
	return make_member(l, &path, e, err);
}

static int unpack(struct layer *l, struct err *err)
{
	struct tar_entry e;
	int r;

	while ((r = tar_next(l->tar, &e, err)) > 0) {
		r = take_member(l, &e, err);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	r = layer_apply_marks(l, err);
	if (r < 0)
		return r;
	r = writer_finish(l->writer, err);
	return r < 0 ? r : tar_finish(l->tar, err);
}

int layer_unpack(const struct layer_job *job, struct stream *tar_stream,
	struct layer_result *ret, struct err *err)
{
	struct layer l = { .job = job };
	int r;

	r = tar_open(tar_stream, &l.tar, err);
	if (r == 0)
		r = writer_new(job->dirfd, &job->lower, job->notes, job->usage->limits,
			&l.writer, err);
	if (r == 0)
		r = unpack(&l, err);
	if (r == 0)
		l.result.has_replaced = writer_has_removed(l.writer);
	writer_free(l.writer);
	tar_free(l.tar);
	buf_done(&l.whiteouts);
	buf_done(&l.opaques);
	buf_done(&l.copied_up);
	if (r == 0)
		*ret = l.result;
	return r;
}
