/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/array.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

static void test_grows(void **state)
{
	size_t count = 0, room = 0;
	uint32_t *items = NULL;

	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(array_grow(&items, count, &room, sizeof(*items)), 0);
		assert_true(count < room);
		items[count++] = i;
	}
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(items[i], i);
	free(items);
}

static void test_too_much(void **state)
{
	size_t room = SIZE_MAX / 16;
	char(*items)[64] = NULL;

	assert_int_equal(array_grow(&items, room, &room, sizeof(*items)), -ENOMEM);
	assert_null(items);
	assert_int_equal(room, SIZE_MAX / 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
