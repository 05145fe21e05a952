/* SPDX-License-Identifier: Apache-2.0 */
/* The processes and the directories of a cgroup and of those below it. */
#include "isolators/cgroup-members.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A task can nest cgroups in its own; deeper than this is an attack on our stack. */
#define DEPTH_MAX 64
#define WAIT_MAX_USEC 10000

struct pids {
	pid_t *items;
	size_t count, room;
};

static int pids_add(struct pids *pids, pid_t pid)
{
	if (array_grow(&pids->items, pids->count, &pids->room, sizeof(*pids->items)) < 0)
		return -ENOMEM;
	pids->items[pids->count++] = pid;
	return 0;
}

/* The processes of one level. 0 is one that this pid namespace cannot see. */
static int read_level(int dirfd, struct pids *pids)
{
	cleanup_close int fd = openat(dirfd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char buf[4096];
	pid_t pid = 0;
	ssize_t n;
	int r;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (buf[i] >= '0' && buf[i] <= '9') {
				pid = pid * 10 + (buf[i] - '0');
				continue;
			}
			r = pid > 0 ? pids_add(pids, pid) : 0;
			if (r < 0)
				return r;
			pid = 0;
		}
	}
	/* A threaded cgroup lists its processes in its domain, and says EOPNOTSUPP here.
	 */
	return n < 0 && errno != EOPNOTSUPP && errno != ENODEV ? -errno : 0;
}

typedef int (*child_fn)(int dirfd, const char *name, int depth, void *arg);

static int each_child(int dirfd, int depth, child_fn fn, void *arg)
{
	cleanup_closedir DIR *dir = NULL;
	const struct dirent *entry;
	int fd, r;

	if (depth > DEPTH_MAX)
		return -ELOOP;
	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return -ENOMEM;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		r = fn(fd, entry->d_name, depth + 1, arg);
		if (r < 0)
			return r;
	}
	return 0;
}

static int collect(int dirfd, int depth, struct pids *pids);

static int collect_child(int dirfd, const char *name, int depth, void *arg)
{
	cleanup_close int fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = collect(fd, depth, arg);
	return r == -ENOENT || r == -ENODEV ? 0 : r;
}

static int collect(int dirfd, int depth, struct pids *pids)
{
	int r = read_level(dirfd, pids);

	return r < 0 ? r : each_child(dirfd, depth, collect_child, pids);
}

int cgroup_members(int dirfd, pid_t **ret, size_t *ret_count)
{
	struct pids pids = { 0 };
	int r = collect(dirfd, 0, &pids);

	if (r == -ENODEV || r == -ENOENT) /* removed meanwhile: then nobody is in it */
		r = 0;
	if (r < 0) {
		free(pids.items);
		return r;
	}
	*ret = pids.items;
	*ret_count = pids.count;
	return 0;
}

bool cgroup_has_members(int dirfd)
{
	cleanup_free pid_t *pids = NULL;
	size_t count = 0;

	/* What cannot be read may hold somebody. */
	return cgroup_members(dirfd, &pids, &count) < 0 || count > 0;
}

static int remove_child(int dirfd, const char *name, int depth, void *arg)
{
	cleanup_close int fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = each_child(fd, depth, remove_child, arg);
	if (r < 0)
		return r;
	/* What is still busy shows when its parent is removed. */
	(void)unlinkat(dirfd, name, AT_REMOVEDIR);
	return 0;
}

int cgroup_remove(int root_dirfd, const char *path)
{
	cleanup_close int fd = -1;
	int r;

	if (unlinkat(root_dirfd, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY)
		return -errno;
	fd = openat(root_dirfd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = each_child(fd, 0, remove_child, NULL);
	if (r < 0 && r != -ENOENT)
		return r;
	if (unlinkat(root_dirfd, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	return -errno;
}

uint64_t cgroup_now_ms(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool cgroup_wait(uint64_t deadline_ms, unsigned int *usec)
{
	if (cgroup_now_ms() >= deadline_ms)
		return false;
	(void)usleep(*usec);
	*usec = *usec * 2 < WAIT_MAX_USEC ? *usec * 2 : WAIT_MAX_USEC;
	return true;
}
