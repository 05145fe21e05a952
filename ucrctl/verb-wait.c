/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/backend.h"
#include "ucrctl/verbs.h"

static int wait_one(struct ctl *ctl, const char *arg, const void *opts, struct err *err)
{
	cleanup_container struct container *container = NULL;
	const struct backend *backend;
	int r;

	r = ctl_find(ctl, arg, &backend, &container, err);
	if (r < 0)
		return r;
	r = backend->wait(ctl, container, err);
	if (r < 0)
		return err_wrap(err, "wait for %s", arg);
	buf_printf(&ctl->out, "%d\n", container->end.exit_status);
	/* The next one may take long: this answer is not kept back for it. */
	return ctl_flush(ctl, err);
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	return ctl_each(context, args, opts, wait_one);
}

const struct verb_spec verb_wait = {
	.name = "wait",
	.section = SECTION_CONTAINERS,
	.summary = "Wait until containers have ended and print their exit statuses",
	.args = "CONTAINER...",
	.args_min = 1,
	.args_max = ARGS_ANY,
	.complete = COMPLETE_CONTAINER,
	.run = run,
};
