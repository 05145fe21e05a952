/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/backend.h"
#include "ucrctl/verbs.h"

#include <errno.h>

struct rm_options {
	bool is_forced;
};

static const struct option_spec options[] = {
	{ "force", 'f', .set = option_bool,
		.offset = offsetof(struct rm_options, is_forced),
		.help = "Kill what still runs; one that is not there is fine" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };

static int rm_one(struct ctl *ctl, const char *arg, const void *opts, struct err *err)
{
	cleanup_container struct container *container = NULL;
	const struct rm_options *o = opts;
	const struct backend *backend;
	int r;

	r = ctl_find(ctl, arg, &backend, &container, err);
	if (r == -ENOENT && o->is_forced)
		return 0;
	if (r < 0)
		return r;
	r = backend->remove(ctl, container, o->is_forced, err);
	if (r < 0)
		return err_wrap(err, "remove %s", arg);
	buf_printf(&ctl->out, "%s\n", arg);
	return 0;
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	return ctl_each(context, args, opts, rm_one);
}

const struct verb_spec verb_rm = {
	.name = "rm",
	.section = SECTION_CONTAINERS,
	.summary = "Remove ended containers and their files",
	.args = "CONTAINER...",
	.args_min = 1,
	.args_max = ARGS_ANY,
	.complete = COMPLETE_CONTAINER,
	.groups = groups,
	.options_size = sizeof(struct rm_options),
	.run = run,
};
