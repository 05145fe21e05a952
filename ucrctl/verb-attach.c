/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/backend.h"
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

static int run(void *context, const void *opts, char **args, struct err *err)
{
	cleanup_running struct running running = RUNNING_INIT;
	const struct attach_verb *o = opts;
	const struct backend *backend;
	struct ctl *ctl = context;
	struct container *c;
	int r;

	r = ctl_find(ctl, args[0], &backend, &running.container, err);
	if (r < 0)
		return r;
	c = running.container;
	r = backend->attach(ctl, c, o->forwards_signals, &running, err);
	if (r < 0)
		return err_wrap(err, "attach to %s", args[0]);
	return foreground_attach(
		ctl, &running, c->has_terminal, c->has_stdin && !o->has_no_stdin, err);
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
