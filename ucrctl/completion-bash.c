/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/completion.h"

/* Lists and files. $cur is the word so far; the answers go to COMPREPLY. */
static const char offer[] =
	"_ucrctl_ask()\n"
	"{\n"
	"\tlocal words\n"
	"\twords=$(\"${COMP_WORDS[0]}\" \"$@\" 2>/dev/null)\n"
	"\tmapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W \"$words\" -- "
	"\"$cur\")\n"
	"}\n"
	"\n"
	"_ucrctl_offer()\n"
	"{\n"
	"\tcase $1 in\n"
	"\tfile | source)\n"
	"\t\tcompopt -o filenames 2>/dev/null\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	"\t\t;;\n"
	"\tdirectory)\n"
	"\t\tcompopt -o filenames 2>/dev/null\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n"
	"\t\t;;\n"
	"\tverb) mapfile -t COMPREPLY < <(compgen -W \"$_ucrctl_verbs\" -- \"$cur\") ;;\n"
	"\tsignal) mapfile -t COMPREPLY < <(compgen -A signal -- \"$cur\") ;;\n"
	"\tshell) mapfile -t COMPREPLY < <(compgen -W 'bash zsh fish' -- \"$cur\") ;;\n"
	"\tnothing) ;;\n"
	"\tcontainer | running | image | object) ;;\n"
	"\t*) mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\") ;;\n"
	"\tesac\n"
	"\tcase $1 in\n"
	"\tcontainer | object) _ucrctl_ask ps -a --format '{{.Names}} {{.ID}}' ;;\n"
	"\trunning) _ucrctl_ask ps --format '{{.Names}} {{.ID}}' ;;\n"
	"\tesac\n"
	"\tcase $1 in\n"
	"\timage | source | object)\n"
	"\t\t_ucrctl_ask images --format '{{.Repository}}:{{.Tag}} {{.ID}}'\n"
	"\t\t;;\n"
	"\tesac\n"
	"}\n"
	"\n";

/*
 * The words as the person typed them: bash cuts COMP_WORDS at ':' and '=', which are
 * parts of image names and of --option=VALUE, and wants answers without what is before
 * the cut.
 */
static const char frame[] =
	"_ucrctl()\n"
	"{\n"
	"\tlocal cur prev verb='' options values kind args early count=0 i before\n"
	"\tlocal -a line\n"
	"\tread -r -a line <<<\"${COMP_LINE:0:COMP_POINT}\"\n"
	"\tcur=''\n"
	"\tif [[ ${COMP_LINE:0:COMP_POINT} != *[[:space:]] ]]; then\n"
	"\t\tcur=${line[-1]}\n"
	"\t\tunset 'line[-1]'\n"
	"\tfi\n"
	"\tCOMPREPLY=()\n"
	"\t_ucrctl_table ''\n"
	"\tfor ((i = 1; i < ${#line[@]}; i++)); do\n"
	"\t\tif [[ $values == *\" ${line[i]} \"* ]]; then\n"
	"\t\t\t((i++))\n"
	"\t\telif [[ ${line[i]} == -* ]]; then\n"
	"\t\t\tcontinue\n"
	"\t\telif [[ -z $verb ]]; then\n"
	"\t\t\tverb=${line[i]}\n"
	"\t\t\t_ucrctl_table \"$verb\"\n"
	"\t\telse\n"
	"\t\t\t((count++))\n"
	"\t\t\t[[ -n $early ]] && break\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tprev=${line[-1]}\n"
	"\tbefore=''\n"
	"\tif [[ $cur == --*=* ]]; then\n"
	"\t\tprev=${cur%%=*}\n"
	"\t\tbefore=$prev=\n"
	"\t\tcur=${cur#*=}\n"
	"\tfi\n"
	"\tif [[ -n $early && $count -gt 0 ]]; then\n"
	"\t\t_ucrctl_offer file\n"
	"\telif [[ $values == *\" $prev \"* ]]; then\n"
	"\t\t_ucrctl_value \"$verb\" \"$prev\"\n"
	"\t\t_ucrctl_offer \"$kind\"\n"
	"\telif [[ -z $before && $cur == -* ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
	"\telif [[ -z $before ]]; then\n"
	"\t\t_ucrctl_offer \"$args\"\n"
	"\tfi\n"
	"\tif [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then\n"
	"\t\tbefore=${cur%\"${cur##*:}\"}\n"
	"\t\tCOMPREPLY=(\"${COMPREPLY[@]#\"$before\"}\")\n"
	"\tfi\n"
	"}\n"
	"complete -F _ucrctl ucrctl\n";

static void put_option(const struct option_spec *option, void *arg)
{
	struct buf *out = arg;

	if (option->letter)
		buf_printf(out, "-%c ", option->letter);
	buf_printf(out, "--%s ", option->name);
}

static void put_value_option(const struct option_spec *option, void *arg)
{
	if (option->arg)
		put_option(option, arg);
}

/* One row of _ucrctl_table: what a verb (or, before any verb, the program) takes. */
static void put_table_row(struct buf *out, const char *verb,
	const struct option_group *groups, const char *args, bool stops_early)
{
	buf_printf(out, "\t%s)\n\t\toptions='", *verb ? verb : "''");
	completion_each_option(groups, put_option, out);
	buf_puts(out, "'\n\t\tvalues=' ");
	completion_each_option(groups, put_value_option, out);
	buf_printf(
		out, "'\n\t\targs=%s early=%s\n\t\t;;\n", args, stops_early ? "1" : "''");
}

struct value_row {
	struct buf *out;
	const char *verb;
};

/* One row of _ucrctl_value: what may follow an option. */
static void put_value_row(const struct option_spec *option, void *arg)
{
	const char *const *choices = completion_choices(option);
	const struct value_row *row = arg;
	struct buf *out = row->out;

	if (!option->arg || (!choices && option->complete == COMPLETE_NOTHING))
		return;
	buf_printf(out, "\t%s--%s", row->verb, option->name);
	if (option->letter)
		buf_printf(out, " | %s-%c", row->verb, option->letter);
	buf_puts(out, ") kind='");
	for (size_t i = 0; choices && choices[i]; i++)
		buf_printf(out, "%s%s", i ? " " : "", choices[i]);
	if (!choices)
		buf_puts(out, completion_kind(option->complete));
	buf_puts(out, "' ;;\n");
}

static void put_tables(const struct program_spec *program, struct buf *out)
{
	struct value_row row = { out, "" };

	buf_puts(out, "_ucrctl_table()\n{\n\tcase $1 in\n");
	put_table_row(out, "", program->groups, "verb", false);
	completion_each_verb(v, program) put_table_row(out, (*v)->name, (*v)->groups,
		completion_kind((*v)->complete), (*v)->stops_early);
	buf_puts(
		out, "\t*) options='' values='' args=nothing early='' ;;\n\tesac\n}\n\n");

	buf_puts(out, "_ucrctl_value()\n{\n\tcase $1$2 in\n");
	completion_each_option(program->groups, put_value_row, &row);
	completion_each_verb(v, program)
	{
		row.verb = (*v)->name;
		completion_each_option((*v)->groups, put_value_row, &row);
	}
	buf_puts(out, "\t*) kind=nothing ;;\n\tesac\n}\n\n");
}

void completion_bash(const struct program_spec *program, struct buf *out)
{
	buf_puts(out,
		"# Completion of ucrctl for bash, written by \"ucrctl completion bash\".\n\n"
		"_ucrctl_verbs='");
	completion_each_verb(v, program) buf_printf(out, "%s ", (*v)->name);
	buf_puts(out, "'\n\n");
	buf_puts(out, offer);
	put_tables(program, out);
	buf_puts(out, frame);
}
