/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/ctl.h"
#include "ucrctl/verbs.h"

#include <errno.h>

struct help_options {
	bool wants_man;
};

static const struct option_spec options[] = {
	{ "man", .set = option_bool, .offset = offsetof(struct help_options, wants_man),
		.is_hidden = true,
		.help = "Print the option part of the manual page; the build runs this" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };

static int run(void *context, const void *opts, char **args, struct err *err)
{
	const struct verb_spec *verb;
	const struct help_options *o = opts;
	struct ctl *ctl = context;
	int r;

	if (o->wants_man) {
		program_man(&ctl_program, &ctl->out);
		return 0;
	}
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
	.groups = groups,
	.options_size = sizeof(struct help_options),
	.run = run,
};
