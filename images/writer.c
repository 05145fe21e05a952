/* SPDX-License-Identifier: Apache-2.0 */
#include "images/writer-private.h"

#include "common/cleanup.h"
#include "common/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/sysmacros.h>

/* What mkdir(2) keeps of a mode, and what we need to work in the directory ourselves. */
#define MADE_MODE(mode) (((mode)&01777) | 0700)

int writer_new(struct sink *sink, const struct lower *lower, struct notes *notes,
	const struct unpack_limits *limits, struct writer **ret, struct err *err)
{
	cleanup_writer struct writer *w = calloc(1, sizeof(*w));

	if (!w)
		return err_oom(err);
	w->target_dir = -1;
	w->levels = reallocarray(NULL, PATH_MAX / 2 + 1, sizeof(*w->levels));
	if (!w->levels)
		return err_oom(err);
	w->sink = sink;
	w->lower = lower;
	w->notes = notes;
	w->limits = limits;
	w->levels[0] = (struct level){ .dir = sink->root };
	if (writer_dir_made(w, "", 0700) < 0)
		return err_oom(err);
	*ret = take_ptr(w);
	return 0;
}

static void let_go_of_target(struct writer *w)
{
	if (w->target_dir >= 0)
		w->sink->ops->close_dir(w->sink, w->target_dir);
	w->target_dir = -1;
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	let_go_of_target(w);
	if (w->levels)
		writer_pop_to(w, 0);
	free(w->levels);
	writer_dirs_free(w);
	free(w);
}

int writer_look(struct writer *w, const char *name, mode_t *ret_mode)
{
	struct sink_facts facts;
	int r = w->sink->ops->look(w->sink, writer_at(w), name, &facts);

	if (r == 0)
		*ret_mode = facts.mode;
	return r;
}

bool writer_has_removed(const struct writer *w)
{
	return w->has_removed;
}

int writer_remove(struct writer *w, const char *name, struct err *err)
{
	char show[SHOWN_MAX];
	int r;

	w->has_removed = true;
	r = w->sink->ops->remove(w->sink, writer_at(w), name);
	return r < 0 ? err_set(err, -r, "replace %s", shown(name, show)) : 0;
}

int writer_own_error(int code, const char *what, const char *member,
	const struct attributes *a, struct err *err)
{
	char show[SHOWN_MAX];

	(void)err_set(err, code, "give %s %s to uid %u, gid %u", what,
		shown(member, show), a->uid, a->gid);
	if (code == EINVAL)
		return err_hint(err, "the user namespace has no such id: give this user "
				     "more ids in /etc/subuid and /etc/subgid");
	return -code;
}

/* Owner and mode, time, and then, since changing the owner drops some, the extended
 * attributes; `name` NULL: of the open file `at`. */
static int end_member(struct writer *w, int at, const char *name,
	const struct member_facts *m, struct err *err)
{
	char show[SHOWN_MAX];
	int r;

	r = w->sink->ops->own(w->sink, at, name, &m->attributes);
	if (r < 0)
		return writer_own_error(-r, "member", m->member, &m->attributes, err);
	r = w->sink->ops->set_time(w->sink, at, name, &m->attributes.mtime);
	if (r < 0)
		return err_set(
			err, -r, "set the time of member %s", shown(m->member, show));
	if (!m->xattrs.len)
		return 0;
	return w->sink->ops->set_xattrs(w->sink, at, name, &m->xattrs, m->member, err);
}

int writer_symlink(struct writer *w, const char *name, const char *target,
	const struct member_facts *m, struct err *err)
{
	const struct sink_ops *ops = w->sink->ops;
	char show[SHOWN_MAX];
	int r;

	if (strlen(target) > w->limits->path)
		return err_say(err, ENAMETOOLONG,
			"the link %s has a target of more than %" PRIu64 " bytes",
			shown(m->member, show), w->limits->path);
	r = ops->make_symlink(w->sink, writer_at(w), name, target);
	if (r == -EEXIST) {
		r = writer_remove(w, name, err);
		if (r < 0)
			return r;
		r = ops->make_symlink(w->sink, writer_at(w), name, target);
	}
	if (r < 0)
		return err_set(err, -r, "make the link %s", shown(m->member, show));
	return end_member(w, writer_at(w), name, m, err);
}

int writer_node(struct writer *w, const char *name, dev_t rdev,
	const struct member_facts *m, struct err *err)
{
	const struct sink_ops *ops = w->sink->ops;
	mode_t mode = m->attributes.mode;
	char show[SHOWN_MAX];
	int r;

	r = ops->make_node(w->sink, writer_at(w), name, mode, rdev);
	if (r == -EEXIST) {
		r = writer_remove(w, name, err);
		if (r < 0)
			return r;
		r = ops->make_node(w->sink, writer_at(w), name, mode, rdev);
	}
	if (r == -EPERM && !S_ISFIFO(mode)) {
		notes_add(w->notes, NOTE_DEVICE, m->member);
		return 0;
	}
	if (r < 0)
		return err_set(err, -r, "make %s", shown(m->member, show));
	return end_member(w, writer_at(w), name, m, err);
}

int writer_whiteout(struct writer *w, const char *name, struct err *err)
{
	char show[SHOWN_MAX];
	int r;

	r = w->sink->ops->make_node(w->sink, writer_at(w), name, S_IFCHR, makedev(0, 0));
	return r < 0 ? err_set(err, -r, "mark %s as deleted", shown(name, show)) : 0;
}

int writer_file_open(struct writer *w, const char *name, const struct member_facts *m,
	int *ret, struct err *err)
{
	const struct sink_ops *ops = w->sink->ops;
	char show[SHOWN_MAX];
	int r;

	r = ops->make_file(w->sink, writer_at(w), name, m->attributes.mode);
	if (r == -EEXIST) {
		r = writer_remove(w, name, err);
		if (r < 0)
			return r;
		r = ops->make_file(w->sink, writer_at(w), name, m->attributes.mode);
	}
	if (r < 0)
		return err_set(err, -r, "make the file %s", shown(m->member, show));
	*ret = r;
	return 0;
}

int writer_file_write(struct writer *w, int file, const struct piece *piece,
	const char *member, struct err *err)
{
	int r = w->sink->ops->write(w->sink, file, piece);
	char show[SHOWN_MAX];

	return r < 0 ? err_set(err, -r, "write %s", shown(member, show)) : 0;
}

int writer_file_end(struct writer *w, int file, uint64_t size, uint64_t written_to,
	const struct member_facts *m, struct err *err)
{
	char show[SHOWN_MAX];
	int r = 0;

	if (written_to < size)
		r = w->sink->ops->set_size(w->sink, file, size);
	if (r < 0)
		return err_set(err, -r, "write %s", shown(m->member, show));
	return end_member(w, file, NULL, m, err);
}

void writer_file_close(struct writer *w, int file)
{
	w->sink->ops->close_file(w->sink, file);
}

int writer_copy_up(struct writer *w, const struct lower_file *below, const char *path,
	const char *name, struct err *err)
{
	return w->sink->ops->copy_up(
		w->sink, below->layer_fd, path, writer_at(w), name, err);
}

int writer_hold_target(
	struct writer *w, const char *name, const char *member, struct err *err)
{
	char show[SHOWN_MAX];
	int dir;

	let_go_of_target(w);
	dir = w->sink->ops->open_dir(w->sink, writer_at(w), ".");
	if (dir < 0)
		return err_set(
			err, -dir, "open the directory of %s", shown(member, show));
	w->target_dir = dir;
	(void)snprintf(w->target_name, sizeof(w->target_name), "%s", name);
	return 0;
}

/* The name is that link already, or the target itself. */
static bool is_target(struct writer *w, const char *name)
{
	const struct sink_ops *ops = w->sink->ops;
	struct sink_facts is, target;

	return ops->look(w->sink, writer_at(w), name, &is) == 0 &&
	       ops->look(w->sink, w->target_dir, w->target_name, &target) == 0 &&
	       is.inode == target.inode;
}

int writer_link(struct writer *w, const char *name, const char *member, struct err *err)
{
	const struct sink_ops *ops = w->sink->ops;
	char show[SHOWN_MAX];
	int r;

	r = ops->make_link(w->sink, w->target_dir, w->target_name, writer_at(w), name);
	if (r == -EEXIST) {
		if (is_target(w, name))
			return 0;
		r = writer_remove(w, name, err);
		if (r < 0)
			return r;
		r = ops->make_link(
			w->sink, w->target_dir, w->target_name, writer_at(w), name);
	}
	return r < 0 ? err_set(err, -r, "make the hard link %s", shown(member, show)) : 0;
}

/* Makes the directory, or finds it; *made is false then. */
static int make_dir(struct writer *w, const char *name, mode_t mode, const char *member,
	bool *made, struct err *err)
{
	const struct sink_ops *ops = w->sink->ops;
	char show[SHOWN_MAX];
	mode_t there;
	int r;

	*made = true;
	r = ops->make_dir(w->sink, writer_at(w), name, mode);
	if (r == -EEXIST) {
		if (writer_look(w, name, &there) == 0 && S_ISDIR(there)) {
			*made = false;
			return 0;
		}
		r = writer_remove(w, name, err);
		if (r < 0)
			return r;
		r = ops->make_dir(w->sink, writer_at(w), name, mode);
	}
	return r < 0 ? err_set(err, -r, "make the directory %s", shown(member, show)) : 0;
}

int writer_dir(
	struct writer *w, const char *name, struct member_facts *m, struct err *err)
{
	cleanup_free char *path =
		str_printf("%s%s%s", w->path, *w->path && *name ? "/" : "", name);
	mode_t mode = MADE_MODE(m->attributes.mode);
	struct dir *dir;
	bool made = false;
	int r = 0;

	if (!path)
		return err_oom(err);
	if (*name)
		r = make_dir(w, name, mode, m->member, &made, err);
	if (r < 0)
		return r;
	if (made && writer_dir_made(w, path, mode) < 0)
		return err_oom(err);
	dir = writer_dir_record(w, path);
	if (!dir)
		return err_oom(err);
	dir->attributes = m->attributes;
	dir->is_described = true;
	buf_done(&dir->xattrs);
	dir->xattrs = m->xattrs;
	m->xattrs = (struct buf)BUF_INIT;
	return 0;
}
