/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/cli.h"

static const struct option_group groups[] = { { cli_launch_options, 0, NULL }, { 0 } };

static int run(void *context, const void *options, char **args, struct err *err)
{
	struct cli_created created;
	int r;

	r = cli_create_container(context, options, args[0], true, &created, err);
	if (r == 0)
		cli_created_done(&created);
	return r;
}

const struct verb_spec cli_create = {
	.name = "create",
	.section = SECTION_CONTAINERS,
	.summary =
		"Create a container, up to the point where only its program is missing",
	.args = "CONTAINER",
	.args_min = 1,
	.args_max = 1,
	.flags = CLI_PROTECT,
	.groups = groups,
	.options_size = sizeof(struct cli_launch),
	.run = run,
};
