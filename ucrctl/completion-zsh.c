/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/completion.h"

static const char helpers[] =
	"_ucrctl_ask() {\n"
	"  local -a found\n"
	"  found=(${(f)\"$(_call_program ucrctl ucrctl \"${(@)argv[2,-1]}\" "
	"2>/dev/null)\"})\n"
	"  _wanted objects expl \"$1\" compadd -a found\n"
	"}\n"
	"_ucrctl_nothing() { _message 'a value' }\n"
	"_ucrctl_file() { _files }\n"
	"_ucrctl_directory() { _files -/ }\n"
	"_ucrctl_container() { _ucrctl_ask container ps -a --format '{{.Names}}' }\n"
	"_ucrctl_running() { _ucrctl_ask container ps --format '{{.Names}}' }\n"
	"_ucrctl_image() { _ucrctl_ask image images --format '{{.Repository}}:{{.Tag}}' }\n"
	"_ucrctl_source() { _alternative 'i:image:_ucrctl_image' 'f:file:_files' }\n"
	"_ucrctl_object() {\n"
	"  _alternative 'c:container:_ucrctl_container' 'i:image:_ucrctl_image'\n"
	"}\n"
	"_ucrctl_verb() { _describe verb _ucrctl_verbs }\n"
	"_ucrctl_signal() { _signals -p }\n"
	"_ucrctl_shell() { _values shell bash zsh fish }\n"
	"\n";

static void put_value(struct buf *out, const struct option_spec *o)
{
	const char *const *choices = completion_choices(o);

	buf_putc(out, ':');
	completion_quote(out, o->arg, ":");
	buf_putc(out, ':');
	if (choices) {
		buf_putc(out, '(');
		for (size_t i = 0; choices[i]; i++)
			buf_printf(out, "%s%s", i ? " " : "", choices[i]);
		buf_putc(out, ')');
	} else {
		buf_printf(out, "_ucrctl_%s", completion_kind(o->complete));
	}
}

/* An option as _arguments takes it: '*--env=[Set a variable]:KEY=VALUE:_ucrctl_nothing'.
 */
static void put_spelling(struct buf *out, const struct option_spec *o,
	const char *spelling, const char *value_mark)
{
	buf_printf(out, "    '%s%s%s[", o->set == option_strv ? "*" : "", spelling,
		o->arg ? value_mark : "");
	completion_quote(out, o->help, "[]:\\");
	buf_putc(out, ']');
	if (o->arg)
		put_value(out, o);
	buf_puts(out, "' \\\n");
}

static void put_option(const struct option_spec *o, void *arg)
{
	char letter[3] = { '-', o->letter, '\0' };
	cleanup_buf struct buf name = BUF_INIT;

	buf_printf(&name, "--%s", o->name);
	if (buf_finish(&name) < 0)
		return;
	if (o->letter)
		put_spelling(arg, o, letter, "+");
	put_spelling(arg, o, name.data, "=");
}

static void put_verb(struct buf *out, const struct verb_spec *verb)
{
	buf_printf(out, "  %s)\n    _arguments -s -S \\\n", verb->name);
	completion_each_option(verb->groups, put_option, out);
	buf_printf(out,
		verb->stops_early ? "    '1: :_ucrctl_%s' '*:: :_files'\n    ;;\n"
				  : "    '*: :_ucrctl_%s'\n    ;;\n",
		completion_kind(verb->complete));
}

void completion_zsh(const struct program_spec *program, struct buf *out)
{
	buf_puts(out,
		"#compdef ucrctl\n"
		"# Completion of ucrctl for zsh, written by \"ucrctl completion zsh\".\n\n"
		"typeset -ga _ucrctl_verbs\n_ucrctl_verbs=(\n");
	completion_each_verb(v, program)
	{
		buf_printf(out, "  '%s:", (*v)->name);
		completion_quote(out, (*v)->summary, ":\\");
		buf_puts(out, "'\n");
	}
	buf_puts(out, ")\n\n");
	buf_puts(out, helpers);
	buf_puts(out, "_ucrctl() {\n  local curcontext=$curcontext state line expl\n"
		      "  typeset -A opt_args\n  _arguments -C -S \\\n");
	completion_each_option(program->groups, put_option, out);
	buf_puts(out, "    '1: :_ucrctl_verb' '*:: :->rest'\n"
		      "  [[ $state == rest ]] || return\n  case $words[1] in\n");
	completion_each_verb(v, program) put_verb(out, *v);
	buf_puts(out, "  esac\n}\n\n"
		      "if [[ $funcstack[1] == _ucrctl ]]; then\n  _ucrctl \"$@\"\n"
		      "else\n  compdef _ucrctl ucrctl\nfi\n");
}
