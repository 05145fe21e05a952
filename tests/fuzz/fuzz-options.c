/* SPDX-License-Identifier: Apache-2.0 */
/* A command line of ucrctl: words that end with a newline each. */
#include "common/str.h"
#include "ucrctl/ctl.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_Alignas(max_align_t) char options[CTL_OPTIONS_MAX];
	cleanup_free char *text = strndup((const char *)data, size);
	char *argv[64] = { (char *)"ucrctl" }, **args, *next = text;
	const struct verb_spec *verb;
	struct err err = { 0 };
	struct ctl ctl = { 0 };
	int argc = 1;

	while (argc < 63 && (argv[argc] = strsep(&next, "\n")))
		argc++;
	argv[argc] = NULL;
	if (program_parse(&ctl_program, argc, argv, &ctl, &verb, &args, &err) || !verb)
		return 0;
	argc = (int)strv_len(args);
	if (options_parse(verb, argc, args, options, &args, &err) < 0 && !err.text[0])
		abort(); /* refused without a word */
	options_free(verb, options);
	return 0;
}
