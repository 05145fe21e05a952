/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Downloads over HTTP for ucr-fetch, by libcurl's multi interface: several at once, each with
 * its own fate. A transfer is tried at one endpoint after the other, with retries and
 * back-off at each; a body that was cut is gone on with (http-resume.c), redirects are followed one by
 * one under the rules below, and what the server asks for by 401 is answered.
 *
 *   - only http and https, http only where the endpoint may use it, never from https to http;
 *   - at most HTTP_HOPS_MAX redirects;
 *   - credentials go to the endpoint's own scheme, host and port only, and a form that is
 *     posted stays with the host it was meant for;
 *   - a host that nobody named has no local address (http-address.h).
 *
 * An endpoint that breaks the rules or brings what is not wanted is passed over, and nothing of
 * what it brought is kept.
 */
#ifndef UCR_IMAGES_HTTP_H
#define UCR_IMAGES_HTTP_H

#include "common/buf.h"
#include "common/hash.h"
#include "images/http-rate.h"
#include "images/registries.h"

#include <curl/curl.h>

#define HTTP_HOPS_MAX 5
#define HTTP_TOKEN_MAX (64U << 10)

struct registry_auth;
struct http_transfer;

struct http_session {
	const struct registry_access *access;
	struct http_endpoint {
		struct registry_auth *auth;
		bool is_plain;	/* it was found to speak http */
		int pem_fds[3]; /* ca, cert, key; -1 */
	} * endpoints;		/* as access->endpoints */
	CURLM *multi;
	struct http_rate rate;
	struct http_run *run; /* the innermost one */
	const char
		*scope; /* what tokens are for, where a challenge does not say; or NULL */
	/* A sentence for the person: what the server warns of, which endpoint is passed over. */
	void (*on_note)(const char *text, void *arg);
	void *note_arg;
	void (*on_progress)(const struct http_transfer *t, void *arg);
	void *arg;
};

/* Where a body goes: into `text`, or into the file `fd` behind what it has already. */
struct http_body {
	struct buf *text;
	int fd;
	uint64_t offset; /* bytes there */
	uint64_t max;
	const char
		*limit_of; /* whose limit `max` is; NULL: so long is what is expected */
	bool is_checked; /* the caller knows its digest: any parts that give it are right */
	struct hash hash; /* of all of them */
};

struct http_transfer {
	const char *path;	   /* below the endpoint */
	const char *url;	   /* or a whole one, asked without credentials */
	size_t endpoint;	   /* the first to try; which one it was */
	const char *accept;	   /* media types, or NULL */
	const char *post;	   /* a form to send; NULL: GET */
	const char *authorization; /* a header's value of its own */
	bool is_untrusted;	   /* its host may not be local */
	bool is_quiet;		   /* no progress is told of it */
	struct http_body body;
	/* Whether the whole body is what was wanted; if not, the next endpoint is asked. NULL:
	 * whatever comes. */
	int (*check)(struct http_transfer *t, struct err *err);
	void *check_arg;

	long status;
	char *content_type, *content_digest;
	char *next_page; /* the path of what goes on with the answer, or NULL */

	struct http_state *state;
	struct err err;
	int result; /* 0 or -errno, when it is over */
};

void http_transfer_done(struct http_transfer *t);

int http_session_open(const struct registry_access *access, struct http_session *ret,
	struct err *err) __attribute__((warn_unused_result));
void http_session_close(struct http_session *session);
/* A sentence for the person, to the session's on_note. */
void http_note(const struct http_session *session, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Runs transfers, `at_once` of them at a time, until all are over or one failed, whose error it
 * is. `on_done` (may be NULL) is called for each that succeeds. Those of an outer run, for which
 * this one gets a token, go on meanwhile, but none is begun or ended. */
typedef int (*http_done_fn)(struct http_transfer *t, void *arg, struct err *err);
int http_run(struct http_session *session, struct http_transfer *transfers, size_t count,
	size_t at_once, http_done_fn on_done, struct err *err)
	__attribute__((warn_unused_result));

/* Scheme, host and port agree. */
bool http_is_same_origin(const char *a, const char *b);

#endif
