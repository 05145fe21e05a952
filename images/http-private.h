/* SPDX-License-Identifier: Apache-2.0 */
/* What http.c (the loop), http-setup.c (one request), http-receive.c (its answer as it comes in),
 * http-resume.c (whether what came before may be gone on with) and http-answer.c (what came of
 * it) share. */
#ifndef UCR_IMAGES_HTTP_PRIVATE_H
#define UCR_IMAGES_HTTP_PRIVATE_H

#include "images/http-address.h"
#include "images/http.h"
#include "images/www-authenticate.h"

#define HTTP_ERROR_MAX (16U << 10)
#define HTTP_HEADERS_MAX (64U << 10)
#define HTTP_URL_TEXT_MAX 256

/* What a transfer is between its beginning and its end. */
struct http_state {
	struct http_session *session;
	CURL *easy;
	struct curl_slist *headers;
	char *url;			  /* of this request; a redirect changes it */
	char url_text[HTTP_URL_TEXT_MAX]; /* what may be shown of it */
	char *location;			  /* where the answer points to */
	char curl_text[CURL_ERROR_SIZE];
	char refused[ADDRESS_TEXT_MAX]; /* the address that was not connected to */
	bool is_let_through;		/* there was another one */
	bool is_paused;
	struct buf problem; /* the body of an answer that is none */
	struct auth_challenge challenge;
	uint64_t asked_offset, header_bytes;
	uint64_t range_start;
	bool has_range;
	struct http_validator {
		char *etag, *last_modified, *date, *url;
	} answered, kept;  /* by this answer; of the bytes that are there */
	bool is_replaced;  /* the answer is of another version than those */
	uint64_t furthest; /* how far the body ever came */
	uint32_t retry_after_s;
	int failure;	     /* -errno of what went wrong in a callback */
	bool is_our_failure; /* no other server would help */
	size_t begun_at; /* the endpoint from which all of the body is; SIZE_MAX: several */
	struct err failure_text;
	unsigned int hops, tries, challenges;
	uint64_t progress_offset; /* of the body when it was last begun */
	int64_t not_before_ms;
	unsigned int shown; /* number of the header that it came with */
	enum { HTTP_WAITING, HTTP_RUNNING, HTTP_ENDED, HTTP_OVER } phase;
	CURLcode code; /* how it ended */
};

int64_t http_now_us(void);

/* ---- http-receive.c ---- */

/* Forgets the last answer and makes ready for another one. */
void http_receive(struct http_transfer *t);
/* Throws away what has come of a body. */
int http_body_restart(struct http_transfer *t) __attribute__((warn_unused_result));

/* ---- http-resume.c ---- */

void http_validator_done(struct http_validator *v);
/* The body begins with this answer. */
void http_resume_begin(struct http_transfer *t);
/* This answer goes on with it. */
void http_resume_go_on(struct http_transfer *t);
/* The part that this answer brings is of the same version as what is there. */
bool http_resume_is_same(const struct http_transfer *t);
/* Where the next request goes on; 0: it begins anew. */
uint64_t http_resume_at(const struct http_transfer *t);
/* The value of If-Range, or NULL: none is needed. */
const char *http_resume_condition(const struct http_transfer *t);

/* ---- http-setup.c ---- */

/* Prepares the next request of a transfer on its handle. */
int http_setup(struct http_transfer *t, struct err *err)
	__attribute__((warn_unused_result));
/* A proxy connects for us: then only what the URL itself says can be checked. */
int http_check_literal(struct http_transfer *t, struct err *err)
	__attribute__((warn_unused_result));
/* Scheme, host, port and path agree: what follows may only be a signature. */
bool http_is_same_place(const char *a, const char *b);
/* The endpoint's own, not where a redirect leads. */
bool http_is_at_endpoint(const struct http_transfer *t);

/* ---- http-answer.c ---- */

/* What is to be done after a request has ended. */
enum http_verdict { HTTP_DONE, HTTP_AGAIN, HTTP_FAILED };
enum http_verdict http_judge(struct http_transfer *t, CURLcode code);

static inline const struct registry_endpoint *http_endpoint(const struct http_transfer *t)
{
	const struct registry_access *access = t->state->session->access;

	return t->path ? &access->endpoints.items[t->endpoint] : NULL;
}

#endif
