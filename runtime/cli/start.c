/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/cli.h"

static int run(void *context, const void *options, char **args, struct err *err)
{
	cleanup_close int dirfd = cli_open_container(context, args[0], err);
	int r;

	if (dirfd < 0)
		return dirfd;
	r = runtime_start(dirfd, err);
	if (r < 0)
		return err_wrap(err, "container %s", args[0]);
	return r;
}

const struct verb_spec cli_start = {
	.name = "start",
	.section = SECTION_CONTAINERS,
	.summary = "Start the program of a created container",
	.args = "CONTAINER",
	.args_min = 1,
	.args_max = 1,
	.complete = COMPLETE_CONTAINER,
	.run = run,
};
