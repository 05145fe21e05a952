/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cleanup.h"
#include "isolators/cgroup.h"
#include "runtime/place.h"
#include "runtime/process.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <signal.h>

static int kill_first(const struct runtime_state *state, int signal, struct err *err)
{
	cleanup_close int pidfd = -1;
	int r;

	pidfd = runtime_state_pidfd(state);
	if (pidfd < 0)
		return err_say(err, ESRCH, "container not running");
	r = process_signal(pidfd, signal);
	return r < 0 ? err_set(err, -r, "signal process %d", (int)state->pid) : 0;
}

/* Also after the first process ended: without a pid namespace of its own the container's
 * other processes live on. */
static int kill_all(const struct runtime_state *state, int signal, struct err *err)
{
	cleanup_place struct place place = { 0 };
	int r;

	r = place_open(state->cgroup_path, &place, err);
	if (r < 0)
		return r;
	if (!place.cgroup && state->has_own_pid_namespace && signal == SIGKILL)
		return kill_first(state, signal, err); /* the kernel ends the rest */
	if (!place.cgroup)
		return err_say(err, ENOTSUP,
			"the container has no cgroup by which to find all its processes");
	if (signal == SIGKILL)
		return cgroup_kill(place.cgroup, err);
	return cgroup_signal(place.cgroup, signal, err);
}

int runtime_kill(const struct runtime_state *state, int signal, bool all, struct err *err)
{
	return all ? kill_all(state, signal, err) : kill_first(state, signal, err);
}

int runtime_pids(const struct runtime_state *state, pid_t **ret, size_t *ret_count,
	struct err *err)
{
	cleanup_place struct place place = { 0 };
	int r;

	r = place_open(state->cgroup_path, &place, err);
	if (r < 0)
		return r;
	if (!place.cgroup)
		return err_say(err, ENOTSUP,
			"the container has no cgroup by which to find its processes");
	return cgroup_pids(place.cgroup, ret, ret_count, err);
}
