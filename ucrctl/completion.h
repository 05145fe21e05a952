/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completion scripts, written from the same tables that parse the command line. What is
 * there now (containers, images) the scripts ask of the program itself.
 */
#ifndef UCR_UCRCTL_COMPLETION_H
#define UCR_UCRCTL_COMPLETION_H

#include "common/options-private.h"

void completion_bash(const struct program_spec *program, struct buf *out);
void completion_zsh(const struct program_spec *program, struct buf *out);
void completion_fish(const struct program_spec *program, struct buf *out);

/* "container" for COMPLETE_CONTAINER: what the scripts call the kinds. */
const char *completion_kind(enum complete kind);

/* The names that an option_choice takes, or NULL. */
const char *const *completion_choices(const struct option_spec *option);

/* Appends text for single quotes of a POSIX shell, with a backslash before each of
 * `marks`. */
void completion_quote(struct buf *out, const char *text, const char *marks);

#define completion_each_verb(v, program)                                                 \
	for (const struct verb_spec *const *v = (program)->verbs; *v; v++)               \
		if (!(*v)->is_hidden)

/* Calls `fn` for each option that is shown, --help among them. */
typedef void (*completion_fn)(const struct option_spec *option, void *arg);
void completion_each_option(
	const struct option_group *groups, completion_fn fn, void *arg);

#endif
