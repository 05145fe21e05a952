/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a container's cgroup is. One string names it in all hierarchies: the first line
 * is the path, and where the caller's own place differs between v1 hierarchies, a further
 * line "key:path" gives the path in that hierarchy, as /proc/PID/cgroup writes it. A
 * newline cannot be part of a cgroup's name (the kernel refuses it), so nothing has to be
 * escaped.
 */
#include "isolators/cgroup-tree.h"

#include "common/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int path_check(const char *path, struct err *err)
{
	if (strchr(path, '\n'))
		return err_say(err, EINVAL, "cgroup path holds a newline");
	for (const char *p = path; *p; p += strcspn(p, "/")) {
		p += strspn(p, "/");
		if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'))
			return err_say(err, EINVAL,
				"cgroup path %s: \"..\" could lead out of the hierarchy",
				path);
	}
	if (!path[strspn(path, "/.")])
		return err_say(err, EINVAL,
			"cgroup path \"%s\" names no cgroup of its own", path);
	return 0;
}

/* Appends the components of `path`, each after one '/', leaving "." out. */
static void put_path(struct buf *b, const char *path)
{
	while (*path) {
		size_t len = strcspn(path, "/");

		if (len && !(len == 1 && path[0] == '.')) {
			buf_putc(b, '/');
			buf_put(b, path, len);
		}
		path += len + (path[len] == '/');
	}
}

/* "a-b.slice" is a child of "a.slice": systemd nests slices by their dashes. */
static void put_slice(struct buf *b, const char *slice, size_t len)
{
	const char *end = slice + len - strlen(".slice");

	for (const char *p = slice; p < end; p++) {
		if (*p == '-' && p > slice)
			buf_printf(b, "/%.*s.slice", (int)(p - slice), slice);
	}
	buf_printf(b, "/%.*s", (int)len, slice);
}

/* systemd's form "slice:prefix:name", the cgroup that systemd would make for it. */
static bool put_unit(struct buf *b, const char *path)
{
	const char *prefix = strchr(path, ':'), *name;
	size_t slice_len = prefix ? (size_t)(prefix - path) : 0;

	if (!prefix || strchr(path, '/'))
		return false;
	name = strchr(++prefix, ':');
	if (!name || strchr(name + 1, ':') || !name[1])
		return false;
	if (slice_len && (slice_len <= 6 || memcmp(prefix - 7, ".slice", 6) != 0))
		return false;
	if (slice_len)
		put_slice(b, path, slice_len);
	else
		buf_puts(b, "/system.slice");
	name++;
	if (name - prefix > 1)
		buf_printf(b, "/%.*s-%s.scope", (int)(name - prefix - 1), prefix, name);
	else
		buf_printf(b, "/%s.scope", name);
	return true;
}

static bool is_writable(const struct cgroup_host *host, const struct cgroup_hierarchy *h,
	const char *place, size_t len)
{
	char path[CGROUP_PATH_ROOM + sizeof("/cgroup.procs")];

	(void)snprintf(
		path, sizeof(path), "%s%.*s/cgroup.procs", h->folder, (int)len, place);
	return faccessat(host->root_dirfd, path, W_OK, AT_EACCESS) == 0;
}

/*
 * How much of the caller's place is the parent of its containers. On v2 a directory with
 * processes cannot hand controllers down, so they go beside the caller; unless only the
 * caller's own directory was delegated to it (moving a process needs the right to write
 * cgroup.procs of the common ancestor).
 */
static size_t parent_len(const struct cgroup_host *host, const struct cgroup_hierarchy *h)
{
	size_t len = strlen(h->place), above = len;

	if (len == 1)
		return 0;
	if (!h->backend->is_exclusive)
		return len;
	while (h->place[above - 1] != '/')
		above--;
	above--;
	if (is_writable(host, h, h->place, above) || !is_writable(host, h, h->place, len))
		return above;
	return len;
}

static void put_relative(struct buf *b, const struct cgroup_host *host,
	const struct cgroup_hierarchy *h, const char *path)
{
	buf_put(b, h->place, parent_len(host, h));
	put_path(b, path);
}

/* The path below each hierarchy's own place: the first one's, and lines for what differs.
 */
static void put_all_relative(
	struct buf *b, const struct cgroup_host *host, const char *path)
{
	size_t first_len;

	if (!host->count) {
		put_path(b, path);
		return;
	}
	put_relative(b, host, &host->items[0], path);
	first_len = b->len;
	for (size_t i = 1; i < host->count; i++) {
		const struct cgroup_hierarchy *h = &host->items[i];
		size_t start = b->len, value;

		buf_printf(b, "\n%s:", h->key);
		value = b->len;
		put_relative(b, host, h, path);
		if (!b->failed && b->len - value == first_len &&
			memcmp(b->data, b->data + value, first_len) == 0)
			b->len = start;
	}
}

int cgroup_choose_path(const struct cgroup_host *host, const char *cgroups_path,
	const char *id, char **ret, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	cleanup_free char *own = NULL;
	char *path;
	int r;

	if (!cgroups_path) {
		own = str_printf("ucr-%s", id);
		if (!own)
			return err_oom(err);
		cgroups_path = own;
	}
	r = path_check(cgroups_path, err);
	if (r < 0)
		return r;
	if (cgroups_path[0] == '/')
		put_path(&b, cgroups_path);
	else if (!put_unit(&b, cgroups_path))
		put_all_relative(&b, host, cgroups_path);
	buf_putc(&b, '\0'); /* what was trimmed may have left text behind the end */
	path = buf_take(&b);
	if (!path)
		return err_oom(err);
	*ret = path;
	return 0;
}

/* The line of `path` for this hierarchy; the first one when none is its own. */
static size_t line_find(const char **path, const struct cgroup_hierarchy *hierarchy)
{
	const char *line = strchr(*path, '\n');
	size_t key_len = strlen(hierarchy->key);

	while (line) {
		line++;
		if (strncmp(line, hierarchy->key, key_len) == 0 && line[key_len] == ':') {
			*path = line + key_len + 1;
			break;
		}
		line = strchr(line, '\n');
	}
	return strcspn(*path, "\n");
}

int cgroup_path_in(const char *path, const struct cgroup_hierarchy *hierarchy,
	char ret[CGROUP_PATH_ROOM], struct err *err)
{
	const char *line = path;
	size_t len = line_find(&line, hierarchy);

	if (line[0] != '/' || len < 2)
		return err_say(err, EINVAL, "cgroup path \"%.*s\" is not absolute",
			(int)len, line);
	if (strlen(hierarchy->folder) + len >= CGROUP_PATH_ROOM)
		return err_set(err, ENAMETOOLONG, "cgroup path %.*s", (int)len, line);
	(void)snprintf(
		ret, CGROUP_PATH_ROOM, "%s%.*s", hierarchy->folder, (int)len, line);
	for (const char *p = strstr(ret, "/.."); p; p = strstr(p + 1, "/..")) {
		if (p[3] == '/' || p[3] == '\0')
			return err_say(
				err, EINVAL, "cgroup path %s: \"..\" is refused", ret);
	}
	return 0;
}
