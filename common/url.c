/* SPDX-License-Identifier: Apache-2.0 */
#include "common/url.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/str.h"

/* Behind "scheme://", or NULL. */
static const char *skip_scheme(const char *url)
{
	size_t len = strspn(url, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				 "0123456789+-.");

	return len ? str_skip_prefix(url + len, "://") : NULL;
}

const char *url_shown(const char *url, char *ret, size_t room)
{
	const char *host = skip_scheme(url), *at = NULL;
	cleanup_free char *text = NULL;

	if (host)
		at = memrchr(host, '@', strcspn(host, "/?#"));
	at = at ? at + 1 : host;
	if (host)
		text = str_printf(
			"%.*s%.*s", (int)(host - url), url, (int)strcspn(at, "?#"), at);
	str_printable(!host ? url : text ? text : "a URL", ret, room);
	return ret;
}

void url_escape(const char *text, struct buf *out)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~";

	for (; *text; text++) {
		if (strchr(plain, *text))
			buf_putc(out, *text);
		else
			buf_printf(out, "%%%02X", (unsigned char)*text);
	}
}
