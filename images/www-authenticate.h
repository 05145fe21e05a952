/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header WWW-Authenticate of RFC 9110 §11.6.1: what a registry wants to see before it
 * serves. Several challenges may stand in one header, parameters may be quoted.
 */
#ifndef UCR_IMAGES_WWW_AUTHENTICATE_H
#define UCR_IMAGES_WWW_AUTHENTICATE_H

#include "common/cleanup.h"
#include "common/err.h"

enum auth_scheme { AUTH_NONE, AUTH_BASIC, AUTH_BEARER };

struct auth_challenge {
	enum auth_scheme scheme;
	char *realm;   /* of a bearer: the URL of the token service */
	char *service; /* may be NULL, as may: */
	char *scope;   /* "repository:NAME:pull", several with blanks between */
};

#define cleanup_challenge cleanup_with(auth_challenge_done)
void auth_challenge_done(struct auth_challenge *challenge);

/* The best challenge of a header: a bearer that names a realm before basic. AUTH_NONE when there
 * is none that we know; -EINVAL for what is no such header. */
int www_authenticate_parse(const char *header, struct auth_challenge *ret,
	struct err *err) __attribute__((warn_unused_result));

#endif
