/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container-usage.h"

#include "agentd/container-private.h"
#include "agentd/engine-private.h"

#include "common/cleanup.h"
#include "common/str.h"
#include "runtime/runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static int open_host(struct cgroup_host **ret, struct err *err)
{
	cleanup_close int root_dirfd = -1, proc_dirfd = -1;

	root_dirfd = open("/sys/fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_dirfd < 0)
		return err_set(err, errno, "open /sys/fs/cgroup");
	proc_dirfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc_dirfd < 0)
		return err_set(err, errno, "open /proc");
	return cgroup_host_open(root_dirfd, proc_dirfd, ret, err);
}

/* Read once by each process that looks at many. */
int engine_cgroups(struct engine *engine, struct cgroup_host **ret, struct err *err)
{
	int r = engine->cgroups ? 0 : open_host(&engine->cgroups, err);

	if (r == 0)
		*ret = engine->cgroups;
	return r;
}

static void free_cgroup(struct cgroup **cgroup)
{
	cgroup_free(*cgroup);
}
#define cleanup_cgroup cleanup_with(free_cgroup)

/* -ESRCH: it has none, because it ended or because none could be made. */
static int open_cgroup(struct engine *engine, const struct container *c,
	struct cgroup **ret, struct err *err)
{
	struct runtime_state state = { 0 };
	struct cgroup_host *host;
	int r;

	r = runtime_state_load(c->dirfd, &state, err);
	if (r < 0)
		return r;
	if (!state.cgroup_path)
		r = err_say(err, ESRCH, "container %.*s has no cgroup of its own",
			CONTAINER_SHORT_ID, c->id);
	if (r == 0)
		r = engine_cgroups(engine, &host, err);
	if (r == 0)
		r = cgroup_open(host, state.cgroup_path, ret, err);
	runtime_state_done(&state);
	return r;
}

int container_usage(struct engine *engine, struct container *container,
	struct cgroup_usage *ret, struct err *err)
{
	cleanup_cgroup struct cgroup *cgroup = NULL;
	int r = open_cgroup(engine, container, &cgroup, err);

	return r < 0 ? r : cgroup_usage(cgroup, ret, err);
}

int container_cgroup_dir(struct engine *engine, const struct container *container)
{
	cleanup_cgroup struct cgroup *cgroup = NULL;
	struct err ignored;
	int r = open_cgroup(engine, container, &cgroup, &ignored);

	return r < 0 ? r : cgroup_open_unified(cgroup);
}

/* pid_namespaces(7): equal device and inode are one namespace. */
static int stat_pid_namespace(int proc_dirfd, const char *pid, struct stat *ret)
{
	char path[64];
	int n = snprintf(path, sizeof(path), "%s/ns/pid", pid);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	return fstatat(proc_dirfd, path, ret, 0) < 0 ? -errno : 0;
}

static int add_pid(const char *name, pid_t **pids, size_t *count, struct err *err)
{
	pid_t *grown = reallocarray(*pids, *count + 1, sizeof(**pids));
	uint32_t pid;

	if (!grown)
		return err_oom(err);
	*pids = grown;
	if (str_to_u32(name, &pid) == 0)
		grown[(*count)++] = (pid_t)pid;
	return 0;
}

/* Without a cgroup, the pid namespace tells whose a process is. A process that ends
 * meanwhile, or that the caller may not look into, is none of his container. */
static int pids_of_namespace(
	const struct container *c, pid_t **ret, size_t *ret_count, struct err *err)
{
	cleanup_closedir DIR *proc = opendir("/proc");
	cleanup_free pid_t *pids = NULL;
	cleanup_free char *first = str_printf("%d", (int)c->pid);
	struct stat wanted, own;
	struct dirent *entry;
	size_t count = 0;
	int r;

	if (!proc || !first)
		return err_set(err, proc ? ENOMEM : errno, "open /proc");
	r = stat_pid_namespace(dirfd(proc), first, &wanted);
	if (r < 0)
		return err_set(err, -r, "look at process %s", first);
	r = 0;
	while (r == 0 && (entry = readdir(proc))) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9' ||
			stat_pid_namespace(dirfd(proc), entry->d_name, &own) < 0)
			continue;
		if (own.st_dev == wanted.st_dev && own.st_ino == wanted.st_ino)
			r = add_pid(entry->d_name, &pids, &count, err);
	}
	if (r < 0)
		return r;
	*ret = take_ptr(pids);
	*ret_count = count;
	return 0;
}

int container_pids(struct engine *engine, struct container *container, pid_t **ret,
	size_t *ret_count, struct err *err)
{
	cleanup_cgroup struct cgroup *cgroup = NULL;
	int r;

	if (!container->pid)
		return err_say(err, ESRCH, "container %.*s is not running (%s)",
			CONTAINER_SHORT_ID, container->id,
			container_status_name(container->status));
	r = open_cgroup(engine, container, &cgroup, err);
	if (r == -ESRCH)
		return pids_of_namespace(container, ret, ret_count, err);
	return r < 0 ? r : cgroup_pids(cgroup, ret, ret_count, err);
}

int container_limit_pids(struct engine *engine, const struct container *container,
	int64_t limit, struct err *err)
{
	cleanup_cgroup struct cgroup *cgroup = NULL;
	struct spec_resources resources = { .pids_limit = { true, limit } };
	int r = open_cgroup(engine, container, &cgroup, err);

	return r < 0 ? r : cgroup_set(cgroup, &resources, err);
}
