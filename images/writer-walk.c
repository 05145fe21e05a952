/* SPDX-License-Identifier: Apache-2.0 */
/* The way to a member: its path taken apart, and the directories on it, which stay open until
 * a member elsewhere needs others. */
#include "images/writer-private.h"

#include "common/cleanup.h"
#include "common/path.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static int copy_part(struct writer_path *p, size_t *used, const char *part, size_t len,
	struct err *err, const char *text)
{
	char show[SHOWN_MAX];

	if (len > NAME_MAX)
		return err_say(err, ENAMETOOLONG,
			"member %s has a name of more than %d bytes", shown(text, show),
			NAME_MAX);
	if (len == 2 && part[0] == '.' && part[1] == '.')
		return err_say(err, EPERM, "member %s leads out of the image (\"..\")",
			shown(text, show));
	if (*used) {
		p->dir_len = *used;
		p->text[(*used)++] = '/';
	}
	p->base = p->text + *used;
	memcpy(p->text + *used, part, len);
	*used += len;
	return 0;
}

int writer_path_parse(const char *text, const struct unpack_limits *limits,
	struct writer_path *ret, struct err *err)
{
	char show[SHOWN_MAX];
	size_t len = strlen(text), used = 0, depth = 0;
	int r;

	if (len > limits->path || len >= sizeof(ret->text))
		return err_say(err, ENAMETOOLONG,
			"member %s has a path of %zu bytes, the limit is %" PRIu64,
			shown(text, show), len, limits->path);
	ret->dir_len = 0;
	ret->base = ret->text;
	for (const char *at = text; *at; at += len) {
		at += strspn(at, "/");
		len = strcspn(at, "/");
		if (!len || (len == 1 && *at == '.'))
			continue;
		if (++depth > limits->depth)
			return err_say(err, ENAMETOOLONG,
				"member %s is more than %" PRIu64
				" directories deep, the limit",
				shown(text, show), limits->depth);
		r = copy_part(ret, &used, at, len, err, text);
		if (r < 0)
			return r;
	}
	ret->text[used] = '\0';
	return 0;
}

void writer_pop_to(struct writer *w, size_t depth)
{
	for (; w->depth > depth; w->depth--)
		w->sink->ops->close_dir(w->sink, w->levels[w->depth].dir);
	w->path[w->levels[depth].path_len] = '\0';
}

/* Appends a component to the current path. */
static int push_dir(struct writer *w, const char *name, int dir)
{
	size_t used = w->levels[w->depth].path_len, len = strlen(name);

	if (used + len + 2 > sizeof(w->path) || w->depth >= w->limits->depth) {
		w->sink->ops->close_dir(w->sink, dir);
		return -ENAMETOOLONG;
	}
	if (used)
		w->path[used++] = '/';
	memcpy(w->path + used, name, len + 1);
	w->levels[++w->depth] = (struct level){ .dir = dir, .path_len = used + len };
	return 0;
}

int writer_push(struct writer *w, const char *name)
{
	int dir = w->sink->ops->open_dir(w->sink, writer_at(w), name);

	return dir < 0 ? dir : push_dir(w, name, dir);
}

void writer_where(const struct writer *w, char ret[PATH_MAX])
{
	(void)stpcpy(ret, w->path);
}

/* How many of the open directories are on the way to `path`. */
static size_t common_depth(const struct writer *w, const char *path, size_t len)
{
	size_t depth = 0;

	while (depth < w->depth) {
		size_t next = w->levels[depth + 1].path_len;

		if (next > len || memcmp(w->path, path, next) != 0 ||
			(next < len && path[next] != '/'))
			break;
		depth++;
	}
	return depth;
}

/* A path that is walked, in which links are replaced by what they say. */
struct walk {
	char todo[2 * PATH_MAX];
	int hops;
};

/* The link's target goes before what is left of the walk. */
static int splice_link(struct writer *w, const struct lower_file *link, const char *path,
	struct walk *walk)
{
	char target[2 * PATH_MAX];
	cleanup_close int dirfd = -1;
	const char *base = path_base(path);
	cleanup_free char *parent = strndup(path, (size_t)(base - path));
	ssize_t n;

	if (!parent)
		return -ENOMEM;
	if (++walk->hops > LINK_HOPS_MAX)
		return -ELOOP;
	dirfd = path_open_beneath(link->layer_fd, parent, O_PATH | O_DIRECTORY, 0);
	if (dirfd < 0)
		return dirfd;
	n = readlinkat(dirfd, base, target, PATH_MAX);
	if (n <= 0 || n >= PATH_MAX)
		return n < 0 ? -errno : -ENAMETOOLONG;
	if ((size_t)n + strlen(walk->todo) + 2 > sizeof(target))
		return -ENAMETOOLONG;
	target[n] = '/';
	(void)stpcpy(target + n + 1, walk->todo);
	(void)stpcpy(walk->todo, target);
	if (target[0] == '/')
		writer_pop_to(w, 0);
	return 0;
}

/* The current directory has no `name`: a link of a lower layer is followed, else it is
 * made. */
static int enter_missing(
	struct writer *w, const char *name, struct walk *walk, struct err *err)
{
	cleanup_free char *path =
		str_printf("%s%s%s", w->path, *w->path ? "/" : "", name);
	struct lower_file below;
	int r;

	if (!path)
		return -ENOMEM;
	r = w->lower->count ? lower_find(w->lower, path, &below, err) : LOWER_ABSENT;
	if (r < 0)
		return r;
	if (r == 0 && S_ISLNK(below.st.st_mode))
		return splice_link(w, &below, path, walk);
	r = w->sink->ops->make_dir(w->sink, writer_at(w), name, 0755);
	if (r == 0)
		r = writer_dir_made(w, path, 0755);
	return r < 0 ? r : writer_push(w, name);
}

static int step(struct writer *w, const char *name, struct walk *walk, struct err *err)
{
	int r;

	if (str_eq(name, "."))
		return 0;
	if (str_eq(name, "..")) {
		if (!w->depth)
			return -EXDEV;
		writer_pop_to(w, w->depth - 1);
		return 0;
	}
	r = writer_push(w, name);
	return r == -ENOENT ? enter_missing(w, name, walk, err) : r;
}

/* Takes the first component off the walk; false at its end. */
static bool take_part(struct walk *walk, char name[NAME_MAX + 1], int *ret)
{
	char *at = walk->todo + strspn(walk->todo, "/");
	size_t len = strcspn(at, "/");

	*ret = len > NAME_MAX ? -ENAMETOOLONG : 0;
	if (!len || *ret < 0)
		return false;
	memcpy(name, at, len);
	name[len] = '\0';
	memmove(walk->todo, at + len, strlen(at + len) + 1);
	return true;
}

int writer_enter(
	struct writer *w, const struct writer_path *path, size_t len, struct err *err)
{
	char name[NAME_MAX + 1], show[SHOWN_MAX], show_at[SHOWN_MAX];
	struct walk walk = { .hops = 0 };
	size_t done;
	int r = 0;

	writer_pop_to(w, common_depth(w, path->text, len));
	done = w->levels[w->depth].path_len;
	if (done == len)
		return 0;
	memcpy(walk.todo, path->text + done, len - done);
	walk.todo[len - done] = '\0';
	while (take_part(&walk, name, &r)) {
		r = step(w, name, &walk, err);
		if (r < 0)
			break;
	}
	if (r == 0)
		return 0;
	if (r == -ENOTDIR || r == -ELOOP || r == -EXDEV) {
		(void)err_say(err, -r, "member %s is below %s%s%s, which %s",
			shown(path->text, show), shown(w->path, show_at),
			*w->path ? "/" : "", name,
			r == -EXDEV ? "leads out of the image"
				    : "is a link or no directory");
		return WRITER_NOT_DIR;
	}
	return err_set(
		err, -r, "make the directories of member %s", shown(path->text, show));
}

bool writer_reenter(struct writer *w, const struct writer_path *path, size_t len)
{
	struct walk walk = { .hops = 0 };
	char name[NAME_MAX + 1];
	size_t done;
	int r = 0;

	writer_pop_to(w, common_depth(w, path->text, len));
	done = w->levels[w->depth].path_len;
	memcpy(walk.todo, path->text + done, len - done);
	walk.todo[len - done] = '\0';
	while (r == 0 && take_part(&walk, name, &r))
		r = writer_push(w, name);
	return r == 0;
}
