/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/place.h"

#include "common/cleanup.h"
#include "isolators/cgroup.h"
#include "runtime/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define BELOW_NAME_LEN 16

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

/* Short names, so that many levels fit into a path. */
static int choose_below(const char *parent, const char *id, char **ret, struct err *err)
{
	char name[BELOW_NAME_LEN + 1];

	(void)snprintf(name, sizeof(name), "%s", id);
	*ret = cgroup_path_below(parent, name);
	return *ret ? 0 : err_oom(err);
}

int place_make(const struct isolation *isolation, const struct runtime_request *request,
	struct place *ret, struct err *err)
{
	const struct spec_linux *l = &isolation->spec->linux_;
	cleanup_place struct place place = { 0 };
	cleanup_free char *path = NULL;
	int r;

	r = open_host(&place.host, err);
	if (r < 0)
		return r;
	r = request->cgroup_parent
		    ? choose_below(request->cgroup_parent, isolation->id, &path, err)
		    : cgroup_choose_path(
			      place.host, l->cgroups_path, isolation->id, &path, err);
	if (r == 0)
		r = state_save_cgroup(request->state_dirfd, path, err);
	if (r < 0)
		return r;
	r = cgroup_create(place.host, path, &l->resources, &place.cgroup, err);
	if (r == 0 && request->has_cgroup_leaf) {
		r = cgroup_leaf(place.cgroup, PLACE_LEAF, &place.leaf, err);
		if (r < 0)
			(void)!cgroup_destroy(place.cgroup, NULL);
	}
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
	cgroup_free(place->leaf);
	cgroup_free(place->cgroup);
	cgroup_host_free(place->host);
	*place = (struct place){ 0 };
}
