/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/fd.h"
#include "images/helper-user.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define NOBODY 65534

static const struct {
	const char *passwd;
	uint32_t uid, gid;
} rows[] = {
	{ "root:x:0:0::/:\nucr:x:980:981:ucr:/var/lib/ucr:/sbin/nologin\n", 980, 981 },
	{ "ucr:x:980:981", 980, 981 },
	{ "root:x:0:0::/:\n", NOBODY, NOBODY },
	{ "", NOBODY, NOBODY },
	{ "ucrx:x:980:981::/:\nxucr:x:980:981::/:\n", NOBODY, NOBODY },
	{ "ucr:x:0:981::/:\n", NOBODY, NOBODY },
	{ "ucr:x:980:0::/:\n", NOBODY, NOBODY },
	{ "ucr:x:4294967295:981::/:\n", NOBODY, NOBODY },
	{ "ucr:x:-1:981::/:\n", NOBODY, NOBODY },
	{ "ucr:x:980\nucr\nucr:\n\n:::\n", NOBODY, NOBODY },
	{ "ucr:x\nucr:x:12:13::/:\n", 12, 13 },
};

static void test_find(void **state)
{
	char dir[] = "/tmp/ucr-user-XXXXXX";
	int dirfd, fd;

	assert_non_null(mkdtemp(dir));
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dirfd >= 0);
	assert_int_equal(helper_user_find(dirfd).uid, NOBODY); /* no file at all */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct helper_user user;

		fd = openat(
			dirfd, "passwd", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		assert_int_equal(
			fd_write_all(fd, rows[i].passwd, strlen(rows[i].passwd)), 0);
		(void)close(fd);
		user = helper_user_find(dirfd);
		assert_int_equal(user.uid, rows[i].uid);
		assert_int_equal(user.gid, rows[i].gid);
	}
	assert_int_equal(unlinkat(dirfd, "passwd", 0), 0);
	(void)close(dirfd);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
