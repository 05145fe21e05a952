/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/completion.h"

static const char helpers[] =
	"function __ucrctl_container\n"
	"    ucrctl ps -a --format '{{.Names}}\\t{{.Image}}' 2>/dev/null\n"
	"end\n"
	"function __ucrctl_running\n"
	"    ucrctl ps --format '{{.Names}}\\t{{.Image}}' 2>/dev/null\n"
	"end\n"
	"function __ucrctl_image\n"
	"    ucrctl images --format '{{.Repository}}:{{.Tag}}\\t{{.Size}}' 2>/dev/null\n"
	"end\n"
	"function __ucrctl_source\n"
	"    __ucrctl_image\n"
	"    __fish_complete_path (commandline -ct)\n"
	"end\n"
	"function __ucrctl_object\n"
	"    __ucrctl_container\n"
	"    __ucrctl_image\n"
	"end\n"
	"function __ucrctl_file\n"
	"    __fish_complete_path (commandline -ct)\n"
	"end\n"
	"function __ucrctl_directory\n"
	"    __fish_complete_directories (commandline -ct)\n"
	"end\n"
	"function __ucrctl_signal\n"
	"    printf '%s\\n' TERM KILL HUP INT QUIT USR1 USR2 STOP CONT\n"
	"end\n"
	"function __ucrctl_shell\n"
	"    printf '%s\\n' bash zsh fish\n"
	"end\n"
	"\n"
	"complete -c ucrctl -f\n";

struct option_row {
	struct buf *out;
	const char *verb; /* NULL: before any verb */
};

static void put_condition(struct buf *out, const char *verb)
{
	if (verb)
		buf_printf(out, "complete -c ucrctl -n '__fish_seen_subcommand_from %s'",
			verb);
	else
		buf_puts(out, "complete -c ucrctl -n __fish_use_subcommand");
}

/* fish knows two escapes within single quotes: \' and \\. */
static void put_description(struct buf *out, const char *text)
{
	buf_puts(out, " -d '");
	for (; *text; text++)
		buf_printf(
			out, "%s%c", *text == '\'' || *text == '\\' ? "\\" : "", *text);
	buf_puts(out, "'\n");
}

static void put_option(const struct option_spec *o, void *arg)
{
	const char *const *choices = completion_choices(o);
	const struct option_row *row = arg;
	struct buf *out = row->out;

	put_condition(out, row->verb);
	if (o->letter)
		buf_printf(out, " -s %c", o->letter);
	buf_printf(out, " -l %s", o->name);
	if (choices) {
		buf_puts(out, " -x -a '");
		for (size_t i = 0; choices[i]; i++)
			buf_printf(out, "%s%s", i ? " " : "", choices[i]);
		buf_putc(out, '\'');
	} else if (o->arg && o->complete == COMPLETE_NOTHING) {
		buf_puts(out, " -x");
	} else if (o->arg) {
		buf_printf(out, " -x -a '(__ucrctl_%s)'", completion_kind(o->complete));
	}
	put_description(out, o->help);
}

static void put_arguments(struct buf *out, const struct verb_spec *verb)
{
	if (verb->complete == COMPLETE_NOTHING)
		return;
	put_condition(out, verb->name);
	if (verb->complete == COMPLETE_VERB)
		buf_puts(out, " -a \"$__ucrctl_verbs\"\n");
	else
		buf_printf(out, " -a '(__ucrctl_%s)'\n", completion_kind(verb->complete));
}

void completion_fish(const struct program_spec *program, struct buf *out)
{
	struct option_row row = { out, NULL };

	buf_puts(out,
		"# Completion of ucrctl for fish, written by \"ucrctl completion fish\".\n\n"
		"set -g __ucrctl_verbs");
	completion_each_verb(v, program) buf_printf(out, " %s", (*v)->name);
	buf_puts(out, "\n\n");
	buf_puts(out, helpers);
	completion_each_option(program->groups, put_option, &row);
	completion_each_verb(v, program)
	{
		put_condition(out, NULL);
		buf_printf(out, " -a %s", (*v)->name);
		put_description(out, (*v)->summary);
		row.verb = (*v)->name;
		completion_each_option((*v)->groups, put_option, &row);
		put_arguments(out, *v);
	}
}
