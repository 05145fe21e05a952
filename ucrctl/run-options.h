/* SPDX-License-Identifier: Apache-2.0 */
/* The options of `run`, as a table of their own length. */
#ifndef UCR_UCRCTL_RUN_OPTIONS_H
#define UCR_UCRCTL_RUN_OPTIONS_H

#include "agentd/bundle.h"
#include "common/options.h"
#include "images/import.h"
#include "agentd/platform-option.h"
#include "ucrctl/progress.h"
#include "ucrctl/registry-options.h"

struct run_verb {
	struct run_options run;
	const char *cidfile;
	strv secret_files; /* "NAME=FILE" */
	const char *platform_text;
	unsigned int progress;
	struct registry_options registry;
	unsigned int pull; /* enum pull_policy */
	const char *on;	   /* the image that a zip or jar runs on */
	bool is_dry_run, is_quiet, no_new_privileges, is_shell;

	struct platform platform; /* by run_options_finish() */
	char platform_words[PLATFORM_WORDS_MAX];
};

extern const struct option_group run_groups[];
extern const struct run_verb run_defaults;

/* What the options mean together, and the command. */
int run_options_finish(struct run_verb *options, char **command, struct err *err)
	__attribute__((warn_unused_result));

#endif
