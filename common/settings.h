/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings of a daemon by one table of options. Each may be given on the command line
 * (--work-dir DIR), in the environment (UCR_AGENTD_WORK_DIR=DIR) and in a configuration file, a
 * JSON object ("work_dir": "DIR"; an array for an option that may be repeated, an object for
 * one that is JSON itself). The first of
 * these places that gives an option decides it, whole lists included. What no option is, in
 * the file, is an error: a mistyped limit must not be no limit.
 */
#ifndef UCR_COMMON_SETTINGS_H
#define UCR_COMMON_SETTINGS_H

#include "common/options.h"
#include "common/str.h"

struct settings_spec {
	const struct verb_spec *verb;
	const char *env_prefix;	 /* "UCR_AGENTD_" */
	const char *config_path; /* read when it is there and --config names no other */
	const char *const
		*not_in_file; /* options that make no sense there; ends with NULL */
};

/* The text of the values, which the options' struct points into. */
struct settings {
	strv words;
};
#define cleanup_settings cleanup_with(settings_done)
void settings_done(struct settings *settings);

/* Fills `out` as options_parse() does: OPTIONS_HELP, or 0. The verb needs an option "config".
 * `out` is released by options_free(), before settings_done(). */
int settings_load(const struct settings_spec *spec, int argc, char **argv,
	char *const *environment, void *out, struct settings *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
