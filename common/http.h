/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A response of HTTP/1.1 (RFC 9112) as a client reads it: its head at once, its body as the pieces
 * come. Only bytes: where they come from is common/http-client.h's business.
 *
 * The server may be hostile: a head is HTTP_HEAD_MAX bytes at most, a body is handed on in the
 * pieces that came and never collected here, and what could be read in two ways (two lengths, a
 * length beside "chunked", a folded header) is refused.
 */
#ifndef UCR_COMMON_HTTP_H
#define UCR_COMMON_HTTP_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX 16384
#define HTTP_TYPE_MAX 64

enum http_body_kind {
	HTTP_BODY_NONE,
	HTTP_BODY_LENGTH,
	HTTP_BODY_CHUNKED,
	HTTP_BODY_TO_END, /* until the server closes the connection */
};

struct http_head {
	unsigned int status;
	enum http_body_kind kind;
	uint64_t length; /* of HTTP_BODY_LENGTH */
	bool is_last;	 /* the connection serves no other request */
	char type
		[HTTP_TYPE_MAX]; /* the media type without parameters, in lower case; "" */
};

/* 1: `ret` is filled and `ret_len` bytes were the head; 0: it goes on after `len`; -EPROTO. */
int http_head_parse(const char *data, size_t len, struct http_head *ret, size_t *ret_len,
	struct err *err) __attribute__((warn_unused_result));

struct http_body {
	enum http_body_kind kind;
	uint64_t left; /* of the body, or of the chunk */
	unsigned int state;
	size_t line; /* bytes of a line that is not the body's */
};

void http_body_begin(struct http_body *body, const struct http_head *head);

/*
 * Looks at the next `len` bytes (at least one): `ret_used` of them are done with, and the piece
 * `ret_data` within them is of the body, which may be empty. Asked again for the rest. 1: the body
 * has ended, what was not used is of another response; 0: it goes on; -EPROTO.
 */
int http_body_take(struct http_body *body, const char *data, size_t len, size_t *ret_used,
	const char **ret_data, size_t *ret_len, struct err *err)
	__attribute__((warn_unused_result));

/* Whether it has ended where the connection did. */
bool http_body_may_end(const struct http_body *body);

#endif
