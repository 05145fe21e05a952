/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/cli.h"

struct run_options {
	struct cli_launch launch;
	bool detach, keep;
};

static const struct option_spec own_options[] = {
	{ "detach", 'd', NULL, option_bool, offsetof(struct run_options, detach),
		"Leave the container running in the background" },
	{ "keep", 0, NULL, option_bool, offsetof(struct run_options, keep),
		"Keep the container's state when it has ended" },
	{ 0 },
};

static const struct option_group groups[] = {
	{ cli_launch_options, offsetof(struct run_options, launch), NULL },
	{ own_options, 0, NULL },
	{ 0 },
};

/* Starts what was created and stays with it. The exit status, or -errno. */
static int start_and_wait(
	const struct run_options *o, struct cli_created *created, struct err *err)
{
	int r;

	r = runtime_start_created(&created->container, created->dirfd, err);
	if (r != 0 || o->detach)
		return r;
	return cli_wait_foreground(
		created->container.pidfd, created->container.console_fd, err);
}

static void delete_ended(struct cli *cli, const char *id, struct cli_created *created)
{
	struct err err = { 0 };

	if (runtime_delete_created(
		    &created->container, id, created->dirfd, &cli->notes, &err) < 0)
		notes_add(&cli->notes, "container %s could not be removed: %s", id,
			err.text);
	else
		cli_remove_container(cli, id);
}

static int run(void *context, const void *options, char **args, struct err *err)
{
	const struct run_options *o = options;
	struct cli_created created;
	int status;

	if (!o->detach)
		cli_block_signals();
	status = cli_create_container(
		context, &o->launch, args[0], o->detach, &created, err);
	if (status != 0)
		return status;
	status = start_and_wait(o, &created, err);
	if (err->code) /* a start that failed leaves nothing, whatever the options say */
		cli_discard(context, args[0], created.dirfd);
	else if (!o->detach && !o->keep)
		delete_ended(context, args[0], &created);
	cli_created_done(&created);
	return status;
}

const struct verb_spec cli_run = {
	.name = "run",
	.section = SECTION_CONTAINERS,
	.summary = "Create a container, start it and wait for its end",
	.args = "CONTAINER",
	.args_min = 1,
	.args_max = 1,
	.flags = CLI_PROTECT,
	.groups = groups,
	.options_size = sizeof(struct run_options),
	.run = run,
};
