/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/terminal.h"
#include "ucrctl/backend.h"
#include "ucrctl/foreground.h"
#include "ucrctl/print.h"
#include "ucrctl/verbs.h"

static const struct option_spec options[] = {
	{ "interactive", 'i', .set = option_bool,
		.offset = offsetof(struct exec_options, is_interactive),
		.help = "Hand standard input to the command" },
	{ "tty", 't', .set = option_bool,
		.offset = offsetof(struct exec_options, has_terminal),
		.help = "Give it a terminal" },
	{ "detach", 'd', .set = option_bool,
		.offset = offsetof(struct exec_options, is_detached),
		.help = "Leave it running" },
	{ "env", 'e', .arg = "NAME[=VALUE]", .set = option_strv,
		.offset = offsetof(struct exec_options, env),
		.help = "Set a variable; without a value, to the caller's" },
	{ "env-file", .arg = "FILE", .set = option_strv,
		.offset = offsetof(struct exec_options, env_files),
		.complete = COMPLETE_FILE,
		.help = "Set variables from the lines of FILE" },
	{ "user", 'u', .arg = "USER[:GROUP]", .set = option_string,
		.offset = offsetof(struct exec_options, user),
		.help = "Who it runs as (default: as the container)" },
	{ "workdir", 'w', .arg = "DIR", .set = option_string,
		.offset = offsetof(struct exec_options, workdir),
		.help = "Where the command starts" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };

static int run(void *context, const void *opts, char **args, struct err *err)
{
	cleanup_container struct container *container = NULL;
	cleanup_running struct running running = RUNNING_INIT;
	struct exec_options o = *(const struct exec_options *)opts;
	const struct backend *backend;
	struct ctl *ctl = context;
	int r;

	o.command = args + 1;
	if (o.has_terminal)
		(void)terminal_size(&o.terminal_size.rows, &o.terminal_size.columns);
	r = ctl_find(ctl, args[0], &backend, &container, err);
	if (r < 0)
		return r;
	r = backend->exec(ctl, container, &o, &running, err);
	if (r > 0)
		print_err("exec", err);
	if (r != 0 || o.is_detached)
		return r;
	return foreground_attach(ctl, &running, o.has_terminal, o.is_interactive, err);
}

const struct verb_spec verb_exec = {
	.name = "exec",
	.section = SECTION_CONTAINERS,
	.summary = "Run a further command in a running container",
	.text = "It is confined as the container's first process is. The exit status is the "
		"command's; 125, 126 and 127 as for run.",
	.args = "CONTAINER COMMAND [ARG...]",
	.args_min = 2,
	.args_max = ARGS_ANY,
	.complete = COMPLETE_RUNNING,
	.stops_early = true,
	.flags = VERB_PROTECT,
	.groups = groups,
	.options_size = sizeof(struct exec_options),
	.run = run,
};
