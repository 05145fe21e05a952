/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cleanup.h"
#include "common/path.h"
#include "isolators/cgroup.h"
#include "isolators/namespaces.h"
#include "runtime/launch.h"
#include "runtime/process.h"
#include "runtime/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static int check_exec(const struct runtime_exec *exec, struct err *err)
{
	if (exec->state->status == RUNTIME_STOPPED ||
		exec->state->status == RUNTIME_CREATING)
		return err_say(err, ESRCH, "cannot exec in a container in the %s state",
			runtime_status_name(exec->state->status));
	if (exec->state->status == RUNTIME_PAUSED)
		return err_say(err, EBUSY, "cannot exec in a paused container");
	if (!exec->process->args || !exec->process->args[0])
		return err_say(err, EINVAL, "no program to execute was given");
	return 0;
}

static int open_leaf(const char *own, struct place *ret, struct err *err)
{
	cleanup_free char *leaf = cgroup_path_below(own, PLACE_LEAF);

	return leaf ? place_open(leaf, ret, err) : err_oom(err);
}

static int open_place(const struct runtime_exec *exec, struct place *ret, struct err *err)
{
	cleanup_free char *joined = NULL, *path = NULL;
	const char *own = exec->state->cgroup_path;
	int r;

	if (str_empty(exec->cgroup))
		return exec->state->has_cgroup_leaf ? open_leaf(own, ret, err)
						    : place_open(own, ret, err);
	if (!own)
		return err_say(err, ENOTSUP, "the container has no cgroup");
	joined = str_printf("%s/%s", own, exec->cgroup);
	path = joined ? path_clean(joined) : NULL;
	if (!path)
		return err_oom(err);
	if (strncmp(path, own, strlen(own)) != 0 || path[strlen(own)] != '/')
		return err_say(err, EINVAL, "cgroup %s leads out of the container's",
			exec->cgroup);
	r = place_open(path, ret, err);
	if (r == 0 && !ret->cgroup)
		return err_say(err, ENOENT, "there is no cgroup %s", path);
	return r;
}

static int prepare(
	const struct runtime_exec *exec, struct launch *launch, struct err *err)
{
	struct isolation *i = &launch->isolation;
	cleanup_close int pid_dirfd = -1;
	int r;

	i->id = exec->state->id;
	i->spec = exec->spec;
	i->process = exec->process;
	i->user = exec->user;
	i->notes = exec->notes;
	i->is_rootless = geteuid() != 0;
	launch->state = exec->state;
	launch->preserve_fds = exec->preserve_fds;
	memcpy(launch->stdio_fds, exec->stdio_fds, sizeof(launch->stdio_fds));
	r = runtime_state_open(exec->state, &launch->target_pidfd, &pid_dirfd);
	if (r < 0)
		return err_say(err, -r, "the container is not running");
	r = namespaces_of_process(launch->target_pidfd, pid_dirfd,
		&exec->spec->linux_.namespaces, &i->namespaces, err);
	if (r == 0)
		r = registry_prepare(i, STAGES_EXEC, err);
	if (r == 0)
		r = open_place(exec, &launch->place, err);
	i->cgroup = launch->place.cgroup;
	return r;
}

struct exec_listener {
	const struct runtime_exec *exec;
	const struct launch *launch;
};

static int take_listener(void *arg, int listener_fd, struct err *err)
{
	const struct exec_listener *l = arg;

	return launch_send_listener(
		l->exec->spec, l->exec->state, l->launch->pid, listener_fd, err);
}

static int launch_exec(const struct runtime_exec *exec, struct launch *launch,
	int *ret_console, struct err *err)
{
	struct exec_listener listener = { exec, launch };
	int r;

	r = check_exec(exec, err);
	if (r == 0)
		r = prepare(exec, launch, err);
	if (r == 0)
		r = launch_clone(launch, child_exec, err);
	if (r == 0)
		r = launch_place(launch, STAGES_EXEC, err);
	if (r == 0)
		r = launch_send_filter(launch, err);
	if (r == 0)
		r = launch_await_ready(launch, ret_console, err);
	return r ? r
		 : launch_await_exec(launch->parent_fd, take_listener, &listener, err);
}

int runtime_exec(
	const struct runtime_exec *exec, struct runtime_container *ret, struct err *err)
{
	struct launch launch = LAUNCH_INIT;
	cleanup_close int console_fd = -1;
	int r;

	r = launch_verdict(&launch, launch_exec(exec, &launch, &console_fd, err), err);
	if (r == 0)
		*ret = (struct runtime_container){
			.pid = launch.pid,
			.pidfd = take_fd(&launch.pidfd),
			.console_fd = take_fd(&console_fd),
			.start_fd = -1,
		};
	else
		launch_abort(&launch);
	registry_release(&launch.isolation, STAGES_EXEC);
	namespaces_free(launch.isolation.namespaces);
	launch_done(&launch);
	return r;
}
