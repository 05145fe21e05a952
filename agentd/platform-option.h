/* SPDX-License-Identifier: Apache-2.0 */
/* --platform: "OS/ARCH[/VARIANT]", or the architecture alone. */
#ifndef UCR_AGENTD_PLATFORM_OPTION_H
#define UCR_AGENTD_PLATFORM_OPTION_H

#include "images/import.h"

#define PLATFORM_WORDS_MAX 64

/* `text` may be NULL; `words` holds what *ret points into. */
int platform_option_parse(const char *text, char words[PLATFORM_WORDS_MAX],
	struct platform *ret, struct err *err) __attribute__((warn_unused_result));

#endif
