/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/cli.h"

static int run(void *context, const void *options, char **args, struct err *err)
{
	const struct verb_spec *verb;
	struct cli *cli = context;
	int r;

	if (!args[0]) {
		program_help(&cli_program, &cli->out);
		return 0;
	}
	r = program_find_verb(&cli_program, args[0], &verb, err);
	if (r < 0)
		return r;
	verb_help(&cli_program, verb, &cli->out);
	return 0;
}

const struct verb_spec cli_help = {
	.name = "help",
	.section = SECTION_OTHER,
	.summary = "Explain a verb",
	.args = "[VERB]",
	.args_max = 1,
	.complete = COMPLETE_VERB,
	.run = run,
};
