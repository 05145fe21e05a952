/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/cli.h"

#include <errno.h>

struct delete_options {
	bool force;
};

static const struct option_spec own_options[] = {
	{ "force", 'f', NULL, option_bool, offsetof(struct delete_options, force),
		"End it first if it still runs; one that does not exist is fine" },
	{ 0 },
};

static const struct option_group groups[] = { { own_options, 0, NULL }, { 0 } };

static int delete_one(struct cli *cli, const char *id, bool force, struct err *err)
{
	cleanup_close int dirfd = cli_open_container(cli, id, err);
	int r;

	if (dirfd == -ENOENT && force) {
		*err = (struct err){ 0 };
		return 0;
	}
	if (dirfd < 0)
		return dirfd;
	r = runtime_delete(dirfd, force, &cli->notes, err);
	if (r == 0)
		cli_remove_container(cli, id);
	return r;
}

static int run(void *context, const void *options, char **args, struct err *err)
{
	const struct delete_options *o = options;
	int r = 0;

	for (; r == 0 && *args; args++)
		r = delete_one(context, *args, o->force, err);
	return r;
}

const struct verb_spec cli_delete = {
	.name = "delete",
	.section = SECTION_CONTAINERS,
	.summary = "Remove stopped containers and what they held",
	.args = "CONTAINER...",
	.args_min = 1,
	.args_max = ARGS_ANY,
	.complete = COMPLETE_CONTAINER,
	.groups = groups,
	.options_size = sizeof(struct delete_options),
	.run = run,
};
