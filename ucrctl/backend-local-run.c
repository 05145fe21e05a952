/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/backend-local-run.h"

#include "agentd/launch-root.h"
#include "agentd/sandbox.h"
#include "common/cleanup.h"
#include "runtime/runtime.h"
#include "ucrctl/print.h"

#include <errno.h>

int local_prepare(struct ctl *ctl, const struct run_task *task, const struct run_verb *o,
	struct running *running, struct err *err)
{
	struct engine *engine;
	int r = ctl_engine(ctl, &engine, err);

	if (r < 0)
		return r;
	if (!task->image)
		return sandbox_host_image(
			engine_is_rootless(engine), &running->image, err);
	r = rootfs_backend_check(
		o->run.rootfs_backend, engine_containers_dirfd(engine), err);
	if (r < 0)
		return r;
	return obtain_image(ctl,
		&(struct obtain){ .reference = task->image,
			.pull = o->pull,
			.platform = o->platform,
			.form = rootfs_backend_form(o->run.rootfs_backend),
			.is_quiet = o->is_quiet,
			.progress = o->progress,
			.registry = &o->registry },
		&running->image, err);
}

int local_preview(struct ctl *ctl, const char *image_name, const struct run_verb *o,
	const struct running *running, struct err *err)
{
	const struct launch_request request = {
		.image_name = image_name, .options = &o->run, .image = running->image
	};
	cleanup_free char *text = NULL;
	struct engine *engine;
	int r = ctl_engine(ctl, &engine, err);

	if (r == 0)
		r = launch_preview(engine, &request, &text, err);
	if (r == 0)
		buf_puts(&ctl->out, text);
	return r;
}

static void print_notes(char *const *notes)
{
	strv_each (note, notes)
		print_note(*note);
}

int local_run(struct ctl *ctl, const char *image_name, const struct run_task *task,
	const struct run_verb *o, struct running *running, struct err *err)
{
	cleanup_registry_setup struct registry_setup setup = { 0 };
	const struct launch_request request = { .image_name = image_name,
		.options = &o->run,
		.image = running->image,
		.pull_options = &setup.pull };
	int r = registry_setup_make(&o->registry, &setup, err);

	if (r == 0)
		r = launch_container(ctl->engine, &request, &running->container,
			&running->launched, err);
	if (r == 0)
		print_notes(running->launched.notes);
	return r;
}

int local_exec(struct ctl *ctl, struct container *container,
	const struct exec_options *options, struct running *running, struct err *err)
{
	int r = launch_exec(ctl->engine, container, options, &running->launched, err);

	if (r == 0)
		print_notes(running->launched.notes);
	return r;
}

static int open_task(const struct container *container, int *ret, struct err *err)
{
	struct runtime_state state = { 0 };
	int r;

	r = runtime_state_load(container->dirfd, &state, err);
	if (r == 0) {
		r = runtime_state_pidfd(&state);
		if (r >= 0)
			*ret = r;
		else
			r = err_set(err, -r, "find the process of the container");
	}
	runtime_state_done(&state);
	return r < 0 ? r : 0;
}

int local_attach(struct ctl *ctl, struct container *container, bool sends_signals,
	struct running *running, struct err *err)
{
	int r = attach_connect(container->dirfd, err);

	if (r < 0)
		return r;
	running->launched.attach_fd = r;
	return sends_signals ? open_task(container, &running->launched.pidfd, err) : 0;
}

/* By us, while the shim waits, which saves a program; a failure is left to the shim, which then
 * tries itself. */
void local_settle(struct ctl *ctl, struct running *running)
{
	struct err err = { 0 };

	if (container_cleanup(ctl->engine, running->container, &err) < 0)
		print_err("run", &err);
	else
		attach_release(running->launched.attach_fd);
}

/* There is one connection, and one shim: what is left is to learn how it ended. */
int local_rejoin(struct ctl *ctl, struct running *running, struct err *err)
{
	if (!running->container)
		return err_say(
			err, EPIPE, "the process's shim was killed: its end is unknown");
	return container_wait(ctl->engine, running->container, -1, err);
}
