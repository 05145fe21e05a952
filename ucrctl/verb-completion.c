/* SPDX-License-Identifier: Apache-2.0 */
#include "common/str.h"
#include "ucrctl/completion.h"
#include "ucrctl/ctl.h"
#include "ucrctl/verbs.h"

#include <errno.h>

static const struct {
	const char *name;
	void (*put)(const struct program_spec *program, struct buf *out);
} shells[] = {
	{ "bash", completion_bash },
	{ "zsh", completion_zsh },
	{ "fish", completion_fish },
};

static int run(void *context, const void *options, char **args, struct err *err)
{
	struct ctl *ctl = context;

	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (str_eq(shells[i].name, args[0])) {
			shells[i].put(&ctl_program, &ctl->out);
			return 0;
		}
	}
	(void)err_say(err, EINVAL, "there is no completion for \"%.80s\"", args[0]);
	return err_hint(err, "there is one for bash, zsh and fish");
}

const struct verb_spec verb_completion = {
	.name = "completion",
	.section = SECTION_SYSTEM,
	.summary = "Print the completion script of a shell",
	.text = "For bash: source <(ucrctl completion bash). Installed packages bring the scripts along.",
	.args = "bash|zsh|fish",
	.args_min = 1,
	.args_max = 1,
	.complete = COMPLETE_SHELL,
	.run = run,
};
