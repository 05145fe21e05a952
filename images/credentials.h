/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User names and passwords of registries, in docker's config.json and its like:
 *
 *   { "auths": { HOST: { "auth": base64 of USER:PASSWORD, "identitytoken": … } },
 *     "credHelpers": { HOST: NAME }, "credsStore": NAME }
 *
 * A helper is the program docker-credential-NAME, found in PATH and spoken to by its standard
 * input and output. Secrets are never in an argument, a log or a message of ours.
 */
#ifndef UCR_IMAGES_CREDENTIALS_H
#define UCR_IMAGES_CREDENTIALS_H

#include "images/registries.h"

/* Finds what there is for access->host and gives it to the registry's own endpoint; mirrors
 * get what is there for their own hosts. `files`: the first that knows a host counts; those
 * that do not exist are passed over. Nothing found is no error. */
int credentials_find(char *const *files, struct registry_access *access, struct err *err)
	__attribute__((warn_unused_result));

/* Gives the registry's own endpoint "USER:PASSWORD". */
int credentials_use(const char *pair, struct registry_access *access, struct err *err)
	__attribute__((warn_unused_result));

/* Keeps credentials for a host: by the helper that the file names, or in the file itself, made
 * with mode 0600, whose other members stay. */
int credentials_store(const char *file, const char *host, const char *username,
	const char *password, struct err *err) __attribute__((warn_unused_result));

#define CREDENTIALS_ABSENT 1
int credentials_erase(const char *file, const char *host, struct err *err)
	__attribute__((warn_unused_result));

/* All that the file knows, those that it has helpers keep included. CREDENTIALS_ABSENT: none. */
int credentials_erase_all(const char *file, struct err *err)
	__attribute__((warn_unused_result));

/* The base64 of "USER:PASSWORD" (RFC 7617 §2), the caller's to wipe and free. NULL: out of
 * memory. */
char *credentials_encode(const char *username, const char *password);

/* What docker calls the host in config.json. */
const char *credentials_key(const char *host);

#endif
