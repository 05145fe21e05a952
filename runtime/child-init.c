/* SPDX-License-Identifier: Apache-2.0 */
/* The first process of a container, from its clone to the execution of its program. */
#include "common/cleanup.h"
#include "isolators/attributes.h"
#include "runtime/child.h"
#include "runtime/hooks.h"
#include "runtime/lookup.h"
#include "runtime/registry.h"
#include "runtime/start.h"

#include <errno.h>

struct init {
	struct launch *launch;
	pid_t pid; /* ours, as the launcher sees it */
	char *program;
	struct seccomp_filter filter;
	struct notes notes;
};

static int expect(struct init *init, enum sync_type type, struct err *err)
{
	struct ipc_msg msg;
	int r;

	r = sync_expect(init->launch->child_fd, type, &msg, err);
	if (r != 0)
		return r;
	if (type == SYNC_PLACED && msg.len == sizeof(init->pid))
		memcpy(&init->pid, msg.data, sizeof(init->pid));
	ipc_msg_done(&msg);
	return 0;
}

static int create_hooks(struct init *init, struct err *err)
{
	const struct spec *spec = init->launch->isolation.spec;
	struct hook_run run = {
		.name = "createContainer",
		.hooks = &spec->hooks.create_container,
		.state = init->launch->state,
		.status = RUNTIME_CREATING,
		.pid = init->pid,
	};
	int r;

	if (spec->hooks.prestart.count || spec->hooks.create_runtime.count) {
		r = sync_send(init->launch->child_fd, SYNC_BUILT, NULL, 0, err);
		if (r == 0)
			r = expect(init, SYNC_HOOKED, err);
		if (r < 0)
			return r;
	}
	return hooks_run(&run, err);
}

/* Everything that can fail before the start, so that create reports it. */
static int build(struct init *init, struct err *err)
{
	struct isolation *isolation = &init->launch->isolation;
	int r;

	attributes_reset_signals();
	r = child_stdio(init->launch, err);
	if (r == 0 && isolation->has_new_userns)
		r = expect(init, SYNC_MAPPED, err);
	if (r == 0)
		r = child_become_root(init->launch, err);
	if (r == 0)
		r = registry_isolate(isolation, STAGE_EARLY, err);
	if (r == 0)
		r = expect(init, SYNC_PLACED, err);
	if (r == 0)
		r = registry_isolate(isolation, STAGE_BUILD, err);
	if (r == 0)
		r = create_hooks(init, err);
	if (r == 0)
		r = registry_isolate(isolation, STAGE_ENTER, err);
	if (r == 0)
		child_own_stdio(init->launch);
	if (r == 0)
		r = lookup_program(isolation->process->env, isolation->process->args[0],
			&init->program, err);
	if (r == 0)
		r = sync_expect_filter(init->launch->child_fd, &init->filter, err);
	if (r == 0)
		r = child_close_others(init->launch, err);
	return r ? r : child_ready(init->launch, err);
}

static int confine_hook(void *arg, struct err *err)
{
	struct init *init = arg;

	return child_confine_hook(init->launch, &init->filter, err);
}

static int start(struct init *init, int report_fd, struct err *err)
{
	struct hook_run run = {
		.name = "startContainer",
		.hooks = &init->launch->isolation.spec->hooks.start_container,
		.state = init->launch->state,
		.status = RUNTIME_CREATED,
		.pid = init->pid,
		.confine = confine_hook,
		.arg = init,
	};
	int r;

	r = hooks_run(&run, err);
	if (r < 0)
		return r;
	return child_execute(init->launch, &init->filter, init->program, report_fd, err);
}

void child_init(struct launch *launch)
{
	struct init init = { .launch = launch };
	struct err err = { 0 };
	int report_fd, r;

	launch->isolation.notes = &init.notes;
	r = build(&init, &err);
	if (r != 0)
		child_fail(launch->child_fd, r, &err);
	report_fd = start_wait(launch);
	if (report_fd < 0)
		_exit(1); /* the launcher died, and nobody else knows of us */
	r = start(&init, report_fd, &err);
	child_fail(report_fd, r, &err);
}
