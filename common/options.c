/* SPDX-License-Identifier: Apache-2.0 */
#include "common/options.h"

#include "common/options-private.h"
#include "common/str.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

/* Values that getopt_long() returns for long options: beyond every letter. */
#define LONG_BASE 0x100

static const struct option_spec help_option = { "help", 'h', .help = "Print this help" };

static int add_option(
	struct options_flat *flat, const struct option_spec *option, size_t base)
{
	if (flat->count >= OPTIONS_MAX)
		return -E2BIG;
	flat->rows[flat->count].option = option;
	flat->rows[flat->count++].base = base;
	return 0;
}

int options_flatten(const struct option_group *groups, struct options_flat *ret)
{
	int r;

	ret->count = 0;
	for (const struct option_group *g = groups; g && g->options; g++) {
		for (const struct option_spec *o = g->options; o->name; o++) {
			r = add_option(ret, o, g->offset);
			if (r < 0)
				return r;
		}
	}
	/* Last, so that a verb's own -h (as in run) goes before it. */
	return add_option(ret, &help_option, 0);
}

static int find_letter(const struct options_flat *flat, int letter)
{
	for (size_t i = 0; i < flat->count; i++) {
		if (flat->rows[i].option->letter == letter)
			return (int)i;
	}
	return -1;
}

struct getopt_tables {
	char letters[2 * OPTIONS_MAX + 3];
	struct option longs[OPTIONS_MAX + 1];
};

static int long_kind(const struct option_spec *option)
{
	if (option->set == option_bool)
		return optional_argument;
	return option->arg ? required_argument : no_argument;
}

static void make_getopt(
	const struct options_flat *flat, bool stops_early, struct getopt_tables *ret)
{
	char *letter = ret->letters;

	if (stops_early)
		*letter++ = '+';
	*letter++ = ':';
	for (size_t i = 0; i < flat->count; i++) {
		const struct option_spec *o = flat->rows[i].option;

		ret->longs[i].name = o->name;
		ret->longs[i].has_arg = long_kind(o);
		ret->longs[i].flag = NULL;
		ret->longs[i].val = LONG_BASE + (int)i;
		if (!o->letter || find_letter(flat, o->letter) != (int)i)
			continue;
		*letter++ = o->letter;
		if (o->arg)
			*letter++ = ':';
	}
	*letter = '\0';
	memset(&ret->longs[flat->count], 0, sizeof(ret->longs[0]));
}

/* The word of the command line that getopt_long() has just taken an option from. */
static const char *last_word(char **argv)
{
	if (optind >= 3 && optarg && optarg == argv[optind - 1])
		return argv[optind - 2];
	return argv[optind - 1];
}

static int say_unknown(const struct options_flat *flat, char **argv, struct err *err)
{
	const char *word = argv[optind - 1], *nearest;

	if (optopt >= LONG_BASE)
		return err_say(err, EINVAL, "--%s takes no value",
			flat->rows[optopt - LONG_BASE].option->name);
	if (optopt)
		return err_say(err, EINVAL, "unknown option -%c", optopt);
	nearest = options_nearest(flat, word + 2);
	if (nearest)
		return err_say(err, EINVAL, "unknown option %.80s (did you mean --%s?)",
			word, nearest);
	return err_say(err, EINVAL, "unknown option %.80s", word);
}

static int say_no_value(const struct options_flat *flat, struct err *err)
{
	int i = optopt >= LONG_BASE ? optopt - LONG_BASE : find_letter(flat, optopt);
	const struct option_spec *o = flat->rows[i].option;

	return err_say(
		err, EINVAL, "--%s needs a value: --%s %s", o->name, o->name, o->arg);
}

/* getopt_long() takes every unambiguous beginning of a name. We do not: a script that
 * relies on one would break when an option is added. */
static int check_whole_name(
	const struct option_spec *option, const char *word, struct err *err)
{
	const char *name = str_skip_prefix(word, "--");

	if (!name || (strncmp(name, option->name, strlen(option->name)) == 0))
		return 0;
	return err_say(err, EINVAL, "unknown option %.80s (did you mean --%s?)", word,
		option->name);
}

static int set_option(const struct options_row *row, char **argv, bool is_long, void *out,
	struct err *err)
{
	const struct option_spec *o = row->option;
	int r;

	r = is_long ? check_whole_name(o, last_word(argv), err) : 0;
	if (r < 0)
		return r;
	if (o == &help_option)
		return OPTIONS_HELP;
	r = o->set(o, optarg, (char *)out + row->base + o->offset, err);
	if (r < 0)
		return err_wrap(err, "--%s", o->name);
	return 0;
}

static int parse_all(const struct options_flat *flat, bool stops_early, int argc,
	char **argv, void *out, struct err *err)
{
	struct getopt_tables tables;
	int c, i, r;

	make_getopt(flat, stops_early, &tables);
	opterr = 0;
	optind = 0; /* glibc: start anew */
	while ((c = getopt_long(argc, argv, tables.letters, tables.longs, NULL)) != -1) {
		if (c == '?')
			return say_unknown(flat, argv, err);
		if (c == ':')
			return say_no_value(flat, err);
		i = c >= LONG_BASE ? c - LONG_BASE : find_letter(flat, c);
		if (i < 0)
			return say_unknown(flat, argv, err);
		r = set_option(&flat->rows[i], argv, c >= LONG_BASE, out, err);
		if (r)
			return r;
	}
	return 0;
}

static int check_args(const struct verb_spec *verb, char **args, struct err *err)
{
	size_t n = strv_len(args);

	if (n < verb->args_min)
		return err_say(err, EINVAL, "%s: give %s",
			n ? "something is missing" : "nothing was named", verb->args);
	if (n > verb->args_max && !verb->args)
		return err_say(err, EINVAL,
			"\"%.80s\" is too much: no argument is expected", args[0]);
	if (n > verb->args_max)
		return err_say(err, EINVAL, "\"%.80s\" is too much: give %s",
			args[verb->args_max], verb->args);
	return 0;
}

int options_parse(const struct verb_spec *verb, int argc, char **argv, void *out,
	char ***ret_args, struct err *err)
{
	struct options_flat flat;
	char **args;
	int r;

	if (verb->defaults)
		memcpy(out, verb->defaults, verb->options_size);
	else if (verb->options_size)
		memset(out, 0, verb->options_size);

	r = options_flatten(verb->groups, &flat);
	if (r < 0)
		return err_set(err, -r, "more than %d options", OPTIONS_MAX);
	r = parse_all(&flat, verb->stops_early, argc, argv, out, err);
	if (r)
		return r;
	args = argv + optind;
	r = check_args(verb, args, err);
	if (r < 0)
		return r;
	*ret_args = args;
	return 0;
}

void options_free(const struct verb_spec *verb, void *out)
{
	for (const struct option_group *g = verb->groups; g && g->options; g++) {
		for (const struct option_spec *o = g->options; o->name; o++) {
			strv *v = (strv *)((char *)out + g->offset + o->offset);

			if (o->set != option_strv)
				continue;
			strv_free(*v);
			*v = NULL;
		}
	}
}

static int say_unknown_verb(
	const struct program_spec *program, const char *name, struct err *err)
{
	const char *nearest = program_nearest(program, name);

	if (nearest)
		(void)err_say(err, EINVAL, "there is no \"%.80s\" (did you mean \"%s\"?)",
			name, nearest);
	else
		(void)err_say(err, EINVAL, "there is no \"%.80s\"", name);
	return err_hint(err, "\"%s help\" lists what there is", program->name);
}

int program_find_verb(const struct program_spec *program, const char *name,
	const struct verb_spec **ret, struct err *err)
{
	for (const struct verb_spec *const *v = program->verbs; *v; v++) {
		if (str_eq((*v)->name, name)) {
			*ret = *v;
			return 0;
		}
	}
	return say_unknown_verb(program, name, err);
}

int program_parse(const struct program_spec *program, int argc, char **argv, void *out,
	const struct verb_spec **ret_verb, char ***ret_argv, struct err *err)
{
	const struct verb_spec *verb = NULL;
	struct options_flat flat;
	int r;

	r = options_flatten(program->groups, &flat);
	if (r < 0)
		return err_set(err, -r, "more than %d options", OPTIONS_MAX);
	r = parse_all(&flat, true, argc, argv, out, err);
	if (r)
		return r;
	if (argv[optind]) {
		r = program_find_verb(program, argv[optind], &verb, err);
		if (r < 0)
			return r;
	}
	*ret_verb = verb;
	*ret_argv = argv + optind;
	return 0;
}
