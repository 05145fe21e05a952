/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/cli.h"

#include <seccomp.h>

static int run(void *context, const void *options, char **args, struct err *err)
{
	struct cli *cli = context;
	const struct scmp_version *seccomp = seccomp_version();

	/* containerd looks for the line that begins with "spec:". */
	buf_printf(&cli->out, "ucr version %s\nspec: %s\nlibseccomp: %u.%u.%u\n",
		PACKAGE_VERSION, SPEC_VERSION, seccomp->major, seccomp->minor,
		seccomp->micro);
	return 0;
}

const struct verb_spec cli_version = {
	.name = "version",
	.section = SECTION_OTHER,
	.summary = "Print the version",
	.run = run,
};
