/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of a container that is launched. */
#include "agentd/launch-private.h"

#include "agentd/container-asked.h"
#include "agentd/container-names.h"
#include "agentd/container-nested.h"
#include "agentd/container-private.h"
#include "agentd/engine-steps.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/json-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static const char *parent_of(const struct launching *l)
{
	return l->request->parent ? l->request->parent->id : NULL;
}

const struct id_range *launch_shared_ids(const struct launching *l)
{
	return l->nested.ids.count ? &l->nested.ids : l->request->shared_ids;
}

static int take_name(struct launching *l, struct err *err)
{
	const char *name = l->container->name;

	if (!name || l->request->made)
		return 0;
	return container_name_take(l->engine, parent_of(l), name, l->container->id, err);
}

static int write_config(struct launching *l, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int r;

	spec_write(&w, NULL, l->bundle.spec);
	if (buf_finish(&b) < 0)
		return err_oom(err);
	r = fd_replace_file(
		l->container->dirfd, "config.json", b.data, b.len, 0600, FD_NO_SYNC);
	return r < 0 ? err_set(err, -r, "write config.json") : 0;
}

static int make_directory(struct launching *l, struct err *err)
{
	int dirfd = engine_containers_dirfd(l->engine), r = 0;

	if (l->request->parent && !l->request->made)
		r = container_adopt(l->engine, l->container, err);
	if (r < 0)
		return r;
	if (!l->request->made && mkdirat(dirfd, l->container->id, 0700) < 0)
		return err_set(err, errno, "make %s", l->dir_path);
	l->container->dirfd = openat(
		dirfd, l->container->id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (l->container->dirfd < 0) {
		(void)err_set(err, errno, "open %s", l->dir_path);
		if (!l->request->made)
			(void)unlinkat(dirfd, l->container->id, AT_REMOVEDIR);
		return err ? -err->code : -EIO;
	}
	l->supervision_fd = container_supervise(l->container->dirfd);
	if (l->supervision_fd < 0)
		return err_set(err, -l->supervision_fd, "lock %s", l->dir_path);
	return l->request->made ? container_asked_begin(l->container->dirfd, err) : 0;
}

static int take_network(struct launching *l, struct err *err)
{
	struct launch_network *network = &l->network;

	network->hostname = l->bundle.spec->hostname;
	if (network->choice.mode == NETWORK_BRIDGE)
		l->bundle_request.network = &network->network;
	/* Only where the name server is: at the usual address. */
	l->bundle_request.has_names =
		engine_serves_names(l->engine) && !l->request->options->network_pool;
	return launch_network_take(l->engine, l->container, network, err);
}

static int take_ids(struct launching *l, struct err *err)
{
	struct container *c = l->container;
	int r = 0;

	if (!l->bundle_request.has_own_ids)
		return 0;
	if (launch_shared_ids(l)) {
		c->ids = *launch_shared_ids(l);
		c->ids.is_borrowed = true;
	} else {
		r = launch_ids_take(c, l->request->made ? &l->request->made->ids : NULL,
			&l->pool, l->dir_path, err);
	}
	return r < 0 ? r : bundle_set_ids(&l->bundle, &c->ids, err);
}

static int save(struct launching *l, struct err *err)
{
	return container_save(l->container, err);
}

/* Mounted before there is a socket in it. */
static int make_nesting_directory(const struct launching *l, struct err *err)
{
	cleanup_close int fd =
		fd_mkdir_open(l->container->dirfd, NESTING_DIRECTORY, 0755);

	return fd < 0 ? err_set(err, -fd, "make " NESTING_DIRECTORY "/") : 0;
}

static int write_files(struct launching *l, struct err *err)
{
	int dirfd = l->container->dirfd, r;

	r = bundle_write_files(&l->bundle_request, &l->bundle, dirfd, err);
	if (r == 0)
		r = launch_nested_files(&l->nested, dirfd, err);
	if (r == 0)
		r = launch_group_files(&l->group, l->request->options, dirfd, err);
	if (r == 0 && l->request->options->has_nesting)
		r = make_nesting_directory(l, err);
	return r;
}

static const struct {
	int (*fill)(struct launching *l, struct err *err);
	enum engine_step step; /* then */
} fillings[] = {
	{ make_directory, STEP_LAUNCH_DIRECTORY },
	/* Whoever finds the name finds soon after what it names. */
	{ take_ids, STEP_LAUNCH_IDS },
	{ take_name, STEP_LAUNCH_NAME },
	{ save, STEP_LAUNCH_SAVED },
	{ write_config, STEP_LAUNCH_CONFIG },
	{ take_network, STEP_LAUNCH_NETWORK },
	{ write_files, STEP_LAUNCH_FILES },
};

int launch_fill_directory(struct launching *l, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(fillings) / sizeof(fillings[0]); i++) {
		r = fillings[i].fill(l, err);
		if (r == 0)
			r = engine_step(fillings[i].step, err);
	}
	/* Nothing is attached yet. */
	if (r < 0)
		launch_network_forget(l->engine, l->container, &l->network);
	return r;
}

int launch_make_directory(struct launching *l, struct err *err)
{
	int r = make_directory(l, err);

	if (r == 0)
		r = container_asked_write(l->container->dirfd, l->request->asked, err);
	if (r == 0)
		r = take_name(l, err);
	if (r == 0)
		r = container_save(l->container, err);
	return r == 0 ? write_config(l, err) : r;
}
