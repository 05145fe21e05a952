/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/cli.h"

#include "common/fd.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define OPTIONS_SIZE_MAX 512 /* the largest struct that a verb's options fill */

static int run_verb(
	struct cli *cli, const struct verb_spec *verb, char **argv, struct err *err)
{
	_Alignas(max_align_t) char options[OPTIONS_SIZE_MAX];
	char **args;
	int argc = 0, r;

	while (argv[argc])
		argc++;
	if (verb->options_size > sizeof(options))
		return err_set(err, E2BIG, "options of %s", verb->name);
	r = options_parse(verb, argc, argv, options, &args, err);
	if (r == OPTIONS_HELP) {
		verb_help(&cli_program, verb, &cli->out);
		r = 0;
	} else if (r == 0) {
		r = verb->run(cli, options, args, err);
	}
	options_free(verb, options);
	return r;
}

static int run(
	struct cli *cli, int argc, char **argv, const char **ret_verb, struct err *err)
{
	char *version[] = { (char *)"version", NULL };
	const struct verb_spec *verb;
	char **verb_argv;
	int r;

	r = program_parse(&cli_program, argc, argv, cli, &verb, &verb_argv, err);
	if (r < 0)
		return r;
	if (r == 0 && cli->wants_version)
		return run_verb(cli, &cli_version, version, err);
	if (r == OPTIONS_HELP || !verb) {
		program_help(&cli_program, &cli->out);
		return 0;
	}
	*ret_verb = verb->name;
	if (verb->flags & CLI_PROTECT) {
		r = runtime_protect_self(argv, err);
		if (r < 0)
			return r;
	}
	return run_verb(cli, verb, verb_argv, err);
}

int main(int argc, char **argv)
{
	struct cli cli = { 0 };
	struct err err = { 0 };
	const char *verb = NULL;
	int status;

	fd_open_stdio();
	status = run(&cli, argc, argv, &verb, &err);
	cli_report_notes(&cli);
	if (err.code && status != 0)
		cli_report_error(&cli, verb, &err);
	if (status < 0)
		status = CLI_EXIT_FAILED;
	if (cli.out.len && fd_write_all(STDOUT_FILENO, cli.out.data, cli.out.len) < 0)
		status = CLI_EXIT_FAILED;
	buf_done(&cli.out);
	notes_done(&cli.notes);
	return status;
}
