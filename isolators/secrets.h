/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets: files that exist in memory alone, in the container's own mount namespace, readable by
 * the user of its program; and variables that no configuration on disk has. They come to the
 * child in the memory that it was cloned with, and end with its mount namespace.
 */
#ifndef UCR_ISOLATORS_SECRETS_H
#define UCR_ISOLATORS_SECRETS_H

#include "isolators/isolator.h"

#include <stddef.h>

struct secret {
	const char *path; /* absolute, in the container: a file; or NULL: */
	const char *name; /* of a variable */
	const char *data; /* NUL-terminated, for a variable */
	size_t len;
};

struct secrets {
	const struct secret *items;
	size_t count;
};

#define SECRET_SIZE_MAX (512U << 10)

/* isolate: makes the files and sets the variables. After user-lookup. */
extern const struct isolator secrets_isolator;

#endif
