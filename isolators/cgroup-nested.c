/* SPDX-License-Identifier: Apache-2.0 */
/* Cgroups below a container's own, and who is in them. */
#include "isolators/cgroup-members.h"
#include "isolators/cgroup-parts.h"
#include "isolators/cgroup-tree.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The path has a line for each hierarchy that differs: cgroup-path.c. */
char *cgroup_path_below(const char *path, const char *name)
{
	cleanup_buf struct buf b = BUF_INIT;

	for (size_t len; *path; path += len + (path[len] == '\n')) {
		len = strcspn(path, "\n");
		if (b.len)
			buf_putc(&b, '\n');
		buf_put(&b, path, len);
		buf_printf(&b, "/%s", name);
	}
	buf_putc(&b, '\0');
	return buf_take(&b);
}

static int add_leaf_part(struct cgroup *leaf, const struct cgroup_part *above,
	const char *name, struct err *err)
{
	struct cgroup_part part = { .hierarchy = above->hierarchy };
	char path[CGROUP_PATH_ROOM];
	int r;

	part.is_new = mkdirat(above->dirfd, name, 0755) == 0;
	if (!part.is_new && errno != EEXIST)
		return err_set(err, errno, "create cgroup %s", leaf->path);
	part.dirfd =
		openat(above->dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (part.dirfd < 0)
		return err_set(err, errno, "open cgroup %s", leaf->path);
	leaf->parts[leaf->count++] = part;
	r = cgroup_path_in(leaf->path, part.hierarchy, path, err);
	return r < 0 ? r
		     : part.hierarchy->backend->enable(leaf->host, &part, path, 0, err);
}

int cgroup_leaf(const struct cgroup *cgroup, const char *name, struct cgroup **ret,
	struct err *err)
{
	cleanup_free char *path = cgroup_path_below(cgroup->path, name);
	struct cgroup *leaf;
	int r = path ? cgroup_new(cgroup->host, path, &leaf, err) : err_oom(err);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < cgroup->count; i++)
		r = add_leaf_part(leaf, &cgroup->parts[i], name, err);
	if (r < 0)
		cgroup_free(leaf);
	else
		*ret = leaf;
	return r;
}

/* ---- members ---- */

/* Whether a line of /proc/PID/cgroup is of the hierarchy: then its place. */
static const char *place_in(char *line, const struct cgroup_hierarchy *hierarchy)
{
	char *controllers = strchr(line, ':'), *place;

	place = controllers ? strchr(++controllers, ':') : NULL;
	if (!place)
		return NULL;
	*place++ = '\0';
	if (!*controllers)
		return hierarchy->backend == &cgroup_v2_backend ? place : NULL;
	controllers[strcspn(controllers, ",")] = '\0';
	return str_eq(controllers, hierarchy->key) ? place : NULL;
}

bool cgroup_has(const struct cgroup *cgroup, pid_t pid)
{
	const struct cgroup_hierarchy *hierarchy = cgroup_anchor(cgroup)->hierarchy;
	cleanup_free char *text = malloc(CGROUP_FILE_ROOM);
	char path[CGROUP_PATH_ROOM], name[32], *next = text, *line;

	(void)snprintf(name, sizeof(name), "%d/cgroup", (int)pid);
	if (!text || cgroup_path_in(cgroup->path, hierarchy, path, NULL) < 0 ||
		fd_read_kernel_file(
			cgroup->host->proc_dirfd, name, text, CGROUP_FILE_ROOM) < 0)
		return false;
	while ((line = strsep(&next, "\n"))) {
		const char *place = place_in(line, hierarchy);

		if (place)
			return path_below(place, path + strlen(hierarchy->folder)) !=
			       NULL;
	}
	return false;
}
