/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/ctl.h"
#include "ucrctl/verbs.h"

#include <errno.h>

static int run(void *context, const void *options, char **args, struct err *err)
{
	const struct verb_spec *verb;
	struct ctl *ctl = context;
	int r;

	if (!args[0]) {
		program_help(&ctl_program, &ctl->out);
		return 0;
	}
	r = program_find_verb(&ctl_program, args[0], &verb, err);
	if (r < 0)
		return r;
	verb_help(&ctl_program, verb, &ctl->out);
	return 0;
}

const struct verb_spec verb_help_ = {
	.name = "help",
	.section = SECTION_SYSTEM,
	.summary = "Explain a verb",
	.args = "[VERB]",
	.args_max = 1,
	.complete = COMPLETE_VERB,
	.run = run,
};
