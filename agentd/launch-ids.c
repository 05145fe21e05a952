/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/launch-ids.h"

#include "agentd/container-private.h"
#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>

static int find_pool(
	const struct run_options *options, struct id_pool *ret, struct err *err)
{
	cleanup_close int etc_dirfd = -1;

	if (options->id_range) {
		return id_pool_parse(options->id_range, ret, err) < 0
			       ? err_wrap(err, "--id-range")
			       : 0;
	}
	etc_dirfd = open("/etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (etc_dirfd < 0)
		return err_set(err, errno, "open /etc");
	return id_pool_default(etc_dirfd, ret, err);
}

int launch_ids_plan(const struct run_options *options, bool is_rootless, bool *ret_is_own,
	struct id_pool *ret_pool, struct err *err)
{
	bool is_auto = options->userns && str_eq(options->userns, "auto");

	if (options->userns && !is_auto && !str_eq(options->userns, "host"))
		return err_say(
			err, EINVAL, "--userns %s: want auto or host", options->userns);
	if (options->userns && !is_auto && is_rootless) {
		(void)err_say(err, EPERM,
			"--userns host: a normal user's container needs a user namespace");
		return err_hint(err, "leave it out, or run as root");
	}
	*ret_is_own = is_auto && !is_rootless;
	return *ret_is_own ? find_pool(options, ret_pool, err) : 0;
}

int launch_ids_take(struct container *container, const struct id_range *before,
	const struct id_pool *pool, const char *dir_path, struct err *err)
{
	cleanup_close int leases = id_leases_open(err);

	if (leases < 0)
		return leases;
	if (!before || !before->count)
		return id_range_take(leases, pool, dir_path, &container->ids, err);
	container->ids = *before;
	return id_range_keep(leases, before, dir_path, err);
}

int launch_ids_share(const struct run_options *options, bool is_rootless,
	const char *holder, struct id_range *ret, struct err *err)
{
	cleanup_close int leases = -1;
	struct id_pool pool;
	bool is_own;
	int r = launch_ids_plan(options, is_rootless, &is_own, &pool, err);

	*ret = (struct id_range){ 0 };
	if (r < 0 || !is_own)
		return r;
	leases = id_leases_open(err);
	if (leases < 0)
		return leases;
	r = id_range_find(leases, holder, ret, err);
	return r == -ENOENT ? id_range_take(leases, &pool, holder, ret, err) : r;
}

int launch_ids_unshare(const char *holder, struct err *err)
{
	cleanup_close int leases = id_leases_open(err);
	struct id_range range;
	int r = leases < 0 ? leases : id_range_find(leases, holder, &range, err);

	if (r == 0)
		id_range_release(leases, &range, holder);
	return r == -ENOENT ? 0 : r;
}

void container_release_ids(struct engine *engine, const struct container *container)
{
	cleanup_free char *path = NULL;
	cleanup_close int leases = -1;
	struct err ignored;

	if (!container->ids.count || container->ids.is_borrowed)
		return;
	path = str_printf("%s/containers/%s", engine_root_path(engine), container->id);
	leases = id_leases_open(&ignored);
	if (path && leases >= 0)
		id_range_release(leases, &container->ids, path);
}
