/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/ctl.h"
#include "ucrctl/verbs.h"

static int run(void *context, const void *options, char **args, struct err *err)
{
	struct ctl *ctl = context;

	buf_puts(&ctl->out, PACKAGE_NAME " " PACKAGE_VERSION "\n");
	return 0;
}

const struct verb_spec verb_version = {
	.name = "version",
	.section = SECTION_SYSTEM,
	.summary = "Print the version",
	.run = run,
};
