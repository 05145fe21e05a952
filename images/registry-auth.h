/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is shown to a registry that wants to know who asks: nothing at first, then basic
 * credentials, or a token of the service it names, which is renewed before it expires.
 */
#ifndef UCR_IMAGES_REGISTRY_AUTH_H
#define UCR_IMAGES_REGISTRY_AUTH_H

#include "images/http.h"
#include "images/www-authenticate.h"

struct registry_auth;

struct registry_auth *registry_auth_new(const struct registry_endpoint *endpoint);
void registry_auth_free(struct registry_auth *auth);

/* The value of the Authorization header, or NULL: nothing to show. Borrowed until the next
 * call. Renews a token that is about to expire. */
int registry_auth_header(struct registry_auth *auth, struct http_session *session,
	const char **ret, struct err *err) __attribute__((warn_unused_result));

/* Which of the headers there were it is; 0: none yet. */
unsigned int registry_auth_number(const struct registry_auth *auth);

/* Answers a challenge (taken over): the next header is a better one than number `shown`. That
 * may have come already, by the answer to another transfer. `scope`: what is wanted when the
 * challenge does not say. */
int registry_auth_answer(struct registry_auth *auth, struct http_session *session,
	struct auth_challenge *challenge, unsigned int shown, const char *scope,
	struct err *err) __attribute__((warn_unused_result));

#endif
