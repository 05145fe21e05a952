/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cleanup.h"
#include "common/fd.h"
#include "isolators/cgroup.h"
#include "runtime/hooks.h"
#include "runtime/place.h"
#include "runtime/process.h"
#include "runtime/registry.h"
#include "runtime/state.h"
#include "runtime/steps.h"

#include <errno.h>
#include <signal.h>

#define DEATH_TIMEOUT_MS 10000

static int end_first_process(const struct runtime_state *state, struct err *err)
{
	cleanup_close int pidfd = runtime_state_pidfd(state);
	int r;

	if (pidfd < 0)
		return 0;
	r = process_signal(pidfd, SIGKILL);
	if (r < 0 && r != -ESRCH)
		return err_set(err, -r, "kill process %d", (int)state->pid);
	if (!process_has_ended(pidfd, DEATH_TIMEOUT_MS))
		return err_say(err, ETIMEDOUT,
			"process %d did not end within %d s of SIGKILL", (int)state->pid,
			DEATH_TIMEOUT_MS / 1000);
	return 0;
}

static int empty_cgroup(struct cgroup *cgroup, bool is_empty, struct err *err)
{
	int r = is_empty ? 0 : cgroup_kill(cgroup, err);

	return r < 0 ? r : cgroup_destroy(cgroup, err);
}

/* A pid namespace of its own ended with its first process; other containers may be below. */
#define has_emptied(state) ((state)->has_own_pid_namespace && !(state)->has_cgroup_leaf)

static int remove_cgroup(const struct runtime_state *state, struct err *err)
{
	cleanup_place struct place place = { 0 };
	int r;

	r = place_open(state->cgroup_path, &place, err);
	if (r < 0 || !place.cgroup)
		return r;
	return empty_cgroup(place.cgroup, has_emptied(state), err);
}

/* A creation that was killed before it had a state may have left its cgroup. */
static int delete_unsaved(int state_dirfd, struct err *err)
{
	cleanup_free char *path = NULL;
	cleanup_place struct place place = { 0 };
	int r = state_load_cgroup(state_dirfd, &path, err);

	if (r == 0)
		r = place_open(path, &place, err);
	if (r == 0 && place.cgroup)
		r = empty_cgroup(place.cgroup, false, err);
	if (r < 0 && r != -ENOENT)
		return r;
	state_remove(state_dirfd); /* never created, or already deleted */
	return 0;
}

static int clean_isolators(const char *id, struct err *err)
{
	struct isolation isolation = ISOLATION_INIT;

	isolation.id = id;
	return registry_cleanup(&isolation, err);
}

/* "Errors of poststop hooks are logged, and the rest goes on" (runtime.md). */
static void run_poststop(
	int state_dirfd, const struct runtime_state *state, struct notes *notes)
{
	cleanup_spec struct spec *spec = NULL;
	struct hook_run run = {
		.name = "poststop", .state = state, .status = RUNTIME_STOPPED
	};
	struct err err = { 0 };

	if (hooks_load_spec(state_dirfd, &spec, &err) < 0) {
		notes_add(notes, "poststop hooks did not run: %s", err.text);
		return;
	}
	run.hooks = &spec->hooks.poststop;
	hooks_run_all(&run, notes);
}

static int delete_state(int state_dirfd, const struct runtime_state *state, bool force,
	struct notes *notes, struct err *err)
{
	int r;

	if (state->status != RUNTIME_STOPPED && !force) {
		(void)err_say(err, EBUSY, "container %s is not stopped: %s", state->id,
			runtime_status_name(state->status));
		return err_hint(err, "kill it first, or use --force");
	}
	r = end_first_process(state, err);
	if (r == 0)
		r = runtime_step(STEP_ENDED, err);
	if (r == 0)
		r = remove_cgroup(state, err);
	if (r == 0)
		r = runtime_step(STEP_CGROUP_REMOVED, err);
	if (r == 0)
		r = clean_isolators(state->id, err);
	if (r < 0)
		return r;
	if (state->has_poststop_hooks)
		run_poststop(state_dirfd, state, notes);
	state_remove(state_dirfd);
	return 0;
}

int runtime_delete(int state_dirfd, bool force, struct notes *notes, struct err *err)
{
	struct runtime_state state = { 0 };
	cleanup_close int lock_fd = -1;
	int r;

	lock_fd = state_lock(state_dirfd, true, err);
	if (lock_fd < 0)
		return lock_fd;
	r = runtime_state_load(state_dirfd, &state, err);
	if (r == -ENOENT)
		return delete_unsaved(state_dirfd, err);
	/* A state that cannot be read names nothing that could be ended. */
	if (r < 0 && !force)
		return r;
	if (r < 0) {
		notes_add(notes, "%s", err->text);
		state_remove(state_dirfd);
		return 0;
	}
	r = delete_state(state_dirfd, &state, force, notes, err);
	runtime_state_done(&state);
	return r;
}

int runtime_delete_created(struct runtime_container *container, const char *id,
	int state_dirfd, struct notes *notes, struct err *err)
{
	cleanup_close int lock_fd = -1;
	int r = 0;

	if (container->has_poststop_hooks)
		return runtime_delete(state_dirfd, false, notes, err);
	lock_fd = state_lock(state_dirfd, true, err);
	if (lock_fd < 0)
		return lock_fd;
	if (container->cgroup)
		r = empty_cgroup(container->cgroup, has_emptied(container), err);
	if (r == 0)
		r = clean_isolators(id, err);
	if (r == 0)
		state_remove(state_dirfd);
	return r;
}
