/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cleanup.h"
#include "common/path.h"
#include "common/str.h"
#include "common/timestamp.h"
#include "isolators/cgroup.h"
#include "isolators/namespaces.h"
#include "runtime/hooks.h"
#include "runtime/launch.h"
#include "runtime/process.h"
#include "runtime/registry.h"
#include "runtime/start.h"
#include "runtime/state.h"
#include "runtime/steps.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>

/* One creation. Undone as a whole by undo() when a step fails. */
struct creation {
	const struct runtime_request *request;
	struct launch launch;
	struct runtime_state state;
	bool has_run_hooks;
	int console_fd;
};

static int check_request(const struct runtime_request *request, struct err *err)
{
	const struct spec *spec = request->spec;

	if (!str_is_name(request->id))
		return err_say(err, EINVAL,
			"\"%s\" is not a container id: 1 to 128 letters, digits and _+-. not "
			"beginning with a dot",
			request->id);
	if (!spec->process.is_set || !spec->process.args || !spec->process.args[0])
		return err_say(err, EINVAL, "process.args names no program to execute");
	if (faccessat(request->state_dirfd, STATE_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return err_say(
			err, EEXIST, "container with id %s exists already", request->id);
	return 0;
}

static void fill_isolation(const struct runtime_request *request, struct launch *launch)
{
	struct isolation *i = &launch->isolation;

	i->id = request->id;
	i->spec = request->spec;
	i->process = &request->spec->process;
	i->user = request->user;
	i->bundle_dirfd = request->bundle_dirfd;
	i->rootfs = request->rootfs;
	i->secrets = request->secrets;
	i->mount_fds = request->mount_fds;
	i->mount_count = request->mount_count;
	i->notes = request->notes;
	i->is_rootless = request->is_rootless;
	i->create_cwd = request->create_cwd;
	i->no_pivot = request->no_pivot;
	i->keep_keyring = request->keep_keyring;
	launch->preserve_fds = request->preserve_fds;
	memcpy(launch->stdio_fds, request->stdio_fds, sizeof(launch->stdio_fds));
}

/* root.path as the person sees it; a root file system given by descriptors has no name.
 */
static char *rootfs_path(const struct runtime_request *request)
{
	const char *path = request->spec->root.path;
	cleanup_free char *joined = NULL;

	if (request->rootfs || !path)
		return NULL;
	if (*path == '/')
		return path_clean(path);
	joined = str_printf("%s/%s", request->bundle_path, path);
	return joined ? path_clean(joined) : NULL;
}

static int fill_state(struct creation *c, struct err *err)
{
	const struct runtime_request *request = c->request;
	const struct spec *spec = request->spec;
	struct runtime_state *state = &c->state;
	char now[TIMESTAMP_MAX];

	state->owner = geteuid();
	state->status = RUNTIME_CREATING;
	state->rootfs = rootfs_path(request);
	state->has_poststart_hooks = spec->hooks.poststart.count > 0;
	state->has_poststop_hooks = spec->hooks.poststop.count > 0;
	state->has_cgroup_leaf = c->launch.place.leaf != NULL;
	state->has_own_pid_namespace =
		namespaces_is_new(c->launch.isolation.namespaces, CLONE_NEWPID);
	if (str_set(&state->id, request->id) < 0 ||
		str_set(&state->bundle, request->bundle_path) < 0 ||
		str_set(&state->created, timestamp_format(timestamp_now(), now)) < 0 ||
		strv_copy(spec->annotations, &state->annotations) < 0)
		return err_oom(err);
	if (c->launch.place.cgroup &&
		str_set(&state->cgroup_path, cgroup_path(c->launch.place.cgroup)) < 0)
		return err_oom(err);
	return 0;
}

/* Saved as soon as there is a process: whatever happens to us now, delete finds all of
 * it. */
static int save_state(struct creation *c, struct err *err)
{
	cleanup_close int proc_dirfd = -1;
	char boot_id[BOOT_ID_MAX];
	int r;

	proc_dirfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc_dirfd < 0)
		return err_set(err, errno, "open /proc");
	c->state.pid = c->launch.pid;
	r = process_start_time(proc_dirfd, c->launch.pid, &c->state.start_time);
	if (r == 0)
		r = process_boot_id(proc_dirfd, boot_id);
	if (r < 0)
		return err_set(err, -r, "look at the container's process in /proc");
	if (str_set(&c->state.boot_id, boot_id) < 0)
		return err_oom(err);
	return state_save(c->request->state_dirfd, &c->state, err);
}

/* prestart (deprecated, but all tools still use it), then createRuntime. */
static int run_runtime_hooks(struct creation *c, struct err *err)
{
	const struct spec *spec = c->request->spec;
	struct hook_run run = { .name = "prestart",
		.hooks = &spec->hooks.prestart,
		.state = &c->state,
		.status = RUNTIME_CREATING,
		.pid = c->launch.pid };
	struct ipc_msg msg;
	int r;

	if (!spec->hooks.prestart.count && !spec->hooks.create_runtime.count)
		return 0;
	r = sync_expect(c->launch.parent_fd, SYNC_BUILT, &msg, err);
	if (r != 0)
		return r;
	ipc_msg_done(&msg);
	c->has_run_hooks = true;
	r = hooks_run(&run, err);
	if (r < 0)
		return r;
	run.name = "createRuntime";
	run.hooks = &spec->hooks.create_runtime;
	r = hooks_run(&run, err);
	if (r < 0)
		return r;
	return sync_send(c->launch.parent_fd, SYNC_HOOKED, NULL, 0, err);
}

/* The process exists: shape it from outside while it shapes itself from inside. */
static int shape(struct creation *c, struct err *err)
{
	int r;

	r = launch_place(&c->launch, STAGES_CREATE, err);
	if (r == 0)
		r = save_state(c, err);
	if (r == 0)
		r = runtime_step(STEP_STATE, err);
	if (r == 0)
		r = run_runtime_hooks(c, err);
	/* In the order in which the child expects it. */
	if (r == 0)
		r = launch_send_filter(&c->launch, err);
	if (r == 0)
		r = launch_await_ready(&c->launch, &c->console_fd, err);
	if (r == 0)
		r = runtime_step(STEP_READY, err);
	if (r != 0 || !c->request->start_later)
		return r;
	r = start_publish(c->request->state_dirfd, err);
	return r < 0 ? r : sync_send(c->launch.parent_fd, SYNC_CREATED, NULL, 0, err);
}

static int create(struct creation *c, struct err *err)
{
	struct isolation *isolation = &c->launch.isolation;
	int r;

	r = registry_prepare(isolation, STAGES_CREATE, err);
	if (r == 0)
		r = place_make(isolation, c->request, &c->launch.place, err);
	if (r == 0) {
		isolation->cgroup = place_inside(&c->launch.place);
		r = fill_state(c, err);
	}
	if (r == 0)
		r = runtime_step(STEP_CGROUP, err);
	if (r == 0 && c->request->start_later)
		r = start_listen(c->request->state_dirfd, &c->launch.listen_fd, err);
	if (r == 0)
		r = launch_clone(&c->launch, child_init, err);
	if (r == 0)
		r = runtime_step(STEP_PROCESS, err);
	return r ? r : shape(c, err);
}

/* What a failed creation made is taken back, to the last file. */
static void undo(struct creation *c)
{
	struct isolation *isolation = &c->launch.isolation;
	struct cgroup *cgroup = c->launch.place.cgroup;
	struct hook_run poststop = { .name = "poststop",
		.hooks = &c->request->spec->hooks.poststop,
		.state = &c->state,
		.status = RUNTIME_STOPPED };
	struct err err = { 0 };

	launch_abort(&c->launch);
	if (registry_cleanup(isolation, &err) < 0)
		notes_add(isolation->notes, "after the failure: %s", err.text);
	if (cgroup && (cgroup_kill(cgroup, &err) < 0 || cgroup_destroy(cgroup, &err) < 0))
		notes_add(isolation->notes, "after the failure: %s", err.text);
	if (c->has_run_hooks)
		hooks_run_all(&poststop, isolation->notes);
	state_remove(c->request->state_dirfd);
}

/* Hands over what the creator goes on with. */
static void give_container(struct creation *c, struct runtime_container *ret)
{
	*ret = (struct runtime_container){
		.pid = c->launch.pid,
		.pidfd = take_fd(&c->launch.pidfd),
		.console_fd = take_fd(&c->console_fd),
		.start_fd = take_fd(&c->launch.parent_fd),
		.has_poststart_hooks = c->state.has_poststart_hooks,
		.has_poststop_hooks = c->state.has_poststop_hooks,
		.has_own_pid_namespace = c->state.has_own_pid_namespace,
		.has_cgroup_leaf = c->state.has_cgroup_leaf,
		.cgroup_host = c->launch.place.host,
		.cgroup = c->launch.place.cgroup,
	};
	cgroup_free(c->launch.place.leaf);
	c->launch.place = (struct place){ 0 };
}

static int create_locked(
	struct creation *c, struct runtime_container *ret, struct err *err)
{
	int r;

	r = launch_verdict(&c->launch, create(c, err), err);
	if (r == 0)
		give_container(c, ret);
	else
		undo(c);
	if (c->console_fd >= 0)
		(void)close(c->console_fd);
	registry_release(&c->launch.isolation, STAGES_CREATE);
	return r;
}

int runtime_create(const struct runtime_request *request, struct runtime_container *ret,
	struct err *err)
{
	struct creation c = {
		.request = request, .launch = LAUNCH_INIT, .console_fd = -1
	};
	int r;

	c.launch.state = &c.state;
	c.launch.lock_fd = state_lock(request->state_dirfd, true, err);
	if (c.launch.lock_fd < 0)
		return c.launch.lock_fd;
	fill_isolation(request, &c.launch);
	r = check_request(request, err);
	if (r == 0)
		r = create_locked(&c, ret, err);
	runtime_state_done(&c.state);
	launch_done(&c.launch);
	return r;
}

void runtime_container_done(struct runtime_container *container)
{
	int *fds[] = { &container->pidfd, &container->console_fd, &container->start_fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			(void)close(take_fd(fds[i]));
	}
	cgroup_free(container->cgroup);
	cgroup_host_free(container->cgroup_host);
	container->cgroup = NULL;
	container->cgroup_host = NULL;
}
