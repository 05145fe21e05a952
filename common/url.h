/* SPDX-License-Identifier: Apache-2.0 */
/* URLs in messages. A query may be a signature and a user a password: whoever reads the message
 * could use them, so that they never stand in one. */
#ifndef UCR_COMMON_URL_H
#define UCR_COMMON_URL_H

#include <stddef.h>

/* Writes what of a URL may be shown, printable and cut where `room` ends. Returns `ret`. What is no
 * URL ("/a/path?x") comes as it is, but printable. */
const char *url_shown(const char *url, char *ret, size_t room);

/* For the query of a URL: all but letters, digits and "-._~" as %XX. */
struct buf;
void url_escape(const char *text, struct buf *out);

#endif
