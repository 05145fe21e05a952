/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/isolator.h"

#include <stdarg.h>
#include <stdio.h>

void notes_add(struct notes *notes, const char *fmt, ...)
{
	char *line = NULL;
	va_list ap;

	if (!notes)
		return;
	va_start(ap, fmt);
	if (vasprintf(&line, fmt, ap) < 0)
		line = NULL;
	va_end(ap);
	if (strv_take(&notes->lines, line) < 0)
		return; /* a note that did not fit is no reason to fail */
}

void notes_done(struct notes *notes)
{
	strv_free(notes->lines);
	notes->lines = NULL;
}
