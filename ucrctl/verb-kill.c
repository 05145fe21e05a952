/* SPDX-License-Identifier: Apache-2.0 */
#include "common/signal-name.h"
#include "ucrctl/backend.h"
#include "ucrctl/verbs.h"

#include <errno.h>
#include <signal.h>

struct kill_options {
	int signal;
};

static int set_signal(
	const struct option_spec *option, const char *value, void *dst, struct err *err)
{
	if (signal_parse(value, dst) < 0)
		return err_say(err, EINVAL,
			"\"%.80s\" is not a signal (use for example TERM, SIGHUP or 9)",
			value);
	return 0;
}

static const struct option_spec options[] = {
	{ "signal", 's', .arg = "SIGNAL", .set = set_signal,
		.offset = offsetof(struct kill_options, signal),
		.help = "The signal to send (default: KILL, which ends every process of the container)",
		.complete = COMPLETE_SIGNAL },
	{ 0 },
};

static const struct option_group groups[] = { { options }, { 0 } };
static const struct kill_options defaults = { .signal = SIGKILL };

static int kill_one(struct ctl *ctl, const char *arg, const void *opts, struct err *err)
{
	cleanup_container struct container *container = NULL;
	const struct kill_options *o = opts;
	const struct backend *backend;
	int r;

	r = ctl_find(ctl, arg, &backend, &container, err);
	if (r < 0)
		return r;
	r = backend->kill(ctl, container, o->signal, err);
	if (r < 0)
		return err_wrap(err, "kill %s", arg);
	buf_printf(&ctl->out, "%s\n", arg);
	return 0;
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	return ctl_each(context, args, opts, kill_one);
}

const struct verb_spec verb_kill = {
	.name = "kill",
	.section = SECTION_CONTAINERS,
	.summary = "Send a signal to containers",
	.args = "CONTAINER...",
	.args_min = 1,
	.args_max = ARGS_ANY,
	.complete = COMPLETE_RUNNING,
	.groups = groups,
	.options_size = sizeof(struct kill_options),
	.defaults = &defaults,
	.run = run,
};
