/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/cli.h"

#include "common/signal-name.h"

#include <errno.h>

struct kill_options {
	bool all;
};

static const struct option_spec own_options[] = {
	{ "all", 'a', NULL, option_bool, offsetof(struct kill_options, all),
		"Signal every process of the container" },
	{ 0 },
};

static const struct option_group groups[] = { { own_options, 0, NULL }, { 0 } };

static int run(void *context, const void *options, char **args, struct err *err)
{
	const struct kill_options *o = options;
	struct runtime_state state;
	int signal = SIGTERM, r;

	if (args[1] && signal_parse(args[1], &signal) < 0)
		return err_say(err, EINVAL, "\"%s\" is not a signal", args[1]);
	r = cli_load_state(context, args[0], &state, err);
	if (r < 0)
		return r;
	r = runtime_kill(&state, signal, o->all, err);
	runtime_state_done(&state);
	return r < 0 ? err_wrap(err, "container %s", args[0]) : 0;
}

const struct verb_spec cli_kill = {
	.name = "kill",
	.section = SECTION_CONTAINERS,
	.summary = "Send a signal (SIGTERM unless named) to a container",
	.args = "CONTAINER [SIGNAL]",
	.args_min = 1,
	.args_max = 2,
	.complete = COMPLETE_RUNNING,
	.groups = groups,
	.options_size = sizeof(struct kill_options),
	.run = run,
};
