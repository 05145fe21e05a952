/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/place.h"

#include "common/cleanup.h"
#include "isolators/cgroup.h"

#include <errno.h>
#include <fcntl.h>

#define cleanup_host cleanup_with(host_free_ptr)

static void host_free_ptr(struct cgroup_host **host)
{
	cgroup_host_free(*host);
}

static int open_host(struct cgroup_host **ret, struct err *err)
{
	cleanup_close int cgroup_dirfd = -1, proc_dirfd = -1;

	cgroup_dirfd = open("/sys/fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (cgroup_dirfd < 0)
		return err_set(err, errno, "open /sys/fs/cgroup");
	proc_dirfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc_dirfd < 0)
		return err_set(err, errno, "open /proc");
	return cgroup_host_open(cgroup_dirfd, proc_dirfd, ret, err);
}

int place_make(struct isolation *isolation, struct err *err)
{
	cleanup_host struct cgroup_host *host = NULL;
	const struct spec_linux *l = &isolation->spec->linux_;
	cleanup_free char *path = NULL;
	int r;

	r = open_host(&host, err);
	if (r < 0)
		return r;
	r = cgroup_choose_path(host, l->cgroups_path, isolation->id, &path, err);
	if (r < 0)
		return r;
	r = cgroup_create(host, path, &l->resources, &isolation->cgroup, err);
	if (r == CGROUP_UNAVAILABLE) {
		notes_add(isolation->notes, "no cgroup could be made here: the container "
					    "runs in the caller's");
		return 0;
	}
	return r;
}

int place_open(const char *cgroup_path, struct cgroup **ret, struct err *err)
{
	cleanup_host struct cgroup_host *host = NULL;
	int r;

	*ret = NULL;
	if (!cgroup_path)
		return 0;
	r = open_host(&host, err);
	if (r < 0)
		return r;
	r = cgroup_open(host, cgroup_path, ret, err);
	return r == -ENOENT ? 0 : r;
}
