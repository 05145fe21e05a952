/* SPDX-License-Identifier: Apache-2.0 */
/* All isolators at once, against the real kernel, looked at from inside. */
#include "tests/unit/isolate-fixture.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <linux/magic.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <time.h>

/* ---- everything at once --------------------------------------------------------------------- */

static int look_at_devices(struct err *err)
{
	char link[64] = "";

	want(is_device("/dev/null", 1, 3) && is_device("/dev/urandom", 1, 9));
	want(is_device("/dev/tty", 5, 0));
	want(is_device("/dev/own/loop", 7, 200) == false);
	want(readlink("/dev/ptmx", link, sizeof(link) - 1) == 8 &&
		str_eq(link, "pts/ptmx"));
	want(has_magic("/dev/shm", TMPFS_MAGIC) && is_readonly("/dev/shm"));
	want(has_magic("/dev/pts", DEVPTS_SUPER_MAGIC));
	want(!is_readonly("/dev"));
	return 0;
}

static int look_at_masks(struct err *err)
{
	char text[64];

	want(is_device("/proc/timer_list", 1, 3));
	want(is_readonly("/sys/firmware") && access("/sys/firmware/acpi", F_OK) < 0);
	want(is_readonly("/proc/sys") && !is_readonly("/proc"));
	want(fd_read_kernel_file(
		     AT_FDCWD, "/proc/sys/net/core/somaxconn", text, sizeof(text)) == 0);
	want(str_eq(text, "321\n"));
	return 0;
}

static int look_at_identity(struct err *err)
{
	cap_flag_value_t is_set = CAP_SET;
	cap_t caps = cap_get_proc();
	gid_t group = 0;

	want(getuid() == 1234 && getgid() == 1235 && getgroups(1, &group) == 1 &&
		group == 29);
	want(cap_get_flag(caps, CAP_NET_BIND_SERVICE, CAP_EFFECTIVE, &is_set) == 0 &&
		is_set == CAP_SET);
	want(cap_get_flag(caps, CAP_CHOWN, CAP_PERMITTED, &is_set) == 0 &&
		is_set == CAP_CLEAR);
	want(cap_get_ambient(CAP_NET_BIND_SERVICE) == CAP_SET);
	want(cap_get_bound(CAP_SYS_ADMIN) == CAP_CLEAR &&
		cap_get_bound(CAP_CHOWN) == CAP_SET);
	(void)cap_free(caps);
	want(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	return 0;
}

static bool loopback_is_up(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP);
}

static int look_at_all(const struct isolation *isolation, struct err *err)
{
	struct utsname uts;
	struct rlimit limit;
	char text[256];

	want(uname(&uts) == 0 && str_eq(uts.nodename, "inside"));
	want(getpid() == 1 && access("/proc/1/status", F_OK) == 0);
	want(loopback_is_up());
	want(getcwd(text, sizeof(text)) && str_eq(text, "/work"));
	want(mkdir("/new", 0755) < 0 && errno == EROFS);
	want(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 100);
	want(count_lines("/proc/self/mountinfo") >= 8 &&
		count_lines("/proc/self/mountinfo") < 24);
	want(access("/home", F_OK) < 0);
	want(str_eq(strv_env_get(isolation->process->env, "HOME"), "/home/alice"));
	want(fd_read_kernel_file(
		     AT_FDCWD, "/proc/self/oom_score_adj", text, sizeof(text)) == 0);
	want(str_eq(text, "500\n"));
	if (look_at_devices(err) < 0 || look_at_masks(err) < 0)
		return -err->code;
	return look_at_identity(err);
}

static void test_everything(void **state)
{
	struct bundle *b = *state;
	const struct parts parts = {
		.root = ",\"readonly\":true",
		.cwd = "/work",
		.process =
			",\"noNewPrivileges\":true,\"oomScoreAdj\":500,"
			"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":100,\"hard\":200}],"
			"\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_NET_BIND_"
			"SERVICE\"],\"effective\":[\"CAP_NET_BIND_SERVICE\"],"
			"\"permitted\":[\"CAP_NET_BIND_SERVICE\"],"
			"\"inheritable\":[\"CAP_NET_BIND_SERVICE\"],"
			"\"ambient\":[\"CAP_NET_BIND_SERVICE\"]}",
		.more_linux =
			",\"maskedPaths\":[\"/proc/timer_list\",\"/sys/firmware\",\"/"
			"proc/acpi\",\"/absent\"],\"readonlyPaths\":[\"/proc/sys\",\"/absent/too\"],"
			"\"sysctl\":{\"net.core.somaxconn\":\"321\"},"
			"\"devices\":[{\"path\":\"/dev/own/"
			"fifo\",\"type\":\"p\",\"uid\":7,\"fileMode\":384}]",
		.more = ",\"hostname\":\"inside\"",
	};
	cleanup_free char *text = config(&parts);
	struct box box = { .config = text,
		.bundle_dirfd = b->fd,
		.user = "alice",
		.look = look_at_all };

	skip_unless_possible();
	run_box(&box);
}

/* ---- user namespaces -------------------------------------------------------------------------- */

static int look_at_userns(const struct isolation *isolation, struct err *err)
{
	struct stat st;

	want(getuid() == 0 && getgid() == 0);
	want(is_device("/dev/null", 1, 3));
	want(open("/dev/null", O_RDWR | O_CLOEXEC) >= 0);
	want(stat("/dev/shm", &st) == 0 && st.st_uid == 0);
	want(getpid() == 1 && has_magic("/proc", PROC_SUPER_MAGIC));
	want(access("/proc/timer_list", F_OK) < 0 || is_device("/proc/timer_list", 1, 3));
	want(strv_len(isolation->process->env) == 1);
	return 0;
}

static void test_user_namespace_of_root(void **state)
{
	struct bundle *b = *state;
	const struct parts parts = {
		.namespaces = NAMESPACES ",{\"type\":\"user\"}",
		.more_linux =
			",\"uidMappings\":[{\"containerID\":0,\"hostID\":300000,\"size\":65536}],"
			"\"gidMappings\":[{\"containerID\":0,\"hostID\":300000,\"size\":65536}],"
			"\"maskedPaths\":[\"/proc/timer_list\",\"/proc/acpi\"]",
	};
	cleanup_free char *text = config(&parts);
	struct box box = {
		.config = text, .bundle_dirfd = b->fd, .look = look_at_userns
	};

	skip_unless_possible();
	assert_int_equal(fchownat(b->fd, "root", 300000, 300000, 0), 0);
	run_box(&box);
}

static void test_normal_user(void **state)
{
	struct bundle *b = *state;
	const struct parts parts = {
		.namespaces = NAMESPACES ",{\"type\":\"user\"}",
		.more_linux =
			",\"uidMappings\":[{\"containerID\":0,\"hostID\":4321,\"size\":1}],"
			"\"gidMappings\":[{\"containerID\":0,\"hostID\":4321,\"size\":1}],"
			"\"maskedPaths\":[\"/proc/timer_list\",\"/proc/acpi\"]",
	};
	cleanup_free char *text = config(&parts);
	struct box box = { .config = text,
		.bundle_dirfd = b->fd,
		.launcher = 4321,
		.look = look_at_userns };

	skip_unless_possible();
	assert_int_equal(fchownat(b->fd, "root", 4321, 4321, 0), 0);
	run_box(&box);
}

static void test_normal_user_needs_userns(void **state)
{
	struct bundle *b = *state;
	cleanup_free char *text = config(&(struct parts){ 0 });
	struct box box = { .config = text,
		.bundle_dirfd = b->fd,
		.launcher = 4321,
		.look = look_at_userns };

	skip_unless_possible();
	expect_error(&box, EPERM, "needs a user namespace");
}

/* ---- terminal, time, cgroups ------------------------------------------------------------------- */

static int look_at_console(const struct isolation *isolation, struct err *err)
{
	struct winsize size;
	struct stat st, console;
	char text[8] = "";

	want(isolation->console_fd > 2 && isatty(0) && isatty(1) && isatty(2));
	want(ioctl(0, TIOCGWINSZ, &size) == 0 && size.ws_row == 31 && size.ws_col == 97);
	want(fstat(0, &st) == 0 && stat("/dev/console", &console) == 0);
	want(st.st_rdev == console.st_rdev && major(st.st_rdev) == 136 &&
		st.st_uid == 1234);
	want(open("/dev/tty", O_RDWR | O_CLOEXEC) >= 0);
	want(write(1, "hello", 5) == 5);
	want(read(isolation->console_fd, text, sizeof(text) - 1) == 5 &&
		str_eq(text, "hello"));
	return 0;
}

static void test_console(void **state)
{
	struct bundle *b = *state;
	cleanup_free char *text = config(&(struct parts){ .ids = "\"uid\":1234,\"gid\":0",
		.process =
			",\"terminal\":true,\"consoleSize\":{\"height\":31,\"width\":97}" });
	struct box box = {
		.config = text, .bundle_dirfd = b->fd, .look = look_at_console
	};

	skip_unless_possible();
	run_box(&box);
}

static void test_console_needs_devpts(void **state)
{
	struct bundle *b = *state;
	cleanup_free char *text = config(&(struct parts){
		.mounts = "{\"destination\":\"/proc\",\"type\":\"proc\"}",
		.process = ",\"terminal\":true" });
	struct box box = {
		.config = text, .bundle_dirfd = b->fd, .look = look_at_nothing
	};

	skip_unless_possible();
	assert_int_equal(mkdirat(b->fd, "root/dev", 0755), 0);
	assert_int_equal(mkdirat(b->fd, "root/dev/pts", 0755), 0);
	expect_error(&box, ENOENT, "devpts");
}

static int look_at_clock(const struct isolation *isolation, struct err *err)
{
	struct timespec now;

	want(clock_gettime(CLOCK_BOOTTIME, &now) == 0 && now.tv_sec > 86400000);
	return 0;
}

static void test_time_namespace(void **state)
{
	struct bundle *b = *state;
	cleanup_free char *text = config(&(struct parts){
		.namespaces = NAMESPACES ",{\"type\":\"time\"}",
		.more_linux = ",\"timeOffsets\":{\"boottime\":{\"secs\":86400000}}" });
	struct box box = { .config = text, .bundle_dirfd = b->fd, .look = look_at_clock };

	skip_unless_possible();
	if (access("/proc/self/ns/time", F_OK) < 0)
		skip();
	run_box(&box);
}

static int look_at_cgroups(const struct isolation *isolation, struct err *err)
{
	want(is_readonly("/sys/fs/cgroup"));
	want(access("/sys/fs/cgroup/cgroup.procs", F_OK) == 0 ||
		access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) == 0 ||
		access("/sys/fs/cgroup/memory/cgroup.procs", F_OK) == 0);
	return 0;
}

static void test_cgroup_mount(void **state)
{
	struct bundle *b = *state;
	cleanup_free char *text = config(&(struct parts){
		.mounts = MOUNTS
		",{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\","
		"\"source\":\"cgroup\",\"options\":[\"ro\",\"nosuid\"]}" });
	struct box box = {
		.config = text, .bundle_dirfd = b->fd, .look = look_at_cgroups
	};

	skip_unless_possible();
	run_box(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		isolate_test(test_everything),
		isolate_test(test_user_namespace_of_root),
		isolate_test(test_normal_user),
		isolate_test(test_normal_user_needs_userns),
		isolate_test(test_console),
		isolate_test(test_console_needs_devpts),
		isolate_test(test_time_namespace),
		isolate_test(test_cgroup_mount),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
