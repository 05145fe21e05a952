/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks for deleted names: ".wh.NAME" hides NAME of lower layers, ".wh..wh..opq" all that they
 * have in its directory. Where in the archive a mark stands means nothing, so they are kept
 * until every member has been written.
 */
#include "images/layer-private.h"

#include "common/path.h"
#include "common/str.h"

#include <errno.h>

#define MARK ".wh."
#define AUFS_MARK ".wh..wh."
#define OPAQUE_MARK ".wh..wh..opq"

#define paths_each(path, list)                                                           \
	for (const char *path = (list)->data; path && path < (list)->data + (list)->len; \
		path += strlen(path) + 1)

int layer_remember(struct buf *list, const char *text, size_t len, struct err *err)
{
	buf_put(list, text, len);
	buf_putc(list, '\0');
	return list->failed ? err_oom(err) : 0;
}

enum mark { MARK_NONE, MARK_WHITEOUT, MARK_OPAQUE, MARK_AUFS, MARK_INVALID };

static enum mark mark_of_base(const char *base)
{
	const char *hidden = str_skip_prefix(base, MARK);

	if (!hidden)
		return MARK_NONE;
	if (str_eq(base, OPAQUE_MARK))
		return MARK_OPAQUE;
	if (str_skip_prefix(base, AUFS_MARK))
		return MARK_AUFS;
	if (!*hidden || str_eq(hidden, ".") || str_eq(hidden, ".."))
		return MARK_INVALID;
	return MARK_WHITEOUT;
}

/* A mark is a file: something below one is aufs's, or nonsense. */
static enum mark mark_of(const struct writer_path *path)
{
	const char *at = path->text;

	while (at < path->base) {
		if (str_skip_prefix(at, AUFS_MARK))
			return MARK_AUFS;
		if (str_skip_prefix(at, MARK))
			return MARK_INVALID;
		at += strcspn(at, "/") + 1;
	}
	return mark_of_base(path->base);
}

static int keep_whiteout(struct layer *l, const struct writer_path *path, struct err *err)
{
	const char *hidden = path->base + sizeof(MARK) - 1;

	l->result.whiteouts++;
	if (!l->job->lower.count)
		return 0;
	buf_put(&l->whiteouts, path->text, (size_t)(path->base - path->text));
	return layer_remember(&l->whiteouts, hidden, strlen(hidden), err);
}

static int keep_mark(
	struct layer *l, enum mark mark, const struct writer_path *path, struct err *err)
{
	char show[SHOWN_MAX];

	switch (mark) {
	case MARK_WHITEOUT: return keep_whiteout(l, path, err);
	case MARK_OPAQUE:
		l->result.whiteouts++;
		return l->job->lower.count ? layer_remember(&l->opaques, path->text,
						     path->dir_len, err)
					   : 0;
	case MARK_AUFS: notes_add(l->job->notes, NOTE_AUFS, path->text); return 0;
	default:
		return err_say(err, EINVAL,
			"member %s is not a valid mark for a deleted name",
			shown(path->text, show));
	}
}

int layer_take_mark(struct layer *l, const struct writer_path *path, struct err *err)
{
	enum mark mark = mark_of(path);
	int r;

	if (mark == MARK_NONE)
		return 0;
	r = keep_mark(l, mark, path, err);
	return r < 0 ? r : 1;
}

static void take_out(struct buf *list, char *path)
{
	size_t len = strlen(path) + 1;

	memmove(path, path + len, (size_t)(list->data + list->len - path) - len);
	list->len -= len;
}

int layer_own_target(struct layer *l, const char *base, struct err *err)
{
	cleanup_free char *path = NULL;
	char where[PATH_MAX];

	if (!l->copied_up.len)
		return 0;
	writer_where(l->writer, where);
	path = str_printf("%s%s%s", where, *where ? "/" : "", base);
	if (!path)
		return err_oom(err);
	paths_each(copied, &l->copied_up)
	{
		if (!str_eq(copied, path))
			continue;
		take_out(&l->copied_up, l->copied_up.data + (copied - l->copied_up.data));
		break;
	}
	return 0;
}

/* Removes what was copied from below `dir` (and, unless `is_opaque`, `dir` itself) for a
 * hard link only: the link stays, the name it has below is hidden. */
static int drop_targets(struct layer *l, const char *dir, bool is_opaque, struct err *err)
{
	struct buf *list = &l->copied_up;
	size_t at = 0, len = strlen(dir);
	size_t keep = is_opaque ? len : (size_t)(path_base(dir) - dir);
	struct writer_path path;
	int r;

	while (at < list->len) {
		char *copied = list->data + at;
		const char *rest = str_skip_prefix(copied, dir);

		if (!rest || (len && *rest != '/' && (*rest || is_opaque))) {
			at += strlen(copied) + 1;
			continue;
		}
		r = writer_path_parse(copied, l->job->usage->limits, &path, err);
		if (r == 0)
			r = writer_forget(l->writer, &path, keep, err);
		if (r < 0)
			return r;
		take_out(list, copied);
	}
	return 0;
}

/* The name is deleted below; what this layer has of that name itself stays, and, when it
 * is a directory, starts empty. */
static int delete_lower(struct layer *l, const char *text, struct err *err)
{
	struct writer_path path;
	struct lower_file below;
	mode_t mode = 0;
	int r;

	r = lower_find(&l->job->lower, text, &below, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = drop_targets(l, text, false, err);
	if (r == 0)
		r = writer_path_parse(text, l->job->usage->limits, &path, err);
	if (r < 0)
		return r;
	r = writer_enter(l->writer, &path, path.dir_len, err);
	if (r != 0) /* this layer has a file where the directory was: gone as well */
		return r == WRITER_NOT_DIR ? 0 : r;
	r = writer_look(l->writer, path.base, &mode);
	if (r < 0)
		return writer_whiteout(l->writer, path.base, err);
	if (!S_ISDIR(mode))
		return 0;
	r = writer_enter(l->writer, &path, strlen(path.text), err);
	return r < 0 ? r : writer_hide_lower(l->writer, true, err);
}

static int hide_lower(struct layer *l, const char *text, struct err *err)
{
	struct writer_path path;
	struct lower_file below;
	int r;

	r = lower_find(&l->job->lower, text, &below, err);
	if (r != 0 || !S_ISDIR(below.st.st_mode))
		return r < 0 ? r : 0;
	r = drop_targets(l, text, true, err);
	if (r == 0)
		r = writer_path_parse(text, l->job->usage->limits, &path, err);
	if (r < 0)
		return r;
	r = writer_enter(l->writer, &path, strlen(path.text), err);
	if (r != 0)
		return r == WRITER_NOT_DIR ? 0 : r;
	return writer_hide_lower(l->writer, false, err);
}

int layer_apply_marks(struct layer *l, struct err *err)
{
	int r = 0;

	paths_each(path, &l->opaques)
	{
		r = hide_lower(l, path, err);
		if (r < 0)
			return r;
	}
	paths_each(path, &l->whiteouts)
	{
		r = delete_lower(l, path, err);
		if (r < 0)
			return r;
	}
	return 0;
}
