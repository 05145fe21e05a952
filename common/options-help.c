/* SPDX-License-Identifier: Apache-2.0 */
/* Help for people, 80 columns wide. */
#include "common/options.h"
#include "common/str.h"

#include <stdio.h>

#define HELP_WIDTH 80
#define NAME_WIDTH_MAX 26
#define NAME_ROOM 80

/* Text from column `column` on, broken at blanks, each further line indented by `indent`. A
 * newline in it stays one. */
static void put_wrapped(struct buf *out, const char *text, size_t column, size_t indent)
{
	while (*text) {
		size_t word = strcspn(text, " \n");

		if (column > indent && column + 1 + word > HELP_WIDTH) {
			buf_printf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			buf_putc(out, ' ');
			column++;
		}
		buf_put(out, text, word);
		column += word;
		text += word + strspn(text + word, " ");
		for (; *text == '\n'; text++) {
			buf_printf(out, "\n%*s", (int)indent, "");
			column = indent;
		}
	}
	buf_putc(out, '\n');
}

/* A name, then its sentence at column `indent`; on the next line when the name is too
 * long. */
static void put_row(struct buf *out, const char *name, size_t indent, const char *help)
{
	size_t len = strlen(name);

	if (len + 2 > indent)
		buf_printf(out, "%s\n%*s", name, (int)indent, "");
	else
		buf_printf(out, "%-*s", (int)indent, name);
	put_wrapped(out, help, indent, indent);
}

static void option_label(const struct option_spec *o, char ret[NAME_ROOM])
{
	char letter[8] = "    ";

	if (o->letter)
		(void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	(void)snprintf(ret, NAME_ROOM, "  %s--%s%s%s", letter, o->name, o->arg ? " " : "",
		o->arg ? o->arg : "");
}

static size_t label_width(const struct option_group *groups)
{
	char label[NAME_ROOM];
	size_t width = 0;

	for (const struct option_group *g = groups; g && g->options; g++) {
		for (const struct option_spec *o = g->options; o->name; o++) {
			option_label(o, label);
			if (!o->is_hidden && strlen(label) > width)
				width = strlen(label);
		}
	}
	return (width < NAME_WIDTH_MAX ? width : NAME_WIDTH_MAX) + 2;
}

static const char *group_title(const struct option_group *group)
{
	return group->title ? group->title : "Options";
}

static void put_groups(struct buf *out, const struct option_group *groups)
{
	size_t width = label_width(groups);
	const char *title = "";
	char label[NAME_ROOM];

	for (const struct option_group *g = groups; g && g->options; g++) {
		if (!str_eq(title, group_title(g)))
			buf_printf(out, "\n%s:\n", group_title(g));
		title = group_title(g);
		for (const struct option_spec *o = g->options; o->name; o++) {
			if (o->is_hidden)
				continue;
			option_label(o, label);
			put_row(out, label, width, o->help);
		}
	}
}

void verb_help(
	const struct program_spec *program, const struct verb_spec *verb, struct buf *out)
{
	bool has_options = verb->groups && verb->groups->options;

	buf_printf(out, "Usage: %s%s%s%s%s%s\n\n", program ? program->name : "",
		program ? " " : "", verb->name, has_options ? " [OPTION...]" : "",
		verb->args ? " " : "", verb->args ? verb->args : "");
	buf_printf(out, "%s.\n", verb->summary);
	if (verb->text) {
		buf_putc(out, '\n');
		put_wrapped(out, verb->text, 0, 0);
	}
	put_groups(out, verb->groups);
}

static void put_section(
	struct buf *out, const struct program_spec *program, const char *section)
{
	buf_printf(out, "\n%s:\n", section);
	for (const struct verb_spec *const *v = program->verbs; *v; v++) {
		char label[NAME_ROOM];

		if ((*v)->is_hidden || !str_eq((*v)->section, section))
			continue;
		(void)snprintf(label, sizeof(label), "  %s", (*v)->name);
		put_row(out, label, 14, (*v)->summary);
	}
}

/* True when no earlier verb has this one's section. */
static bool opens_section(
	const struct program_spec *program, const struct verb_spec *const *verb)
{
	if ((*verb)->is_hidden)
		return false;
	for (const struct verb_spec *const *v = program->verbs; v != verb; v++) {
		if (!(*v)->is_hidden && str_eq((*v)->section, (*verb)->section))
			return false;
	}
	return true;
}

void program_help(const struct program_spec *program, struct buf *out)
{
	buf_printf(out, "Usage: %s [OPTION...] VERB [OPTION...] [ARGUMENT...]\n\n%s.\n",
		program->name, program->summary);
	for (const struct verb_spec *const *v = program->verbs; *v; v++) {
		if (opens_section(program, v))
			put_section(out, program, (*v)->section);
	}
	put_groups(out, program->groups);
	buf_printf(out, "\n\"%s VERB --help\" explains one verb.\n", program->name);
}
