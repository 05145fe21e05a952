/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "images/http-rate.h"

#define PIECE 16384

/* How much comes in `seconds` by pieces, each taken as soon as it may be. */
static uint64_t take_for(struct http_rate *rate, int64_t *now_us, int64_t seconds)
{
	int64_t end = *now_us + seconds * 1000000;
	uint64_t taken = 0;

	while (*now_us < end) {
		if (http_rate_is_spent(rate, *now_us)) {
			*now_us += (int64_t)http_rate_wait_ms(rate, *now_us) * 1000;
			continue;
		}
		http_rate_spend(rate, PIECE, *now_us);
		taken += PIECE;
	}
	return taken;
}

static void test_rates(void **state)
{
	static const uint64_t rates[] = { 1000, 100000, 1 << 20, 1 << 30 };

	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct http_rate rate = { .bytes = rates[i] };
		int64_t now_us = 7;
		uint64_t taken = take_for(&rate, &now_us, 20);

		assert_true(taken >= rates[i] * 19);
		assert_true(taken <= rates[i] * 21 + 2 * PIECE);
	}
}

static void test_idle(void **state)
{
	struct http_rate rate = { .bytes = 1 << 20 };
	int64_t now_us = 5;

	(void)take_for(&rate, &now_us, 1);
	now_us += 3600LL * 1000000; /* time in which nothing came is no credit */
	assert_true(take_for(&rate, &now_us, 10) <= 11 << 20);
}

static void test_no_limit(void **state)
{
	struct http_rate rate = { 0 };

	http_rate_spend(&rate, SIZE_MAX, 5);
	assert_false(http_rate_is_spent(&rate, 5));
	assert_int_equal(http_rate_wait_ms(&rate, 5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_no_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
