/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/platform-option.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int platform_option_parse(const char *text, char words[PLATFORM_WORDS_MAX],
	struct platform *ret, struct err *err)
{
	char *rest = words, *first, *second, *third;

	if (!text)
		return 0;
	if (snprintf(words, PLATFORM_WORDS_MAX, "%s", text) >= PLATFORM_WORDS_MAX)
		return err_say(err, EINVAL, "--platform: too long");
	first = strsep(&rest, "/");
	second = strsep(&rest, "/");
	third = strsep(&rest, "/");
	if (rest || !*first || (second && !*second) || (third && !*third))
		return err_say(
			err, EINVAL, "--platform %s: want OS/ARCH[/VARIANT]", text);
	ret->os = second ? first : NULL;
	ret->architecture = second ? second : first;
	ret->variant = third;
	return 0;
}
