/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cleanup.h"
#include "common/fd.h"
#include "runtime/runtime.h"
#include "ucrctl/backend.h"
#include "ucrctl/ctl.h"
#include "ucrctl/print.h"
#include "ucrctl/verbs.h"

#include <errno.h>

static int count(char *const *argv)
{
	int n = 0;

	while (argv[n])
		n++;
	return n;
}

/* Parses the verb's options and runs it: an exit status, or -errno with `err` set. */
static int run_verb(
	struct ctl *ctl, const struct verb_spec *verb, char **argv, struct err *err)
{
	_Alignas(max_align_t) char options[CTL_OPTIONS_MAX];
	char **args;
	int r;

	ctl->verb = verb->name;
	if (verb->options_size > sizeof(options))
		return err_set(err, E2BIG, "options of %s", verb->name);
	r = options_parse(verb, count(argv), argv, options, &args, err);
	if (r == OPTIONS_HELP) {
		verb_help(&ctl_program, verb, &ctl->out);
		r = 0;
	} else if (r < 0) {
		print_err(verb->name, err);
		r = CTL_EXIT_FAILED;
	} else {
		r = verb->run(ctl, options, args, err);
	}
	options_free(verb, options);
	return r;
}

/* The protected copy is told by the environment where the other programs are. Who speaks to an
 * agent makes and enters nothing. */
static int protect(struct ctl *ctl, char **argv, struct err *err)
{
	cleanup_free char *libexec = NULL;
	const struct backend *backend;
	int r;

	r = ctl_backend(ctl, &backend, err);
	if (r < 0 || backend != &backend_local)
		return r;
	r = engine_find_libexec(&libexec, err);
	if (r < 0)
		return r;
	if (setenv(CTL_LIBEXEC_VARIABLE, libexec, 0) < 0)
		return err_oom(err);
	return runtime_protect_self(argv, err);
}

static int run(struct ctl *ctl, int argc, char **argv, struct err *err)
{
	char *version[] = { (char *)"version", NULL };
	const struct verb_spec *verb;
	char **verb_argv;
	int r;

	r = program_parse(&ctl_program, argc, argv, ctl, &verb, &verb_argv, err);
	if (r < 0)
		return r;
	if (r == 0 && ctl->wants_version)
		return run_verb(ctl, &verb_version, version, err);
	if (r == OPTIONS_HELP || !verb) {
		program_help(&ctl_program, &ctl->out);
		return 0;
	}
	r = verb->flags & VERB_PROTECT ? protect(ctl, argv, err) : 0;
	if (r < 0)
		return r;
	return run_verb(ctl, verb, verb_argv, err);
}

int main(int argc, char **argv)
{
	struct ctl ctl = { 0 };
	struct err err = { 0 };
	int status, r;

	fd_open_stdio();
	status = run(&ctl, argc, argv, &err);
	if (status < 0) {
		print_err(NULL, &err);
		status = CTL_EXIT_FAILED;
	}
	r = ctl_flush(&ctl, &err);
	if (r < 0) {
		print_err(NULL, &err);
		status = CTL_EXIT_FAILED;
	}
	ctl_done(&ctl);
	return status;
}
