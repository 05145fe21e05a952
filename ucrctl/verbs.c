/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/verbs.h"

#include "ucrctl/ctl.h"

static const struct option_spec global_options[] = {
	{ "root", .arg = "DIR", .set = option_string,
		.offset = offsetof(struct ctl, root), .complete = COMPLETE_DIRECTORY,
		.help = "Keep containers and images below DIR (default: /var/lib/ucr for root, "
			"else $XDG_DATA_HOME/ucr)" },
	{ "host", 'H', .arg = "unix://PATH", .set = option_string,
		.offset = offsetof(struct ctl, host),
		.help = "Let the agent that serves the socket PATH do it (default: $UCR_HOST, else "
			"this host's own containers and images)" },
	{ "version", 'v', .set = option_bool,
		.offset = offsetof(struct ctl, wants_version),
		.help = "Print the version" },
	{ 0 },
};

static const struct option_group global_groups[] = { { global_options }, { 0 } };

static const struct verb_spec *const verbs[] = {
	&verb_run,
	&verb_exec,
	&verb_attach,
	&verb_ps,
	&verb_logs,
	&verb_stop,
	&verb_kill,
	&verb_wait,
	&verb_rm,
	&verb_inspect,
	&verb_stats,
	&verb_top,
	&verb_flame,
	&verb_export,
	&verb_images,
	&verb_pull,
	&verb_referrers,
	&verb_load,
	&verb_import,
	&verb_save,
	&verb_tag,
	&verb_rmi,
	&verb_unpack,
	&verb_gc,
	&verb_fsck,
	&verb_login,
	&verb_logout,
	&verb_events,
	&verb_info,
	&verb_version,
	&verb_help_,
	&verb_completion,
	NULL,
};

const struct program_spec ctl_program = {
	.name = "ucrctl",
	.summary = "Run containers from image archives, without a daemon",
	.groups = global_groups,
	.verbs = verbs,
};
