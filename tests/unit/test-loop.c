/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/loop.h"

#include <sys/resource.h>

struct counted {
	struct loop *loop;
	int fired, last; /* the loop is stopped when it has fired so often */
};

static int on_timer(struct loop_source *source, uint32_t events, void *arg)
{
	struct counted *counted = arg;

	if (++counted->fired == counted->last)
		loop_stop(counted->loop);
	else
		loop_set_timer(source, 1);
	return 0;
}

static void test_set_timer(void **state)
{
	struct counted counted = { .last = 3 };
	struct loop_source *timer;

	assert_int_equal(loop_new(&counted.loop), 0);
	assert_int_equal(
		loop_add_timer(counted.loop, LOOP_NEVER, 0, on_timer, &counted, &timer),
		0);
	loop_set_timer(timer, 0);
	assert_int_equal(loop_run(counted.loop), 0);
	assert_int_equal(counted.fired, 3);
	loop_free(counted.loop);
}

/* The later word counts, also of a timer that is due already. */
static void test_put_off(void **state)
{
	struct counted never = { .last = 1 }, soon = { .last = 1 };
	struct loop_source *timer;

	assert_int_equal(loop_new(&soon.loop), 0);
	never.loop = soon.loop;
	assert_int_equal(loop_add_timer(soon.loop, 0, 0, on_timer, &never, &timer), 0);
	assert_int_equal(loop_add_timer(soon.loop, 20, 0, on_timer, &soon, NULL), 0);
	loop_set_timer(timer, 1000000);
	assert_int_equal(loop_run(soon.loop), 0);
	assert_int_equal(soon.fired, 1);
	assert_int_equal(never.fired, 0);
	loop_set_timer(timer, LOOP_NEVER);
	loop_free(soon.loop);
}

static void test_no_descriptor(void **state)
{
	struct counted counted = { .last = 1 };
	struct loop_source *timer;
	struct rlimit before, none;

	assert_int_equal(loop_new(&counted.loop), 0);
	assert_int_equal(
		loop_add_timer(counted.loop, LOOP_NEVER, 0, on_timer, &counted, &timer),
		0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	loop_set_timer(timer, 1);
	assert_int_equal(loop_run(counted.loop), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(counted.fired, 1);
	loop_free(counted.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_timer),
		cmocka_unit_test(test_put_off),
		cmocka_unit_test(test_no_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
