/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cleanup.h"
#include "runtime/runtime.h"
#include "ucrctl/ctl.h"
#include "ucrctl/foreground.h"
#include "ucrctl/verbs.h"

struct attach_verb {
	bool has_no_stdin;
	bool forwards_signals;
};

static const struct option_spec options[] = {
	{ "no-stdin", .set = option_bool,
		.offset = offsetof(struct attach_verb, has_no_stdin),
		.help = "Only watch" },
	{ "sig-proxy", .set = option_bool,
		.offset = offsetof(struct attach_verb, forwards_signals),
		.help = "Hand signals on to the command (on unless =false, which detaches)" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };
static const struct attach_verb defaults = { .forwards_signals = true };

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

static int run(void *context, const void *opts, char **args, struct err *err)
{
	cleanup_container struct container *container = NULL;
	cleanup_close int fd = -1, pidfd = -1;
	const struct attach_verb *o = opts;
	struct attach_options attach;
	struct ctl *ctl = context;
	struct engine *engine;
	int r;

	r = ctl_container(ctl, args[0], &engine, &container, err);
	if (r < 0)
		return r;
	fd = attach_connect(container->dirfd, err);
	if (fd < 0)
		return err_wrap(err, "attach to %s", args[0]);
	if (o->forwards_signals) {
		r = open_task(container, &pidfd, err);
		if (r < 0)
			return r;
	}
	attach = (struct attach_options){
		.fd = fd,
		.pidfd = pidfd,
		.has_terminal = container->has_terminal,
		.is_interactive = container->has_stdin && !o->has_no_stdin,
		.detach_by_keys = container->has_terminal,
	};
	return foreground_attach(engine, container, &attach, err);
}

const struct verb_spec verb_attach = {
	.name = "attach",
	.section = SECTION_CONTAINERS,
	.summary = "Join the input and output of a running container",
	.text = "ctrl-p ctrl-q leaves a container with a terminal running. The exit status is "
		"the container's.",
	.args = "CONTAINER",
	.args_min = 1,
	.args_max = 1,
	.complete = COMPLETE_RUNNING,
	.groups = groups,
	.options_size = sizeof(struct attach_verb),
	.defaults = &defaults,
	.run = run,
};
