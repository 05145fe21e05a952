/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/place.h"

#include "common/cleanup.h"
#include "isolators/cgroup.h"
#include "runtime/state.h"

#include <errno.h>
#include <fcntl.h>

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

int place_make(const struct isolation *isolation, int state_dirfd, struct place *ret,
	struct err *err)
{
	const struct spec_linux *l = &isolation->spec->linux_;
	cleanup_place struct place place = { 0 };
	cleanup_free char *path = NULL;
	int r;

	r = open_host(&place.host, err);
	if (r < 0)
		return r;
	r = cgroup_choose_path(place.host, l->cgroups_path, isolation->id, &path, err);
	if (r == 0)
		r = state_save_cgroup(state_dirfd, path, err);
	if (r < 0)
		return r;
	r = cgroup_create(place.host, path, &l->resources, &place.cgroup, err);
	if (r < 0)
		return r;
	*ret = place;
	place = (struct place){ 0 };
	return 0;
}

int place_open(const char *cgroup_path, struct place *ret, struct err *err)
{
	cleanup_place struct place place = { 0 };
	int r;

	if (!cgroup_path)
		return 0;
	r = open_host(&place.host, err);
	if (r < 0)
		return r;
	r = cgroup_open(place.host, cgroup_path, &place.cgroup, err);
	if (r < 0 && r != -ENOENT)
		return r;
	*ret = place;
	place = (struct place){ 0 };
	return 0;
}

void place_done(struct place *place)
{
	cgroup_free(place->cgroup);
	cgroup_host_free(place->host);
	*place = (struct place){ 0 };
}
