/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/fd.h"
#include "images/tar-out.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
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

/* All that a member's headers are, as one string. */
static void headers(const struct tar_member *m, char *ret, size_t room)
{
	int fd = memfd_create("tar", MFD_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	assert_int_equal(tar_out_member(fd, m), 0);
	n = pread(fd, ret, room, 0);
	assert_true(n >= 512 && n % 512 == 0 && (size_t)n < room);
	ret[n] = '\0';
	(void)close(fd);
}

/* What fits a ustar header has no other. */
static void test_plain_member(void **state)
{
	const struct tar_member m = { .type = TAR_CHAR,
		.path = "dev/null",
		.mode = S_IFCHR | 0666,
		.uid = 07777777,
		.gid = 5,
		.mtime = { .tv_sec = 8 },
		.rdev = makedev(1, 3) };
	char h[4096] = { 0 };

	headers(&m, h, sizeof(h));
	assert_string_equal(h, "dev/null");
	assert_string_equal(h + 100, "0000666");
	assert_string_equal(h + 108, "7777777");
	assert_string_equal(h + 136, "00000000010");
	assert_int_equal(h[156], '3');
	assert_string_equal(h + 329, "0000001");
	assert_string_equal(h + 337, "0000003");
}

static void assert_record(const struct tar_member *m, const char *record)
{
	char h[8192] = { 0 };

	headers(m, h, sizeof(h));
	assert_int_equal(h[156], 'x');
	if (!strstr(h + 512, record))
		fail_msg("%s is not in %s", record, h + 512);
}

static void test_records(void **state)
{
	struct tar_member m = { .type = TAR_FILE, .path = "a" };
	cleanup_buf struct buf records = BUF_INIT;
	char path[120] = { 0 };

	m.uid = 010000000;
	assert_record(&m, "15 uid=2097152\n");
	m.uid = 0;
	m.mtime = (struct timespec){ -2, 500000000 };
	assert_record(&m, "22 mtime=-1.500000000\n");
	m.mtime = (struct timespec){ -1, 750000000 };
	assert_record(&m, "22 mtime=-0.250000000\n");
	m.mtime = (struct timespec){ -100, 0 };
	assert_record(&m, "24 mtime=-100.000000000\n");
	m.mtime = (struct timespec){ 5, 1 };
	assert_record(&m, "21 mtime=5.000000001\n");
	m.mtime = (struct timespec){ 0 };
	memset(path, 'p', 101);
	m.link = path;
	assert_record(&m, "115 linkpath=ppp");
	m.link = NULL;
	m.path = path;
	assert_record(&m, "111 path=ppp");
	m.path = "a";
	tar_out_record(&records, TAR_XATTR "user.k", "v\nw", 3);
	m.records = &records;
	assert_record(&m, "27 SCHILY.xattr.user.k=v\nw\n");
}

/* The length of a record counts its own digits. */
static void test_record_lengths(void **state)
{
	char value[1100] = { 0 };

	memset(value, 'v', sizeof(value));
	for (size_t len = 0; len < sizeof(value); len++) {
		cleanup_buf struct buf b = BUF_INIT;

		tar_out_record(&b, "k", value, len);
		assert_int_equal(buf_finish(&b), 0);
		assert_int_equal(strtoul(b.data, NULL, 10), b.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_plain_member),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_record_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
