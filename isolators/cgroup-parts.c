/* SPDX-License-Identifier: Apache-2.0 */
/* The directories of a cgroup: made, opened, joined and removed alike in every hierarchy.
 */
#include "isolators/cgroup-parts.h"
#include "isolators/cgroup-members.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* The kernel finishes a removal (rmdir says EBUSY) some time after the last process
 * ended. */
#define REMOVE_TIMEOUT_MS 5000
#define MAKE_TRIES_MAX 16
#define PARENT_MARK "user.ucr.parent"

int cgroup_new(const struct cgroup_host *host, const char *path, struct cgroup **ret,
	struct err *err)
{
	struct cgroup *cgroup = calloc(1, sizeof(*cgroup));

	if (!cgroup)
		return err_oom(err);
	cgroup->host = host;
	cgroup->path = strdup(path);
	if (!cgroup->path) {
		cgroup_free(cgroup);
		return err_oom(err);
	}
	*ret = cgroup;
	return 0;
}

void cgroup_free(struct cgroup *cgroup)
{
	if (!cgroup)
		return;
	for (size_t i = 0; i < cgroup->count; i++)
		cleanup_close_fn(&cgroup->parts[i].dirfd);
	free(cgroup->path);
	free(cgroup);
}

static bool has_part(
	const struct cgroup *cgroup, const struct cgroup_hierarchy *hierarchy)
{
	for (size_t i = 0; i < cgroup->count; i++) {
		if (cgroup->parts[i].hierarchy == hierarchy)
			return true;
	}
	return false;
}

/* ---- directories ---- */

static int open_directory(int root_dirfd, const char *path, int flags)
{
	return openat(root_dirfd, path, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* A parent that is made on the way says so, for its removal with the last child. Where the
 * kernel has no such attributes (Linux 5.7), it stays. */
static void mark_parent(int root_dirfd, const char *path)
{
	cleanup_close int fd = open_directory(root_dirfd, path, O_RDONLY);

	if (fd >= 0)
		(void)fsetxattr(fd, PARENT_MARK, "1", 1, 0);
}

static bool is_marked(int root_dirfd, const char *path)
{
	cleanup_close int fd = open_directory(root_dirfd, path, O_RDONLY);
	char value;

	return fd >= 0 && fgetxattr(fd, PARENT_MARK, &value, 1) == 1;
}

static int make_parents(int root_dirfd, const char *path)
{
	char prefix[CGROUP_PATH_ROOM];

	for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
		(void)snprintf(prefix, sizeof(prefix), "%.*s", (int)(p - path), path);
		if (mkdirat(root_dirfd, prefix, 0755) == 0)
			mark_parent(root_dirfd, prefix);
		else if (errno != EEXIST && errno != ENOENT)
			return -errno;
	}
	return 0;
}

/* 1: made. 0: was there. Somebody may remove the parents again at this very moment. */
static int make_directory(int root_dirfd, const char *path)
{
	int r;

	for (int tries = 0; tries < MAKE_TRIES_MAX; tries++) {
		if (mkdirat(root_dirfd, path, 0755) == 0)
			return 1;
		if (errno != ENOENT)
			return errno == EEXIST ? 0 : -errno;
		r = make_parents(root_dirfd, path);
		if (r < 0)
			return r;
	}
	return -ENOENT;
}

/* Up the path, as long as the parents are ours and empty. */
static void remove_parents(int root_dirfd, const char *folder, char *path)
{
	char *end;

	while ((end = strrchr(path, '/')) && end > path + strlen(folder)) {
		*end = '\0';
		if (!is_marked(root_dirfd, path) ||
			unlinkat(root_dirfd, path, AT_REMOVEDIR) < 0)
			return;
	}
}

static int say_create(const char *path, int code, struct err *err)
{
	(void)err_set(err, code, "create cgroup %s", path);
	if (code == EACCES || code == EPERM)
		return err_hint(err,
			"limits without root need cgroup v2 and a "
			"delegated cgroup, as systemd gives one to each user (user@.service)");
	if (code == EROFS)
		return err_hint(err,
			"mount the cgroup file system writable, or run without limits");
	if (code == EAGAIN)
		return err_hint(
			err, "a cgroup above limits its descendants (cgroup.max.*)");
	return -code;
}

int cgroup_add_part(struct cgroup *cgroup, uint32_t bit, struct err *err)
{
	const struct cgroup_hierarchy *hierarchy = cgroup_host_find(cgroup->host, bit);
	struct cgroup_part part = { .hierarchy = hierarchy, .dirfd = -1 };
	int root_dirfd = cgroup->host->root_dirfd, r;
	char path[CGROUP_PATH_ROOM];

	if (!hierarchy)
		return cgroup_controller_missing(bit, cgroup->host, err);
	if (has_part(cgroup, hierarchy))
		return 0;
	r = cgroup_path_in(cgroup->path, hierarchy, path, err);
	if (r < 0)
		return r;
	r = make_directory(root_dirfd, path);
	if (r < 0)
		return say_create(path, -r, err);
	part.is_new = r == 1;
	part.is_unset = true;
	part.dirfd = open_directory(root_dirfd, path, O_PATH);
	if (part.dirfd < 0)
		return err_set(err, errno, "open cgroup %s", path);
	if (!part.is_new && hierarchy->backend->is_populated(&part)) {
		cleanup_close_fn(&part.dirfd);
		(void)err_say(err, EBUSY, "cgroup %s exists and holds processes", path);
		return err_hint(err,
			"a container of this name may still run; choose another cgroup path or end it");
	}
	cgroup->parts[cgroup->count++] = part;
	return 0;
}

int cgroup_open_parts(struct cgroup *cgroup, struct err *err)
{
	const struct cgroup_host *host = cgroup->host;
	char path[CGROUP_PATH_ROOM];
	int r;

	for (size_t i = 0; i < host->count; i++) {
		struct cgroup_part part = { .hierarchy = &host->items[i] };

		r = cgroup_path_in(cgroup->path, &host->items[i], path, err);
		if (r < 0)
			return r;
		part.dirfd =
			openat(host->root_dirfd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (part.dirfd >= 0)
			cgroup->parts[cgroup->count++] = part;
		else if (errno != ENOENT)
			return err_set(err, errno, "open cgroup %s", path);
	}
	if (!cgroup->count)
		return err_set(err, ENOENT, "open cgroup %s", cgroup->path);
	return 0;
}

static const struct refusal {
	int code;
	const char *hint;
} refusals[] = {
	{ EACCES, "moving a process needs the right to write cgroup.procs of the "
		  "cgroup above both places" },
	{ EPERM, "only processes of the same user can be moved" },
	{ EBUSY, "the cgroup hands controllers down to children and so cannot hold "
		 "processes; give the container a cgroup of its own" },
	{ ENOSPC, "the cpuset of the cgroup is empty" },
	{ EOPNOTSUPP, "the cgroup lies in a threaded subtree" },
	{ EINVAL, "a real-time process needs a cpu.realtimeRuntime" },
	{ EAGAIN, "the pids limit is reached" },
};

static int say_refused(
	const struct cgroup_part *part, pid_t pid, int code, struct err *err)
{
	(void)err_set(err, code, "move process %d into its cgroup (%s)", (int)pid,
		part->hierarchy->key);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (refusals[i].code == code)
			(void)err_hint(err, "%s", refusals[i].hint);
	}
	return -code;
}

int cgroup_attach_part(const struct cgroup_part *part, pid_t pid, struct err *err)
{
	char text[16];
	int r;

	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	r = fd_write_kernel_file(part->dirfd, "cgroup.procs", text);
	return r < 0 ? say_refused(part, pid, -r, err) : 0;
}

int cgroup_join_part(const struct cgroup_part *part, struct err *err)
{
	int r = fd_write_kernel_file(part->dirfd, "tasks", "0");

	return r < 0 ? say_refused(part, getpid(), -r, err) : 0;
}

static int say_busy(const struct cgroup_part *part, const char *path, struct err *err)
{
	cleanup_free pid_t *pids = NULL;
	size_t count = 0;
	int r = cgroup_members(part->dirfd, &pids, &count);

	if (r == 0 && count > 0)
		return err_say(err, EBUSY,
			"cgroup %s cannot be removed: it still holds %zu process%s, among them %d",
			path, count, count == 1 ? "" : "es", (int)pids[0]);
	return err_set(err, EBUSY, "remove cgroup %s", path);
}

static int remove_part(struct cgroup *cgroup, const struct cgroup_part *part,
	uint64_t deadline, struct err *err)
{
	unsigned int usec = 100;
	char path[CGROUP_PATH_ROOM];
	int r;

	r = cgroup_path_in(cgroup->path, part->hierarchy, path, err);
	if (r < 0)
		return r;
	do {
		r = cgroup_remove(cgroup->host->root_dirfd, path);
	} while (r == -EBUSY && cgroup_wait(deadline, &usec));
	if (r == -EBUSY)
		return say_busy(part, path, err);
	if (r < 0)
		return err_set(err, -r, "remove cgroup %s", path);
	remove_parents(cgroup->host->root_dirfd, part->hierarchy->folder, path);
	return 0;
}

int cgroup_remove_parts(struct cgroup *cgroup, bool only_new, struct err *err)
{
	uint64_t deadline = cgroup_now_ms() + REMOVE_TIMEOUT_MS;
	int first = 0, r;

	for (size_t i = 0; i < cgroup->count; i++) {
		if (only_new && !cgroup->parts[i].is_new)
			continue;
		/* The first failure is told; the other directories go nevertheless. */
		r = remove_part(cgroup, &cgroup->parts[i], deadline, first ? NULL : err);
		if (r < 0 && !first)
			first = r;
	}
	return first;
}
