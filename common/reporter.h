/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where metrics are pushed to, as it is written on a command line:
 * graphite=tcp://HOST[:PORT]/[prefix=PREFIX][&interval=TIME].
 */
#ifndef UCR_COMMON_REPORTER_H
#define UCR_COMMON_REPORTER_H

#include "common/err.h"
#include "common/json-writer.h"

#include <stdint.h>

struct reporter {
	char *host;   /* a name or an address, without brackets */
	char *port;   /* digits; "2003" */
	char *prefix; /* of the paths: names with dots between */
	uint64_t interval_ms;
};

/* `host_name` becomes the default of the prefix, "ucr.HOST". */
int reporter_parse(const char *text, const char *host_name, struct reporter *ret,
	struct err *err) __attribute__((warn_unused_result));
void reporter_done(struct reporter *reporter);
/* For people: the same text, with what was left out. */
void reporter_write(
	struct json_writer *w, const char *key, const struct reporter *reporter);

#endif
