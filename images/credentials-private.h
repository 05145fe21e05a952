/* SPDX-License-Identifier: Apache-2.0 */
/* What credentials.c (finding), credentials-file.c (keeping) and credentials-helper.c share. */
#ifndef UCR_IMAGES_CREDENTIALS_PRIVATE_H
#define UCR_IMAGES_CREDENTIALS_PRIVATE_H

#include "images/credentials.h"

/* The document of a file, or NULL when there is none. */
int credentials_read(const char *file, struct json_doc **ret, struct err *err)
	__attribute__((warn_unused_result));

/* A key of "auths" or "credHelpers" is about the host; several spellings may be. */
bool credentials_means(const char *key, const char *host);

/* The member of an object whose key means `host`. */
const struct json *credentials_member(const struct json *object, const char *host);

/* The name of the helper in charge of a host, or NULL. Borrowed from the document. */
const char *credentials_helper(const struct json *root, const char *host);

/* Runs docker-credential-NAME with an action ("get", "store", "erase"); `input` goes to it,
 * *ret is what it said. CREDENTIALS_ABSENT when it knows nothing. */
int credentials_ask(const char *name, const char *action, const char *input, char **ret,
	struct err *err) __attribute__((warn_unused_result));

#endif
