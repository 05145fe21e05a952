/* SPDX-License-Identifier: Apache-2.0 */
/* What http.c (the loop), http-setup.c (one request), http-answer.c (what came of it) share. */
#ifndef UCR_IMAGES_HTTP_PRIVATE_H
#define UCR_IMAGES_HTTP_PRIVATE_H

#include "images/http-address.h"
#include "images/http.h"
#include "images/www-authenticate.h"

#define HTTP_ERROR_MAX (16U << 10)
#define HTTP_HEADERS_MAX (64U << 10)

/* What a transfer is between its beginning and its end. */
struct http_state {
	struct http_session *session;
	CURL *easy;
	struct curl_slist *headers;
	char *url;	/* of this request; a redirect changes it */
	char *location; /* where the answer points to */
	char curl_text[CURL_ERROR_SIZE];
	char refused[ADDRESS_TEXT_MAX]; /* the address that was not connected to */
	struct buf problem;		/* the body of an answer that is none */
	struct auth_challenge challenge;
	uint64_t asked_offset, header_bytes;
	uint64_t range_start;
	bool has_range;
	uint32_t retry_after_s;
	int failure; /* -errno of what went wrong in a callback */
	struct err failure_text;
	unsigned int hops, tries, challenges;
	uint64_t progress_offset; /* of the body when it was last begun */
	int64_t not_before_ms;
	enum { HTTP_WAITING, HTTP_RUNNING, HTTP_OVER } phase;
};

int64_t http_now_ms(void);

/* Prepares the next request of a transfer on its handle. */
int http_setup(struct http_transfer *t, struct err *err)
	__attribute__((warn_unused_result));

/* What is to be done after a request has ended. */
enum http_verdict { HTTP_DONE, HTTP_AGAIN, HTTP_FAILED };
enum http_verdict http_judge(struct http_transfer *t, CURLcode code);

/* The endpoint's own, not where a redirect leads. */
bool http_is_at_endpoint(const struct http_transfer *t);

static inline const struct registry_endpoint *http_endpoint(const struct http_transfer *t)
{
	const struct registry_access *access = t->state->session->access;

	return t->path ? &access->endpoints.items[t->endpoint] : NULL;
}

#endif
