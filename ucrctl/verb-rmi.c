/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/backend.h"
#include "ucrctl/ctl.h"
#include "ucrctl/print.h"
#include "ucrctl/verbs.h"

#include <errno.h>

struct rmi_options {
	bool is_forced;
};

static const struct option_spec options[] = {
	{ "force", 'f', .set = option_bool,
		.offset = offsetof(struct rmi_options, is_forced),
		.help = "Also when it has several names or a container uses it; one that is not "
			"there is fine" },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };

static int rmi_one(struct ctl *ctl, const char *arg, const void *opts, struct err *err)
{
	cleanup_strv strv removed = NULL;
	const struct rmi_options *o = opts;
	const struct backend *backend;
	int r = ctl_backend(ctl, &backend, err);

	if (r == 0)
		r = backend->untag(ctl, arg, o->is_forced, &removed, err);
	if (r == -ENOENT && o->is_forced)
		return 0;
	if (r < 0)
		return r;
	strv_each (line, removed) {
		print_text(&ctl->out, *line);
		buf_putc(&ctl->out, '\n');
	}
	return 0;
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	return ctl_each(context, args, opts, rmi_one);
}

const struct verb_spec verb_rmi = {
	.name = "rmi",
	.section = SECTION_IMAGES,
	.summary = "Remove images by name or id",
	.text = "The layers stay until \"ucrctl gc\" finds them unused.",
	.args = "IMAGE...",
	.args_min = 1,
	.args_max = ARGS_ANY,
	.complete = COMPLETE_IMAGE,
	.groups = groups,
	.options_size = sizeof(struct rmi_options),
	.run = run,
};
