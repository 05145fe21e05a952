/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `ucr`, as tables. */
#include "runtime/cli/cli.h"

static const char *const log_formats[] = { "text", "json", NULL };
static const char *const cgroup_managers[] = { "cgroupfs", "systemd", NULL };
static const char *const rootless_choices[] = { "auto", "true", "false", NULL };

static const struct option_spec global_options[] = {
	{ "root", 0, "DIRECTORY", option_string, offsetof(struct cli, root),
		"Where the states of containers are (default /run/ucr, or "
		"$XDG_RUNTIME_DIR/ucr for a user)",
		.complete = COMPLETE_DIRECTORY },
	{ "log", 0, "FILE", option_string, offsetof(struct cli, log),
		"Also append errors and notes to this file", .complete = COMPLETE_FILE },
	{ "log-format", 0, "FORMAT", option_choice, offsetof(struct cli, log_format),
		"The form of the log: text or json", .param = log_formats },
	{ "debug", 0, NULL, option_bool, offsetof(struct cli, is_debug),
		"Print notes on stderr even when there is a log" },
	{ "systemd-cgroup", 0, NULL, option_bool, offsetof(struct cli, is_systemd_cgroup),
		"Read linux.cgroupsPath as slice:prefix:name" },
	{ "cgroup-manager", 0, "NAME", option_choice,
		offsetof(struct cli, cgroup_manager),
		"How to read it: cgroupfs, as a path (default), or systemd, as above",
		.param = cgroup_managers },
	{ "rootless", 0, "WHETHER", option_choice, offsetof(struct cli, rootless),
		"Whether the caller is unprivileged: auto, true or false",
		.param = rootless_choices },
	{ "version", 'v', NULL, option_bool, offsetof(struct cli, wants_version),
		"Print the version" },
	{ 0 },
};

static const struct option_group global_groups[] = { { global_options, 0, NULL }, { 0 } };

static const struct verb_spec *const verbs[] = { &cli_run, &cli_create, &cli_start,
	&cli_exec, &cli_kill, &cli_delete, &cli_state, &cli_list, &cli_ps, &cli_spec,
	&cli_features, &cli_version, &cli_help, &cli_man, NULL };

const struct program_spec cli_program = {
	.name = "ucr",
	.summary = "Runs containers from OCI bundles",
	.groups = global_groups,
	.verbs = verbs,
};
