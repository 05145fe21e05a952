/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/container.h"
#include "ucrctl/ctl.h"
#include "ucrctl/verbs.h"

#define GRACE_UNSET UINT64_MAX

struct stop_options {
	uint64_t grace_ms;
};

static const struct option_spec options[] = {
	{ "timeout", 't', .arg = "TIME", .set = option_ms,
		.offset = offsetof(struct stop_options, grace_ms),
		.help = "How long it may take to end before it is killed (default: what "
			"run "
			"was given, else 10 seconds)" },
	{ "time", .arg = "TIME", .set = option_ms,
		.offset = offsetof(struct stop_options, grace_ms),
		.help = "The same as --timeout", .is_hidden = true },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };
static const struct stop_options defaults = { .grace_ms = GRACE_UNSET };

static int stop_one(struct ctl *ctl, const char *arg, const void *opts, struct err *err)
{
	cleanup_container struct container *container = NULL;
	const struct stop_options *o = opts;
	struct engine *engine;
	int64_t grace = -1; /* the container's own */
	int r;

	if (o->grace_ms != GRACE_UNSET)
		grace = o->grace_ms > INT64_MAX ? INT64_MAX : (int64_t)o->grace_ms;
	r = ctl_engine(ctl, &engine, err);
	if (r < 0)
		return r;
	r = container_find(engine, arg, &container, err);
	if (r < 0)
		return r;
	r = container_stop(engine, container, grace, err);
	if (r < 0)
		return err_wrap(err, "stop %s", arg);
	buf_printf(&ctl->out, "%s\n", arg);
	return 0;
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	return ctl_each(context, args, opts, stop_one);
}

const struct verb_spec verb_stop = {
	.name = "stop",
	.section = SECTION_CONTAINERS,
	.summary = "End containers: first with their stop signal, then by force",
	.args = "CONTAINER...",
	.args_min = 1,
	.args_max = ARGS_ANY,
	.complete = COMPLETE_RUNNING,
	.groups = groups,
	.options_size = sizeof(struct stop_options),
	.defaults = &defaults,
	.run = run,
};
