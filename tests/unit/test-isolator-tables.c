/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of names: mount options, namespaces, limits, parameters, capabilities, sets. */
#include "tests/unit/unit.h"

#include "common/cleanup.h"
#include "isolators/caps.h"
#include "isolators/filesystem.h"
#include "isolators/mount-options.h"
#include "isolators/namespaces.h"
#include "isolators/overlay.h"
#include "isolators/rlimits.h"
#include "isolators/schedule.h"
#include "isolators/sysctl.h"

#include <errno.h>
#include <sched.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/resource.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static void parse(char *const *list, struct mount_options *ret)
{
	struct err err;

	assert_int_equal(mount_options_parse(list, ret, &err), 0);
}

static void test_mount_options(void **state)
{
	char *list[] = { (char *)"ro", (char *)"nosuid", (char *)"rnodev",
		(char *)"noatime", (char *)"rslave", (char *)"rbind", (char *)"size=64k",
		(char *)"sync", (char *)"ridmap", (char *)"", (char *)"defaults", NULL };
	cleanup_with(mount_options_done) struct mount_options o = { 0 };

	parse(list, &o);
	assert_int_equal(
		o.own.set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOATIME);
	assert_int_equal(o.own.clear, MOUNT_ATTR__ATIME);
	assert_int_equal(o.recursive.set, MOUNT_ATTR_NODEV);
	assert_int_equal(o.propagation, MS_SLAVE | MS_REC);
	assert_true(o.is_bind && o.is_recursive && o.idmap == MOUNT_IDMAP_RECURSIVE);
	assert_int_equal(strv_len(o.data), 1);
	assert_string_equal(o.data[0], "size=64k");
	assert_int_equal(strv_len(o.flags), 1);
}

static void test_last_option_wins(void **state)
{
	char *list[] = { (char *)"ro", (char *)"rw", (char *)"suid", (char *)"nosuid",
		(char *)"noatime", (char *)"relatime", NULL };
	cleanup_with(mount_options_done) struct mount_options o = { 0 };

	parse(list, &o);
	assert_int_equal(o.own.set, MOUNT_ATTR_NOSUID);
	assert_int_equal(o.own.clear, MOUNT_ATTR_RDONLY | MOUNT_ATTR__ATIME);
}

/* Every option that config.md of the runtime specification lists is known, not taken as data. */
static void test_all_options_known(void **state)
{
	static const char *const wanted[] = { "async", "atime", "bind", "defaults", "dev",
		"diratime", "dirsync", "exec", "idmap", "iversion", "lazytime", "loud",
		"mand", "noatime", "nodev", "nodiratime", "noexec", "noiversion",
		"nolazytime", "nomand", "norelatime", "nostrictatime", "nosuid",
		"nosymfollow", "private", "ratime", "rbind", "rdev", "rdiratime",
		"relatime", "remount", "rexec", "ridmap", "rnoatime", "rnodev",
		"rnodiratime", "rnoexec", "rnorelatime", "rnostrictatime", "rnosuid",
		"rnosymfollow", "ro", "rprivate", "rrelatime", "rro", "rrw", "rshared",
		"rslave", "rstrictatime", "rsuid", "rsymfollow", "runbindable", "rw",
		"shared", "silent", "slave", "strictatime", "suid", "symfollow", "sync",
		"tmpcopyup", "unbindable" };

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		char *list[] = { (char *)wanted[i], NULL };
		cleanup_with(mount_options_done) struct mount_options o = { 0 };

		parse(list, &o);
		if (o.data)
			fail_msg("%s is unknown", wanted[i]);
	}
	for (size_t i = 0; mount_option_name(i); i++) {
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(
				mount_option_name(i), mount_option_name(k));
	}
}

static void test_namespace_types(void **state)
{
	static const struct {
		const char *name;
		uint64_t flag;
		const char *proc_name;
	} wanted[] = {
		{ "pid", CLONE_NEWPID, "pid" },
		{ "network", CLONE_NEWNET, "net" },
		{ "mount", CLONE_NEWNS, "mnt" },
		{ "ipc", CLONE_NEWIPC, "ipc" },
		{ "uts", CLONE_NEWUTS, "uts" },
		{ "user", CLONE_NEWUSER, "user" },
		{ "cgroup", CLONE_NEWCGROUP, "cgroup" },
		{ "time", CLONE_NEWTIME, "time" },
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		const struct namespace_type *type =
			namespace_type_by_name(wanted[i].name);

		assert_non_null(type);
		assert_int_equal(type->flag, wanted[i].flag);
		assert_string_equal(type->proc_name, wanted[i].proc_name);
		assert_ptr_equal(namespace_type_by_flag(type->flag), type);
	}
	assert_null(namespace_type_by_name("net"));
	assert_null(namespace_type_at(8));
}

/* What the child makes later is no flag of the clone. */
static void test_clone_flags(void **state)
{
	struct spec_namespace items[] = { { (char *)"pid", NULL },
		{ (char *)"cgroup", NULL }, { (char *)"time", NULL },
		{ (char *)"uts", (char *)"/proc/self/ns/uts" } };
	const struct spec_namespaces list = { items, 4 };
	struct namespaces *n = NULL;
	struct err err;

	assert_int_equal(namespaces_new(&list, &n, &err), 0);
	assert_int_equal(namespaces_clone_flags(n), CLONE_NEWPID);
	assert_true(namespaces_is_new(n, CLONE_NEWCGROUP) &&
		    !namespaces_is_new(n, CLONE_NEWUTS));
	assert_true(namespaces_is_own(n, CLONE_NEWUTS) && namespaces_must_join(n));
	assert_false(namespaces_is_own(n, CLONE_NEWNET));
	namespaces_free(n);
	items[3].path = (char *)"proc/self/ns/uts";
	assert_int_equal(namespaces_new(&list, &n, &err), -EINVAL);
	items[3].path = (char *)"/proc/self/ns/ipc";
	assert_int_equal(namespaces_new(&list, &n, &err), -EINVAL);
}

static void test_sysctl(void **state)
{
	static const struct {
		const char *name;
		uint64_t flag;
		const char *path;
	} cases[] = {
		{ "net.core.somaxconn", CLONE_NEWNET, "net/core/somaxconn" },
		{ "net/core/somaxconn", CLONE_NEWNET, "net/core/somaxconn" },
		{ "net.ipv4.conf.eth0/1.forwarding", CLONE_NEWNET,
			"net/ipv4/conf/eth0.1/forwarding" },
		{ "net/ipv4/conf/eth0.1/forwarding", CLONE_NEWNET,
			"net/ipv4/conf/eth0.1/forwarding" },
		{ "kernel.shmmax", CLONE_NEWIPC, "kernel/shmmax" },
		{ "fs.mqueue.msg_max", CLONE_NEWIPC, "fs/mqueue/msg_max" },
		{ "kernel.domainname", CLONE_NEWUTS, "kernel/domainname" },
		{ "user.max_user_namespaces", CLONE_NEWUSER, "user/max_user_namespaces" },
		{ "kernel.shmmax2", 0, NULL },
		{ "kernel.core_pattern", 0, NULL },
		{ "kernel", 0, NULL },
		{ "net", 0, NULL },
		{ "net.", 0, NULL },
		{ "", 0, NULL },
		{ ".net.core", 0, NULL },
		{ "net..core", 0, NULL },
		{ "net/../kernel/core_pattern", 0, NULL },
		{ "net/./core", 0, NULL },
		{ "net.ipv4.//.kernel", 0, NULL },
		{ "vm.overcommit_memory", 0, NULL },
		{ "fs.file-max", 0, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_free char *path = NULL;

		if (sysctl_namespace(cases[i].name, &path) != cases[i].flag)
			fail_msg("%s", cases[i].name);
		if (cases[i].path)
			assert_string_equal(path, cases[i].path);
	}
}

static void test_limits(void **state)
{
	assert_int_equal(rlimit_by_name("RLIMIT_NOFILE"), RLIMIT_NOFILE);
	assert_int_equal(rlimit_by_name("RLIMIT_RTTIME"), RLIMIT_RTTIME);
	assert_int_equal(rlimit_by_name("NOFILE"), -1);
	assert_int_equal(rlimit_by_name("RLIMIT_"), -1);
}

static void test_caps(void **state)
{
	char *list[] = { (char *)"CAP_CHOWN", (char *)"CAP_NET_ADMIN", (char *)"CAP_CAKE",
		(char *)"cap_kill", NULL };
	struct notes notes = { 0 };
	char name[CAPS_NAME_ROOM];

	assert_int_equal(caps_parse(list, &notes),
		1ULL << CAP_CHOWN | 1ULL << CAP_NET_ADMIN | 1ULL << CAP_KILL);
	assert_int_equal(strv_len(notes.lines), 1);
	assert_non_null(strstr(notes.lines[0], "CAP_CAKE"));
	notes_done(&notes);
	assert_true(caps_name(CAP_NET_ADMIN, name));
	assert_string_equal(name, "CAP_NET_ADMIN");
	assert_false(caps_name(63, name));
}

static void test_number_sets(void **state)
{
	static const char *const bad[] = { "", ",", "1,", "a", "3-1", "-1", "1-", "1-2-3",
		"4096", "0-4096", "99999999999" };
	struct number_set set = { { 7 } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(number_set_parse(bad[i], &set) < 0);
	assert_int_equal(set.bits[0], 7);
	assert_int_equal(number_set_parse("0-2,5,64", &set), 0);
	assert_int_equal(set.bits[0], 0x27);
	assert_int_equal(set.bits[1], 1);
	assert_int_equal(number_set_parse("4095", &set), 0);
}

/* The last layer of the list is the first that overlayfs looks into. */
static void test_lowerdir(void **state)
{
	const int fds[] = { 3, 44, 5 };
	const struct rootfs rootfs = { .lower_fds = fds, .lower_count = 3 };
	cleanup_free char *full = overlay_lowerdir(&rootfs, OVERLAY_FULL_NAMES);
	cleanup_free char *small = overlay_lowerdir(&rootfs, OVERLAY_SHORT_NAMES);

	assert_string_equal(full, "/proc/self/fd/5:/proc/self/fd/44:/proc/self/fd/3");
	assert_string_equal(small, "5:44:3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mount_options),
		cmocka_unit_test(test_last_option_wins),
		cmocka_unit_test(test_all_options_known),
		cmocka_unit_test(test_namespace_types),
		cmocka_unit_test(test_clone_flags),
		cmocka_unit_test(test_sysctl),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_number_sets),
		cmocka_unit_test(test_lowerdir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
