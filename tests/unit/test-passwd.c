/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "isolators/passwd.h"
#include "isolators/subids.h"

#include <errno.h>
#include <sys/stat.h>

static const char passwd[] = "# a comment\n"
			     "root:x:0:0:root:/root:/bin/sh\n"
			     ":x:5:5::/:\n"
			     "broken:x:one:1\n"
			     "huge:x:4294967295:1::/h:\n"
			     "wrap:x:4294967296:1::/h:\n"
			     "alice:x:1000:1000:A:/home/alice:/bin/sh\n"
			     "1000:x:0:0:trap:/trap:/bin/sh\n"
			     "nohome:x:1001:1001\n"
			     "relative:x:1002:1002::../../etc:/bin/sh";
static const char group[] = "root:x:0:\n"
			    "wheel:x:10:alice,bob\n"
			    "dup:x:10:alice\n"
			    "audio:x:29:malice,alice\n"
			    "none:x:30:alic,alicee\n"
			    "short:x\n"
			    "bad:x:-1:alice\n"
			    "1000:x:77:\n";

static void test_resolve(void **state)
{
	static const struct {
		const char *user;
		uint32_t uid, gid;
		size_t groups;
		const char *home;
	} cases[] = {
		{ "root", 0, 0, 0, "/root" },
		{ "", 0, 0, 0, "/root" },
		{ ":", 0, 0, 0, "/root" },
		{ "alice", 1000, 1000, 2, "/home/alice" },
		{ "alice:wheel", 1000, 10, 0, "/home/alice" },
		{ "alice:7", 1000, 7, 0, "/home/alice" },
		{ "1000", 1000, 1000, 2,
			"/home/alice" }, /* never the user named "1000" */
		{ "1000:1000", 1000, 1000, 0, "/home/alice" },
		{ "4711", 4711, 0, 0, NULL },
		{ "4711:29", 4711, 29, 0, NULL },
		{ "nohome", 1001, 1001, 0, NULL },
		{ "relative", 1002, 1002, 0, NULL },
		{ ":wheel", 0, 10, 0, "/root" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_with(identity_done) struct identity identity = { 0 };
		struct err err = { 0 };

		if (passwd_resolve(passwd, group, cases[i].user, &identity, &err) < 0)
			fail_msg("%s: %s", cases[i].user, err.text);
		assert_int_equal(identity.uid, cases[i].uid);
		assert_int_equal(identity.gid, cases[i].gid);
		assert_int_equal(identity.group_count, cases[i].groups);
		if (cases[i].home)
			assert_string_equal(identity.home, cases[i].home);
		else
			assert_null(identity.home);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *user;
		int code;
	} cases[] = {
		{ "mallory", ENOENT },
		{ "alice:mallory", ENOENT },
		{ "broken", ENOENT },
		{ "huge", ENOENT },
		{ "wrap", ENOENT },
		{ "4294967295", ERANGE },
		{ "4294967296", ERANGE },
		{ "99999999999999999999", ERANGE },
		{ "0:4294967295", ERANGE },
		{ "-1", ENOENT },
		{ "+0", ENOENT },
		{ "0x0", ENOENT },
		{ " 0", ENOENT },
		{ "alice:wheel:more", ENOENT },
		{ "\x1b[2Jalice", ENOENT },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct identity identity = { .uid = 42 };
		struct err err = { 0 };

		assert_int_equal(
			passwd_resolve(passwd, group, cases[i].user, &identity, &err),
			-cases[i].code);
		assert_int_equal(identity.uid, 42);
		assert_null(strchr(err.text, '\x1b'));
	}
}

static void test_too_many_groups(void **state)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct identity identity = { 0 };
	struct err err;

	for (int i = 0; i < PASSWD_GROUPS_MAX; i++)
		buf_printf(&b, "g%d:x:%d:alice\n", i, 100 + i);
	assert_int_equal(passwd_resolve(passwd, b.data, "alice", &identity, &err), 0);
	assert_int_equal(identity.group_count, PASSWD_GROUPS_MAX);
	identity_done(&identity);
	buf_puts(&b, "straw:x:99:alice\n");
	assert_int_equal(
		passwd_resolve(passwd, b.data, "alice", &identity, &err), -E2BIG);
}

/* A FIFO must not block, a link must not leave the root, a big file must not be read. */
static void test_hostile_files(void **state)
{
	char dir[32];
	cleanup_close int fd = unit_tmpdir(dir);
	cleanup_free char *text = NULL;
	cleanup_close int big = -1;
	struct err err;

	assert_int_equal(passwd_read(fd, "/etc/passwd", &text, &err), 0);
	assert_string_equal(text, "");
	assert_int_equal(mkdirat(fd, "etc", 0755), 0);
	assert_int_equal(mkfifoat(fd, "etc/fifo", 0644), 0);
	assert_int_equal(symlinkat("../../../../../../etc/passwd", fd, "etc/link"), 0);
	assert_int_equal(symlinkat("/proc/self/fd/0", fd, "etc/magic"), 0);
	big = openat(fd, "etc/big", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	assert_int_equal(ftruncate(big, PASSWD_SIZE_MAX + 1), 0);
	free(take_ptr(text));
	assert_int_equal(passwd_read(fd, "/etc/fifo", &text, &err), -EINVAL);
	assert_int_equal(passwd_read(fd, "/etc/big", &text, &err), -EFBIG);
	assert_int_equal(passwd_read(fd, "/etc", &text, &err), -EINVAL);
	assert_int_equal(passwd_read(fd, "/etc/link", &text, &err), 0);
	assert_string_equal(text, "");
	assert_int_equal(fd_remove_tree(AT_FDCWD, dir), 0);
}

static void test_names(void **state)
{
	cleanup_free char *name = passwd_name(passwd, 1000),
			  *home = passwd_home(passwd, 0);

	assert_string_equal(name, "alice");
	assert_string_equal(home, "/root");
	assert_null(passwd_name(passwd, 1));
	assert_null(passwd_home(passwd, 1002));
}

static void test_subids(void **state)
{
	static const char text[] =
		"# ranges\nalice:100000:65536\nbob:200000:65536\n"
		"alice:bad:1\nalice:1:\nalice:1:1:1\nalice:4294967290:10\n"
		"1000:300000:10\nalice:5:0";
	struct spec_id_maps maps = { 0 };

	assert_int_equal(subids_append(text, "alice", 1000, 1, &maps), 0);
	assert_int_equal(maps.count, 2);
	assert_int_equal(maps.items[0].container_id, 1);
	assert_int_equal(maps.items[0].host_id, 100000);
	assert_int_equal(maps.items[1].container_id, 65537);
	assert_int_equal(maps.items[1].host_id, 300000);
	assert_int_equal(maps.items[1].size, 10);
	assert_int_equal(subids_append(text, NULL, 7, 1, &maps), 0);
	assert_int_equal(maps.count, 2);
	free(maps.items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_many_groups),
		cmocka_unit_test(test_hostile_files),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_subids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
