/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/fd.h"
#include "images/tar-out.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE_AT 124

/* The header of a member of this size. */
static void header(uint64_t size, char ret[512])
{
	int fd = memfd_create("tar", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(tar_out_begin(fd, "a/b", size), 0);
	assert_int_equal(pread(fd, ret, 512, 0), 512);
	(void)close(fd);
}

static void test_size(void **state)
{
	static const char binary[12] = { (char)0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1 };
	char h[512];

	header(1234, h);
	assert_string_equal(h, "a/b");
	assert_string_equal(h + SIZE_AT, "00000002322");
	header((UINT64_C(1) << 33) - 1, h);
	assert_string_equal(h + SIZE_AT, "77777777777");
	header((UINT64_C(1) << 33) + 1, h);
	assert_memory_equal(h + SIZE_AT, binary, sizeof(binary));
}

static void test_padding(void **state)
{
	static const struct {
		uint64_t size;
		off_t padding;
	} rows[] = { { 0, 0 }, { 1, 511 }, { 512, 0 }, { 513, 511 }, { 1023, 1 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = memfd_create("tar", MFD_CLOEXEC);

		assert_true(fd >= 0);
		assert_int_equal(tar_out_end(fd, rows[i].size), 0);
		assert_int_equal(lseek(fd, 0, SEEK_END), rows[i].padding);
		(void)close(fd);
	}
}

static void test_long_name(void **state)
{
	char name[102] = { 0 };

	memset(name, 'x', 101);
	assert_int_equal(tar_out_begin(-1, name, 0), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_long_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
