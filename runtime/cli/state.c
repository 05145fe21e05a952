/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/cli.h"

#include "common/json-writer.h"
#include "runtime/state.h"

static int run(void *context, const void *options, char **args, struct err *err)
{
	struct cli *cli = context;
	struct json_writer w = JSON_WRITER(&cli->out);
	cleanup_free char *owner = NULL;
	struct runtime_state state;
	int r;

	r = cli_load_state(cli, args[0], &state, err);
	if (r < 0)
		return r;
	owner = cli_user_name(state.owner);
	w.is_pretty = true;
	state_write(&w, &state, owner);
	buf_putc(&cli->out, '\n');
	runtime_state_done(&state);
	return 0;
}

const struct verb_spec cli_state = {
	.name = "state",
	.section = SECTION_CONTAINERS,
	.summary = "Print the state of a container as JSON",
	.args = "CONTAINER",
	.args_min = 1,
	.args_max = 1,
	.complete = COMPLETE_CONTAINER,
	.run = run,
};
