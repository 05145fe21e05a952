/* SPDX-License-Identifier: Apache-2.0 */
#include "images/layer-private.h"

#include "common/path.h"
#include "common/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/sysmacros.h>

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
static int write_data(struct layer *l, int file, const char *base,
	const struct tar_entry *e, uint64_t *ret_end, struct err *err)
{
	char path[PATH_MAX + NAME_MAX + 2];
	struct piece piece = { 0 };
	char show[SHOWN_MAX];
	int r;

	if (l->job->recorder)
		file_path(l, base, path);
	if (e->size > l->job->usage->limits->bytes)
		return err_say(err, EFBIG,
			"member %s has %" PRIu64 " bytes, the limit is %" PRIu64,
			shown(e->path, show), e->size, l->job->usage->limits->bytes);
	while (e->has_data && (r = tar_data(l->tar, &piece.data, &piece.len,
				       &piece.offset, err)) != 0) {
		piece.position = tar_position(l->tar);
		if (r > 0)
			r = unpack_usage_bytes(l->job->usage, piece.len, e->path, err);
		if (r == 0)
			r = writer_file_write(l->writer, file, &piece, e->path, err);
		if (r == 0 && l->job->recorder)
			r = tar_recorder_content(l->job->recorder, piece.position,
				piece.len, path, piece.offset, err);
		if (r < 0)
			return r;
		*ret_end = piece.offset + piece.len;
		l->result.bytes += piece.len;
	}
	return 0;
}

static int take_xattrs(struct layer *l, struct member_facts *m, struct err *err)
{
	const char *name = NULL;
	const void *value = NULL;
	char show[SHOWN_MAX];
	size_t len = 0, count = 0;

	while (tar_xattr(l->tar, &name, &value, &len)) {
		if (++count > XATTRS_MAX || len > l->job->usage->limits->xattr)
			return err_say(err, E2BIG,
				"member %s has too many or too large extended attributes",
				shown(m->member, show));
		if (xattr_list_add(&m->xattrs, name, value, len) < 0)
			return err_oom(err);
	}
	return 0;
}

static int write_file(struct layer *l, const struct writer_path *path,
	const struct tar_entry *e, const struct member_facts *m, struct err *err)
{
	uint64_t end = 0;
	int file = -1, r;

	r = writer_file_open(l->writer, path->base, m, &file, err);
	if (r < 0)
		return r;
	r = write_data(l, file, path->base, e, &end, err);
	if (r == 0)
		r = writer_file_end(l->writer, file, e->size, end, m, err);
	writer_file_close(l->writer, file);
	return r;
}

static int make_file(struct layer *l, const struct writer_path *path,
	const struct tar_entry *e, struct member_facts *m, struct err *err)
{
	int r = take_xattrs(l, m, err);

	return r < 0 ? r : write_file(l, path, e, m, err);
}

static int make_dir(struct layer *l, const struct writer_path *path,
	const struct tar_entry *e, struct member_facts *m, struct err *err)
{
	int r = take_xattrs(l, m, err);

	return r < 0 ? r : writer_dir(l->writer, path->base, m, err);
}

static int make_symlink(struct layer *l, const struct writer_path *path,
	const struct tar_entry *e, struct member_facts *m, struct err *err)
{
	char show[SHOWN_MAX];
	int r;

	if (str_empty(e->symlink))
		return err_say(
			err, EINVAL, "the link %s has no target", shown(e->path, show));
	r = take_xattrs(l, m, err);
	return r < 0 ? r : writer_symlink(l->writer, path->base, e->symlink, m, err);
}

static int make_node(struct layer *l, const struct writer_path *path,
	const struct tar_entry *e, struct member_facts *m, struct err *err)
{
	if (S_ISCHR(e->mode) && e->rdev == makedev(0, 0)) {
		notes_add(l->job->notes, NOTE_ZERO_DEVICE, e->path);
		return 0;
	}
	return writer_node(
		l->writer, path->base, S_ISFIFO(e->mode) ? 0 : e->rdev, m, err);
}

/* The target is in a lower layer only: as overlayfs does, it is copied up first. The
 * current directory is the target's. */
static int copy_up(struct layer *l, const struct writer_path *target, const char *member,
	struct err *err)
{
	char where[PATH_MAX], show[SHOWN_MAX], show_target[SHOWN_MAX];
	cleanup_free char *path = NULL;
	struct lower_file below;
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
	r = writer_copy_up(l->writer, &below, path, target->base, err);
	if (r < 0)
		return r;
	return layer_remember(&l->copied_up, path, strlen(path), err);
}

/* Finds the target, or takes it from the lower layer that has it. */
static int find_target(struct layer *l, const struct writer_path *target,
	const char *member, struct err *err)
{
	char show[SHOWN_MAX];
	mode_t mode = 0;
	int r;

	r = writer_enter(l->writer, target, target->dir_len, err);
	if (r != 0)
		return r == WRITER_NOT_DIR
			       ? err_wrap(err, "hard link %s", shown(member, show))
			       : r;
	if (writer_look(l->writer, target->base, &mode) < 0) {
		r = copy_up(l, target, member, err);
		if (r < 0)
			return r;
	} else if (S_ISDIR(mode)) {
		return err_say(err, EINVAL, "member %s is a hard link to a directory",
			shown(member, show));
	}
	return writer_hold_target(l->writer, target->base, member, err);
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
	const struct tar_entry *e, struct member_facts *m, struct err *err)
{
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
	r = find_target(l, &target, e->path, err);
	if (r < 0)
		return r;
	r = writer_enter(l->writer, path, path->dir_len, err);
	if (r != 0)
		return r < 0 ? r : -ENOTDIR;
	r = writer_link(l->writer, path->base, m->member, err);
	return r < 0 ? r : skip_data(l, e, err);
}

static const struct kind_row {
	mode_t type;
	int (*make)(struct layer *l, const struct writer_path *path,
		const struct tar_entry *e, struct member_facts *m, struct err *err);
} kinds[] = {
	{ S_IFREG, make_file },
	{ S_IFDIR, make_dir },
	{ S_IFLNK, make_symlink },
	{ S_IFCHR, make_node },
	{ S_IFBLK, make_node },
	{ S_IFIFO, make_node },
	{ 0, make_hardlink },
};

static int make_kind(struct layer *l, const struct writer_path *path,
	const struct tar_entry *e, struct err *err)
{
	struct member_facts m = {
		.attributes = { .mode = e->mode,
			.uid = e->uid,
			.gid = e->gid,
			.mtime = e->mtime },
		.xattrs = BUF_INIT,
		.member = e->path,
	};
	char show[SHOWN_MAX];
	int r;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (kinds[i].type != (e->mode & S_IFMT))
			continue;
		r = kinds[i].make(l, path, e, &m, err);
		buf_done(&m.xattrs);
		return r;
	}
	return err_say(
		err, ENOTSUP, "member %s is of an unknown kind", shown(e->path, show));
}

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
	r = make_kind(l, path, e, err);
	return r < 0 ? r : layer_own_target(l, path->base, err);
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
		r = writer_new(job->sink, &job->lower, job->notes, job->usage->limits,
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
