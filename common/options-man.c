/* SPDX-License-Identifier: Apache-2.0 */
/* The option part of a manual page, in scdoc(5). */
#include "common/options.h"
#include "common/str.h"

#define SCDOC_MARKS "\\*_`" /* what scdoc would take for more than text */

static void put_text(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (strchr(SCDOC_MARKS, *text))
			buf_putc(out, '\\');
		buf_putc(out, *text);
	}
}

static void put_option(struct buf *out, const struct option_spec *o)
{
	if (o->letter)
		buf_printf(out, "*-%c*, ", o->letter);
	buf_puts(out, "*--");
	put_text(out, o->name);
	buf_putc(out, '*');
	if (o->arg) {
		buf_puts(out, " _");
		put_text(out, o->arg);
		buf_putc(out, '_');
	}
	buf_puts(out, "\n\t");
	put_text(out, o->help);
	buf_puts(out, o->set == option_strv && !strstr(o->help, "repeatable")
			      ? ". May be given more than once.\n\n"
			      : ".\n\n");
}

void options_man(const struct option_group *groups, struct buf *out)
{
	for (const struct option_group *g = groups; g && g->options; g++) {
		for (const struct option_spec *o = g->options; o->name; o++) {
			if (!o->is_hidden)
				put_option(out, o);
		}
	}
}

static void put_verb(
	struct buf *out, const struct program_spec *program, const struct verb_spec *verb)
{
	/* Headings are taken as they are. */
	buf_printf(out, "## %s %s%s%s%s\n\n", program->name, verb->name,
		verb->groups && verb->groups->options ? " [OPTION...]" : "",
		verb->args ? " " : "", verb->args ? verb->args : "");
	put_text(out, verb->summary);
	buf_puts(out, ".\n\n");
	if (verb->text) {
		put_text(out, verb->text);
		buf_puts(out, "\n\n");
	}
	options_man(verb->groups, out);
}

void program_man(const struct program_spec *program, struct buf *out)
{
	buf_puts(out, "# OPTIONS\n\nBefore the verb:\n\n");
	options_man(program->groups, out);
	buf_puts(out, "# VERBS\n\n\"--help\" after any of them prints this part.\n\n");
	for (const struct verb_spec *const *v = program->verbs; *v; v++) {
		if (!(*v)->is_hidden)
			put_verb(out, program, *v);
	}
}
