/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/cli.h"

static int run(void *context, const void *options, char **args, struct err *err)
{
	struct cli *cli = context;

	program_man(&cli_program, &cli->out);
	return 0;
}

const struct verb_spec cli_man = {
	.name = "man",
	.section = SECTION_OTHER,
	.summary = "Print the option part of the manual page; the build runs this",
	.is_hidden = true,
	.run = run,
};
