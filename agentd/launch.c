/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/launch-private.h"

#include "agentd/container-asked.h"
#include "agentd/container-network.h"
#include "agentd/container-private.h"
#include "agentd/engine-steps.h"
#include "agentd/events.h"
#include "agentd/fetch-cache.h"
#include "agentd/sandbox.h"
#include "agentd/supervisor.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/json-writer.h"
#include "common/timestamp.h"
#include "common/url.h"
#include "isolators/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>

static void make_id(char ret[CONTAINER_ID_MAX])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char random[(CONTAINER_ID_MAX - 1) / 2];

	while (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		;
	for (size_t i = 0; i < sizeof(random); i++) {
		ret[2 * i] = digits[random[i] >> 4];
		ret[2 * i + 1] = digits[random[i] & 15];
	}
	ret[CONTAINER_ID_MAX - 1] = '\0';
}

static void launching_done(struct launching *l)
{
	bundle_done(&l->bundle);
	bundle_secrets_done(&l->secrets);
	notes_done(&l->notes);
	free(l->dir_path);
	free(l->init_path);
	container_free(l->container);
	if (l->supervision_fd >= 0)
		(void)close(l->supervision_fd);
	launch_root_done(&l->root);
	launch_network_done(&l->network);
	launch_nested_done(&l->nested);
	launch_group_done(&l->group);
}

/* ---- the plan: nothing on disk yet --------------------------------------------------- */

static int describe(struct launching *l, struct err *err)
{
	const struct run_options *options = l->request->options;
	struct container *c = l->container;
	char image[1024];

	if (str_set(&c->name, options->name) < 0 ||
		str_set(&c->image,
			url_shown(l->request->image_name, image, sizeof(image))) < 0 ||
		str_set(&c->image_id, l->request->image->id) < 0 ||
		str_set(&c->user, l->bundle.user) < 0 ||
		str_set(&c->stop_signal, l->bundle.stop_signal) < 0 ||
		strv_copy(l->bundle.spec->process.args, &c->command) < 0 ||
		strv_copy(l->bundle.labels, &c->labels) < 0 ||
		strv_copy(l->nested.parents, &c->parents) < 0)
		return err_oom(err);
	c->has_nesting = options->has_nesting;
	c->is_session = options->is_session;
	c->has_fixed_user = l->nested.user;
	c->created = l->request->made ? l->request->made->created : timestamp_now();
	c->stop_timeout_ms = l->bundle.stop_timeout_ms;
	c->is_auto_removed = options->is_auto_removed;
	c->has_terminal = options->has_terminal;
	c->has_stdin = options->is_interactive;
	c->status = CONTAINER_CREATING;
	return 0;
}

static int plan(struct engine *engine, const struct launch_request *request,
	struct launching *l, struct err *err)
{
	const char *name = request->options->name;
	char id[CONTAINER_ID_MAX];
	int r;

	make_id(id);
	if (request->made)
		(void)snprintf(id, sizeof(id), "%s", request->made->id);
	*l = (struct launching){ .engine = engine,
		.request = request,
		.supervision_fd = -1,
		.root = LAUNCH_ROOT_INIT,
		.network = LAUNCH_NETWORK_INIT,
		.nested = LAUNCH_NESTED_INIT,
		.group = LAUNCH_GROUP_INIT };
	/* It becomes the name of a file. */
	if (name && !str_is_name(name))
		return err_say(err, EINVAL, "%.80s is no name for a container", name);
	if (request->options->has_nesting && !request->news_fd) {
		(void)err_say(err, EINVAL,
			"--nesting: only an agent gives containers a socket");
		return err_hint(err, "start ucr-agentd, and launch it there");
	}
	l->dir_path = str_printf("%s/containers/%s", engine_root_path(engine), id);
	l->init_path = str_printf("%s/ucr-init", engine_libexec_path(engine));
	l->container = calloc(1, sizeof(*l->container));
	if (!l->dir_path || !l->init_path || !l->container)
		return err_oom(err);
	l->container->dirfd = -1;
	if (str_set(&l->container->id, id) < 0)
		return err_oom(err);
	l->bundle_request = (struct bundle_request){
		.image = request->image,
		.options = request->options,
		.volume_fds = request->volume_fds,
		.id = l->container->id,
		.dir_path = l->dir_path,
		.init_path = l->init_path,
		.is_rootless = engine_is_rootless(engine),
		.notes = &l->notes,
	};
	r = launch_nested_plan(engine, request, &l->nested, err);
	if (r == 0 && request->parent)
		l->bundle_request.options = &l->nested.options;
	if (r == 0)
		r = launch_group_plan(engine, request, &l->group, err);
	if (r == 0 && request->holder)
		l->bundle_request.options = &l->group.options;
	if (r == 0)
		r = launch_ids_plan(l->bundle_request.options,
			l->bundle_request.is_rootless, &l->bundle_request.has_own_ids,
			&l->pool, err);
	if (launch_shared_ids(l))
		l->bundle_request.has_own_ids = true;
	if (r == 0)
		r = bundle_build(&l->bundle_request, &l->bundle, err);
	if (r == 0)
		r = launch_nested_bundle(&l->nested, &l->bundle, err);
	if (r == 0)
		r = launch_group_bundle(&l->group, &l->bundle_request, &l->bundle, err);
	if (r == 0)
		r = bundle_secrets(request->options, &l->secrets, err);
	if (r == 0)
		r = launch_network_plan(&l->bundle_request, &l->network, err);
	return r < 0 ? r : describe(l, err);
}

/* ---- the start ----------------------------------------------------------------------- */

/* Root's containers have this limit in their configuration, where it must be met. */
static void limit_pids_if_delegated(const struct launching *l)
{
	struct err ignored;

	if (l->bundle_request.is_rootless && !l->request->options->pids_limit)
		(void)!container_limit_pids(
			l->engine, l->container, BUNDLE_PIDS_LIMIT, &ignored);
}

/* It is made by root, which must not be for one that is not, in files of another container. */
static bool may_make_cwd(const struct launching *l)
{
	const struct launch_nested *nested = &l->nested;

	if (nested->shares_root || (nested->user && strv_len(nested->volumes)))
		return false;
	return !l->request->image->config.appc.needs_working_dir ||
	       l->request->options->workdir;
}

/* In the supervising child. */
static int start(const struct supervisor *supervisor, const int stdio_fds[3],
	struct notes *notes, struct runtime_container *ret, struct err *err)
{
	struct launching *l = supervisor->arg;
	struct rootfs rootfs = launch_root_view(&l->root);
	struct runtime_request request = {
		.id = l->container->id,
		.spec = l->bundle.spec,
		.bundle_dirfd = l->container->dirfd,
		.bundle_path = l->dir_path,
		.state_dirfd = l->container->dirfd,
		.rootfs = &rootfs,
		.secrets = &l->secrets.list,
		.user = l->bundle.user,
		.stdio_fds = { stdio_fds[0], stdio_fds[1], stdio_fds[2] },
		.create_cwd = may_make_cwd(l),
		.is_rootless = l->bundle_request.is_rootless,
		.has_cgroup_leaf = l->request->options->has_nesting,
		.notes = notes,
	};
	struct runtime_container container;
	struct err ignored;
	int r;

	launch_group_begin(&l->group, &request);
	r = launch_network_prepare(l->engine, &l->network, err);
	if (r == 0)
		r = launch_nested_begin(&l->nested, &request, err);
	if (r == 0)
		r = runtime_create(&request, &container, err);
	launch_nested_created(&l->nested);
	if (r != 0) {
		launch_network_forget(l->engine, l->container, &l->network);
		return r;
	}
	limit_pids_if_delegated(l);
	r = engine_step(STEP_LAUNCH_CREATED, err);
	if (r == 0)
		r = launch_network_attach(
			l->engine, l->container, &l->network, container.pid, notes, err);
	if (r == 0 && l->request->options->has_nesting)
		r = nesting_announce(l->container, *l->request->news_fd, err);
	if (r == 0)
		r = runtime_start_created(&container, l->container->dirfd, err);
	if (r == 0)
		r = engine_step(STEP_LAUNCH_STARTED, err);
	network_client_stop(&l->network.client);
	if (r != 0) {
		runtime_container_done(&container);
		(void)!runtime_delete(l->container->dirfd, true, NULL, &ignored);
		return r;
	}
	*ret = container;
	return 0;
}

static int supervise(struct launching *l, struct launched *ret, struct err *err)
{
	const struct run_options *options = l->request->options;
	struct supervisor supervisor = {
		.engine = l->engine,
		.has_terminal = options->has_terminal,
		.is_interactive = options->is_interactive,
		.is_detached = options->is_detached,
		.is_session = options->is_session,
		.client_fd = l->request->client_fd,
		.start = start,
		.arg = l,
		.container_dirfd = l->container->dirfd,
		.held_fds = { l->supervision_fd, l->root.lease_fd },
		.port_fds = l->network.port_fds,
		.port_fd_count = l->network.port_fd_count,
		.volume_fds = l->request->volume_fds,
		.volume_fd_count = l->request->volume_fd_count,
		.id = l->container->id,
		.name = l->container->name,
		.image = l->container->image,
		.log_bytes = l->bundle.log_max_bytes,
		.log_files = l->bundle.log_max_files,
	};

	return supervisor_run(&supervisor, ret, err);
}

/* The host's files are mounted in the container's empty directory, by its configuration. */
static int open_root(struct launching *l, struct err *err)
{
	struct store *store;
	int r;

	if (sandbox_is_host(l->request->image)) {
		l->root.is_copy = true;
		l->root.target_fd = l->supervision_fd;
		return sandbox_host_links(l->supervision_fd, err);
	}
	if (l->nested.shares_root) {
		l->root.is_tree = true;
		l->root.target_fd = l->nested.root_fd;
		return 0;
	}
	r = engine_store(l->engine, &store, err);
	if (r < 0)
		return r;
	return launch_root_open(store,
		&(struct launch_root_request){
			.backend = l->request->options->rootfs_backend,
			.image = l->request->image,
			.container_dirfd = l->container->dirfd,
			.rootfs_fd = l->supervision_fd,
			.ids = l->container->ids.count ? &l->container->ids : NULL,
			.notes = &l->notes,
		},
		&l->root, err);
}

static int fill_sandbox(struct launching *l, struct err *err)
{
	const char *size = l->request->options->fetch_cache_size;
	uint64_t cache_bytes = FETCH_CACHE_BYTES;

	if (!sandbox_is_wanted(&l->bundle_request))
		return 0;
	if (size && str_to_bytes(size, &cache_bytes) < 0)
		return err_say(err, EINVAL, "--fetch-cache-size %s: not a size", size);
	return sandbox_fill(&(struct sandbox_fill){ .engine = l->engine,
				    .container_dirfd = l->container->dirfd,
				    .uris = l->request->options->uris,
				    .user = l->bundle.user,
				    .root = &l->root,
				    .is_host = sandbox_is_host(l->request->image),
				    .pull_options = l->request->pull_options,
				    .cache_bytes = cache_bytes },
		err);
}

static void append_create(const struct launching *l)
{
	events_append(l->engine, &(struct event){ .type = "create",
					 .id = l->container->id,
					 .name = l->container->name,
					 .image = l->container->image });
}

static int go(struct launching *l, struct launched *ret, struct err *err)
{
	int r;

	r = open_root(l, err);
	if (r == 0)
		r = engine_step(STEP_LAUNCH_ROOT, err);
	if (r == 0)
		r = fill_sandbox(l, err);
	if (r == 0)
		r = engine_step(STEP_LAUNCH_SANDBOX, err);
	if (r < 0) {
		launch_network_forget(l->engine, l->container, &l->network);
		return r;
	}
	if (!l->request->made)
		append_create(l);
	return supervise(l, ret, err);
}

static int add_notes(const struct notes *notes, strv *to)
{
	int r = 0;

	strv_each (line, notes->lines) {
		r = strv_add(to, *line);
		if (r < 0)
			break;
	}
	return r;
}

/* One that was made before is as it was; where something of it could not be ended, it stays with
 * its state, as one that was lost, and clean-up tries again. */
static void undo(struct launching *l)
{
	struct container *c = l->container;
	struct err ignored;

	if (!l->request->made) {
		if (c->dirfd >= 0)
			(void)!container_abandon(l->engine, c, &ignored);
		return;
	}
	if (l->supervision_fd >= 0 &&
		runtime_delete(c->dirfd, true, NULL, &ignored) == 0 &&
		container_release_network(l->engine, c, &ignored) == 0)
		container_asked_undo(c->dirfd);
}

/* What to do where the containers' own file system refuses them. */
static int hint_at_disk(const char *root, struct err *err)
{
	if (err && (err->code == ENOSPC || err->code == EDQUOT))
		return err_hint(err,
			"free space below %s (`ucrctl rm` and `ucrctl gc` do), or "
			"choose another place with --root",
			root);
	if (err && err->code == EROFS)
		return err_hint(err,
			"%s is on a read-only file system: choose another place with --root",
			root);
	return err ? -err->code : -EIO;
}

int launch_container(struct engine *engine, const struct launch_request *request,
	struct container **ret, struct launched *ret_launch, struct err *err)
{
	struct launched launch = LAUNCHED_INIT;
	struct launching l;
	int r;

	r = plan(engine, request, &l, err);
	if (r == 0) {
		r = launch_fill_directory(&l, err);
		if (r < 0)
			r = hint_at_disk(engine_root_path(engine), err);
		else
			r = go(&l, &launch, err);
		if (r != 0)
			undo(&l);
	}
	if (r == 0) {
		(void)!add_notes(&l.notes, &launch.notes);
		l.container->pid = launch.pid;
		l.container->status = CONTAINER_RUNNING;
		*ret = take_ptr(l.container);
		*ret_launch = launch;
	}
	launching_done(&l);
	return r;
}

int launch_make(struct engine *engine, const struct launch_request *request,
	struct container **ret, strv *ret_notes, struct err *err)
{
	struct launching l;
	struct err ignored;
	int r;

	r = plan(engine, request, &l, err);
	if (r == 0) {
		r = launch_make_directory(&l, err);
		if (r < 0)
			r = hint_at_disk(engine_root_path(engine), err);
		if (r < 0 && l.container->dirfd >= 0)
			(void)!container_erase(engine, l.container, &ignored);
	}
	if (r == 0) {
		append_create(&l);
		(void)!add_notes(&l.notes, ret_notes);
		l.container->status = CONTAINER_CREATED;
		*ret = take_ptr(l.container);
	}
	launching_done(&l);
	return r;
}

int launch_preview(struct engine *engine, const struct launch_request *request,
	char **ret, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	struct launching l;
	int r;

	w.is_pretty = true;
	r = plan(engine, request, &l, err);
	/* The first that a launch might take. */
	if (r == 0 && l.bundle_request.has_own_ids)
		r = bundle_set_ids(&l.bundle,
			launch_shared_ids(&l) ? launch_shared_ids(&l)
					      : &(struct id_range){ l.pool.first,
							ID_RANGE_SIZE, false },
			err);
	if (r == 0) {
		spec_write(&w, NULL, l.bundle.spec);
		buf_putc(&b, '\n');
		*ret = buf_take(&b);
		r = *ret ? 0 : err_oom(err);
	}
	launching_done(&l);
	return r;
}
