/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/fd.h"
#include "images/zip.h"

#include <errno.h>
#include <string.h>

/* A stored member "f" of "hi", its directory, the end. */
static const uint8_t good[] = { 'P', 'K', 3, 4, 10, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x28, 0xac,
	0x2a, 0x93, 0xd8, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 'f', 'h', 'i', 'P', 'K', 1,
	2, 10, 3, 10, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x28, 0xac, 0x2a, 0x93, 0xd8, 2, 0, 0, 0,
	2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xa4, 0x81, 0, 0, 0, 0, 'f', 'P',
	'K', 5, 6, 0, 0, 0, 0, 1, 0, 1, 0, 47, 0, 0, 0, 33, 0, 0, 0, 0, 0 };

#define LOCAL_SIZE_AT 18
#define LOCAL_NAME_AT 30
#define CENTRAL_FLAGS_AT 41
#define CENTRAL_OFFSET_AT 75

/* zip_check() of the good one with one byte changed. */
static int check(size_t at, uint8_t value, struct err *err)
{
	uint8_t bytes[sizeof(good)];
	struct unpack_limits limits;
	cleanup_close int fd = -1;

	unpack_limits_init(&limits);
	memcpy(bytes, good, sizeof(good));
	bytes[at] = value;
	fd = fd_memfd_sealed("zip", bytes, sizeof(bytes));
	assert_true(fd >= 0);
	return zip_check(fd, sizeof(bytes), &limits, err);
}

static void test_reads_one_way(void **state)
{
	struct err err = { 0 };

	assert_int_equal(check(0, 'P', &err), 0);
}

static void test_reads_two_ways(void **state)
{
	struct err err = { 0 };

	assert_int_equal(check(LOCAL_NAME_AT, 'g', &err), -EBADMSG);
	assert_non_null(strstr(err.text, "two ways"));
	assert_int_equal(check(LOCAL_SIZE_AT, 1, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "two sizes"));
}

static void test_refused(void **state)
{
	struct err err = { 0 };

	assert_int_equal(check(CENTRAL_FLAGS_AT, 1, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "encrypted"));
	assert_int_equal(check(CENTRAL_OFFSET_AT, 200, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "outside"));
}

/* Wherever a byte is another one, the answer is one, and a refusal says why. */
static void test_every_byte(void **state)
{
	for (size_t at = 0; at < sizeof(good); at++) {
		struct err err = { 0 };

		if (check(at, (uint8_t)~good[at], &err) < 0)
			assert_true(*err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_one_way),
		cmocka_unit_test(test_reads_two_ways),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
