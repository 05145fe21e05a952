/* SPDX-License-Identifier: Apache-2.0 */
#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 2, 0))) static void format_text(
	struct err *err, const char *fmt, va_list ap)
{
	if (vsnprintf(err->text, sizeof(err->text), fmt, ap) < 0)
		err->text[0] = '\0';
}

/* What continued a path in a document (" must be an array") stands alone here. */
static void append_text(struct err *err, const char *text)
{
	size_t used = strlen(err->text);

	text += strspn(text, " ");

	(void)snprintf(err->text + used, sizeof(err->text) - used, ": %s", text);
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (code <= 0)
		code = EIO;
	if (!err)
		return -code;
	err->code = code;
	err->hint[0] = '\0';
	va_start(ap, fmt);
	format_text(err, fmt, ap);
	va_end(ap);
	append_text(err, strerror(code));
	return -code;
}

int err_say(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (code <= 0)
		code = EIO;
	if (!err)
		return -code;
	err->code = code;
	err->hint[0] = '\0';
	va_start(ap, fmt);
	format_text(err, fmt, ap);
	va_end(ap);
	return -code;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	struct err inner;
	va_list ap;

	if (!err)
		return -EIO;
	inner = *err;
	va_start(ap, fmt);
	format_text(err, fmt, ap);
	va_end(ap);
	append_text(err, inner.text);
	return -err->code;
}

int err_hint(struct err *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -EIO;
	if (!err->hint[0]) {
		va_start(ap, fmt);
		if (vsnprintf(err->hint, sizeof(err->hint), fmt, ap) < 0)
			err->hint[0] = '\0';
		va_end(ap);
	}
	return -err->code;
}

int err_oom(struct err *err)
{
	return err_say(err, ENOMEM, "out of memory");
}

void err_seal(struct err *err)
{
	err->text[sizeof(err->text) - 1] = '\0';
	err->hint[sizeof(err->hint) - 1] = '\0';
	if (err->code <= 0)
		err->code = EIO;
}
