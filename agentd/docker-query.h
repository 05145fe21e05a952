/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The query of a request of Docker's API: "key=value" words, already decoded, read by a table. What
 * a table does not name is ignored, as Docker does; a value of the wrong form is an error that names
 * its key.
 */
#ifndef UCR_AGENTD_DOCKER_QUERY_H
#define UCR_AGENTD_DOCKER_QUERY_H

#include "common/err.h"
#include "common/str.h"

struct query_field {
	const char *key;
	int (*decode)(const char *text, void *out, struct err *err);
	size_t offset; /* of the destination in the struct */
};

int query_decode(char *const *query, const struct query_field *fields, void *out,
	struct err *err) __attribute__((warn_unused_result));

/* For a char *, a bool (Go's words for it), a number. */
int query_string(const char *text, void *out, struct err *err);
int query_bool(const char *text, void *out, struct err *err);
int query_u32(const char *text, void *out, struct err *err);
/* "1700000000", "1700000000.5" or RFC 3339: an int64_t of nanoseconds. */
int query_time(const char *text, void *out, struct err *err);
/* {"label":["a=b"]} or, of old, {"label":{"a=b":true}}: a strv of "label=a=b". */
int query_filters(const char *text, void *out, struct err *err);

#endif
