/* SPDX-License-Identifier: Apache-2.0 */
#include "images/http-rate.h"

#include <limits.h>

#define SECOND_US 1000000
#define OWED_MAX_US 100000 /* so that not every piece is waited for by itself */

void http_rate_spend(struct http_rate *rate, size_t bytes, int64_t now_us)
{
	if (!rate->bytes)
		return;
	if (rate->paid_until_us < now_us)
		rate->paid_until_us = now_us;
	rate->paid_until_us += (int64_t)((double)bytes * SECOND_US / (double)rate->bytes);
}

bool http_rate_is_spent(const struct http_rate *rate, int64_t now_us)
{
	return rate->paid_until_us > now_us + OWED_MAX_US;
}

int http_rate_wait_ms(const struct http_rate *rate, int64_t now_us)
{
	int64_t us = rate->paid_until_us - now_us;

	if (us <= 0)
		return 0;
	return us / 1000 >= INT_MAX ? INT_MAX : (int)(us / 1000) + 1;
}
