/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One rate for all that is downloaded at a time, however many transfers that are: what has come is
 * paid for with time, and while too much of that is owed, transfers pause.
 */
#ifndef UCR_IMAGES_HTTP_RATE_H
#define UCR_IMAGES_HTTP_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_rate {
	uint64_t bytes;	       /* a second; 0: no limit */
	int64_t paid_until_us; /* when what has come is paid for */
};

/* `now_us`: of a clock that does not jump. */
void http_rate_spend(struct http_rate *rate, size_t bytes, int64_t now_us);
/* Nothing more may come now. */
bool http_rate_is_spent(const struct http_rate *rate, int64_t now_us);
/* How long who paused has to wait until all is paid for; 0: no longer. */
int http_rate_wait_ms(const struct http_rate *rate, int64_t now_us);

#endif
