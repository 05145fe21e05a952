/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command line as const tables: a program has verbs, a verb has groups of options and
 * positional arguments. Parsing, help, error messages, shell completions and the option
 * part of the manual pages are all read from the same tables, so that none of them can
 * drift.
 *
 * An option writes its value into a struct of the caller: at group offset + option
 * offset, in the type its setter names. Strings point into argv; only option_strv
 * allocates, and options_free() releases what it made.
 */
#ifndef UCR_COMMON_OPTIONS_H
#define UCR_COMMON_OPTIONS_H

#include "common/buf.h"
#include "common/err.h"
#include "common/options-value.h"

#include <limits.h>

#define OPTIONS_MAX 120 /* options of one verb, all groups together */

/* What a shell offers for a value or an argument. */
enum complete {
	COMPLETE_NOTHING,
	COMPLETE_FILE,
	COMPLETE_DIRECTORY,
	COMPLETE_CONTAINER,
	COMPLETE_RUNNING, /* a running container */
	COMPLETE_IMAGE,	  /* of the store */
	COMPLETE_SOURCE,  /* of the store, or a file */
	COMPLETE_OBJECT,  /* a container or an image */
	COMPLETE_VERB,
	COMPLETE_SIGNAL,
	COMPLETE_SHELL, /* one whose completion there is */
};

struct option_spec {
	const char *name; /* without the dashes */
	char letter;	  /* 0: none */
	const char *arg;  /* what help calls the value, "SIZE"; NULL: takes none */
	option_set_fn *set;
	size_t offset;
	const char *help;  /* a sentence without its full stop */
	const void *param; /* option_choice's names, or those option_string offers */
	enum complete complete;
	bool is_hidden;
};

/* A run of options ended by an empty row. Groups are shared between verbs: `offset` is
 * where the struct that the options fill lies in the verb's own. */
struct option_group {
	const struct option_spec *options;
	size_t offset;
	const char *title; /* of the section in help; NULL: "Options" */
};

#define ARGS_ANY UINT_MAX

struct verb_spec {
	const char *name;
	const char *section; /* under which the program's help lists it */
	const char *summary; /* a sentence without its full stop */
	const char *text;    /* what more help and manual say, or NULL */
	const char *args;    /* "IMAGE [COMMAND [ARG...]]", or NULL */
	unsigned int args_min, args_max;
	enum complete
		complete; /* of the first argument, or of all unless `stops_early` */
	bool stops_early; /* the first argument ends the options: the rest is a command */
	bool is_hidden;
	unsigned int flags;		   /* the program's own */
	const struct option_group *groups; /* ended by an empty row; NULL: none */
	size_t options_size;		   /* of the struct to fill */
	const void *defaults;		   /* its values before parsing; NULL: zeroes */
	/* The exit status of the program, or -errno with `err` set. */
	int (*run)(void *context, const void *options, char **args, struct err *err);
};

struct program_spec {
	const char *name;
	const char *summary;
	const struct option_group *groups;    /* before the verb */
	const struct verb_spec *const *verbs; /* NULL-terminated, in the order of help */
};

#define OPTIONS_HELP 1

/*
 * Parses a verb's options and counts its arguments; argv[0] is the verb. Fills `out` (of
 * verb->options_size) from the defaults on. `*ret_args` points into argv, which may have
 * been reordered. OPTIONS_HELP when --help was among them. Release with options_free() in
 * any case.
 */
int options_parse(const struct verb_spec *verb, int argc, char **argv, void *out,
	char ***ret_args, struct err *err) __attribute__((warn_unused_result));
void options_free(const struct verb_spec *verb, void *out);

/*
 * Parses what stands before the verb into `out` and finds the verb: NULL, with 0, when
 * there is none. `*ret_argv` starts with the verb. An unknown verb is -EINVAL and names
 * the nearest.
 */
int program_parse(const struct program_spec *program, int argc, char **argv, void *out,
	const struct verb_spec **ret_verb, char ***ret_argv, struct err *err)
	__attribute__((warn_unused_result));

/* The verb of that name; unknown as above. */
int program_find_verb(const struct program_spec *program, const char *name,
	const struct verb_spec **ret, struct err *err)
	__attribute__((warn_unused_result));

/* A part of a manual page, in scdoc(5). */
void program_man(const struct program_spec *program, struct buf *out);
void options_man(const struct option_group *groups, struct buf *out);
/* Help for people. `program` NULL: the verb is all there is. */
void program_help(const struct program_spec *program, struct buf *out);
void verb_help(const struct program_spec *program, const struct verb_spec *verb,
	struct buf *out);

#endif
