/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moments as nanoseconds since the epoch (CLOCK_REALTIME), and their text in RFC 3339
 * with nine digits and "Z", as log lines and state files carry them.
 */
#ifndef UCR_COMMON_TIMESTAMP_H
#define UCR_COMMON_TIMESTAMP_H

#include <stdint.h>

#define TIMESTAMP_MAX 31 /* "2016-10-06T00:17:09.669794202Z" and a NUL */
#define TIMESTAMP_SECOND 1000000000LL

int64_t timestamp_now(void);

/* From 1970 on, as far as the nanoseconds reach (2262); before counts as 1970. Returns `ret`. */
const char *timestamp_format(int64_t ns, char ret[TIMESTAMP_MAX]);

/* RFC 3339 with any number of fractional digits and "Z" or an offset; the date alone is
 * its midnight in UTC. -EINVAL for anything else, and outside 1970 to 2262. */
int timestamp_parse(const char *text, int64_t *ret) __attribute__((warn_unused_result));

#endif
