/* SPDX-License-Identifier: Apache-2.0 */
/* All isolators at once, against the real kernel, looked at from inside. */
#include "tests/unit/unit.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/path.h"
#include "common/str.h"
#include "tests/unit/box.h"

#include <errno.h>
#include <linux/magic.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <time.h>

#define NAMESPACES                                                                       \
	"{\"type\":\"pid\"},{\"type\":\"network\"},{\"type\":\"ipc\"},{\"type\":"        \
	"\"uts\"},"                                                                      \
	"{\"type\":\"mount\"},{\"type\":\"cgroup\"}"
#define MOUNTS                                                                           \
	"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\","              \
	"\"options\":[\"nosuid\",\"nodev\",\"noexec\"]},"                                \
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","             \
	"\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]},"        \
	"{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\","       \
	"\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"gid="    \
	"5\"]},"                                                                         \
	"{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\","           \
	"\"options\":[\"nosuid\",\"ro\",\"size=1m\"]},"                                  \
	"{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\"},"   \
	"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\","             \
	"\"options\":[\"nosuid\",\"ro\"]}"

/* ---- a bundle ------------------------------------------------------------------------------- */

struct bundle {
	char path[32];
	int fd;
};

static void write_file(int dirfd, const char *name, const char *text)
{
	assert_int_equal(
		fd_replace_file(dirfd, name, text, strlen(text), 0644, FD_NO_SYNC), 0);
}

/* On a tmpfs, so that a root file system of its own lies there. */
static int setup(void **state)
{
	struct bundle *b = calloc(1, sizeof(*b));

	b->fd = unit_tmpdir(b->path);
	assert_int_equal(fchmod(b->fd, 0755), 0);
	assert_int_equal(mkdirat(b->fd, "root", 0755), 0);
	assert_int_equal(mkdirat(b->fd, "root/etc", 0755), 0);
	assert_int_equal(mkdirat(b->fd, "root/work", 0755), 0);
	assert_int_equal(mkdirat(b->fd, "volume", 0755), 0);
	write_file(b->fd, "volume/file", "from the host\n");
	write_file(b->fd, "root/etc/passwd",
		"root:x:0:0::/root:/bin/sh\nalice:x:1234:1235::/home/alice:/bin/sh\n");
	write_file(b->fd, "root/etc/group", "alice:x:1235:\naudio:x:29:alice\n");
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bundle *b = *state;

	(void)close(b->fd);
	assert_int_equal(fd_remove_tree(AT_FDCWD, b->path), 0);
	free(b);
	return 0;
}

/* Pieces of config.json; what is NULL has a plain default. */
struct parts {
	const char *root, *ids, *namespaces, *mounts, *cwd, *process, *more_linux, *more;
};

static const char *or_else(const char *s, const char *fallback)
{
	return s ? s : fallback;
}

static char *config(const struct parts *p)
{
	char *text = str_printf(
		"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"root\"%s},"
		"\"process\":{\"args\":[\"true\"],\"cwd\":\"%s\",\"user\":{%s}%s},"
		"\"mounts\":[%s],\"linux\":{\"namespaces\":[%s]%s}%s}",
		or_else(p->root, ""), or_else(p->cwd, "/"),
		or_else(p->ids, "\"uid\":0,\"gid\":0"), or_else(p->process, ""),
		or_else(p->mounts, MOUNTS), or_else(p->namespaces, NAMESPACES),
		or_else(p->more_linux, ""), or_else(p->more, ""));

	assert_non_null(text);
	return text;
}

static void run_box(struct box *box)
{
	struct err err = { 0 };

	if (box_run(box, &err) < 0)
		fail_msg("%s", err.text);
}

static void expect_error(struct box *box, int code, const char *part)
{
	struct err err = { 0 };

	assert_int_equal(box_run(box, &err), -code);
	if (!strstr(err.text, part))
		fail_msg("\"%s\" does not say \"%s\"", err.text, part);
}

#define skip_unless_possible()                                                           \
	do {                                                                             \
		if (!box_is_possible())                                                  \
			skip();                                                          \
	} while (0)

#define want(condition)                                                                  \
	do {                                                                             \
		if (!(condition))                                                        \
			return err_say(err, EINVAL, "%s:%d: not so: %s (errno %d)",      \
				__FILE__, __LINE__, #condition, errno);                  \
	} while (0)

/* ---- everything at once --------------------------------------------------------------------- */

static bool is_device(const char *path, unsigned int a, unsigned int b)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(a, b);
}

static bool has_magic(const char *path, long magic)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == magic;
}

static bool is_readonly(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (fs.f_flags & MS_RDONLY);
}

static size_t count_lines(const char *path)
{
	cleanup_free char *text = malloc(65536);
	size_t lines = 0;

	if (!text || fd_read_kernel_file(AT_FDCWD, path, text, 65536) < 0)
		return 0;
	for (const char *at = text; *at; at++)
		lines += *at == '\n';
	return lines;
}

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

static int look_at_nothing(const struct isolation *isolation, struct err *err)
{
	return 0;
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

/* ---- mounts ----------------------------------------------------------------------------------- */

static int look_at_volumes(const struct isolation *isolation, struct err *err)
{
	char text[64];

	want(fd_read_kernel_file(AT_FDCWD, "/a/b/c/file", text, sizeof(text)) == 0);
	want(str_eq(text, "from the host\n"));
	want(is_readonly("/a/b/c") && open("/a/b/c/new", O_CREAT | O_WRONLY, 0600) < 0);
	want(fd_read_kernel_file(AT_FDCWD, "/one", text, sizeof(text)) == 0);
	want(open("/one", O_WRONLY | O_CLOEXEC) >= 0);
	want(access("/etc/passwd", F_OK) == 0 && has_magic("/etc", TMPFS_MAGIC));
	want(count_lines("/etc/passwd") == 2);
	return 0;
}

#define VOLUMES                                                                          \
	"{\"destination\":\"/a/b/"                                                       \
	"c\",\"source\":\"volume\",\"options\":[\"rbind\",\"rro\"]},"                    \
	"{\"destination\":\"one\",\"type\":\"bind\",\"source\":\"volume/file\"},"        \
	"{\"destination\":\"/etc\",\"type\":\"tmpfs\",\"options\":[\"tmpcopyup\"]}"

static void test_volumes(void **state)
{
	struct bundle *b = *state;
	cleanup_free char *text = config(&(struct parts){ .mounts = MOUNTS "," VOLUMES });
	struct box box = {
		.config = text, .bundle_dirfd = b->fd, .look = look_at_volumes
	};

	skip_unless_possible();
	run_box(&box);
}

static int look_at_idmap(const struct isolation *isolation, struct err *err)
{
	struct stat st;

	want(stat("/vol/file", &st) == 0 && st.st_uid == 5000 && st.st_gid == 5000);
	return 0;
}

static void test_idmapped_volume(void **state)
{
	struct bundle *b = *state;
	const struct parts parts = {
		.mounts = MOUNTS
		",{\"destination\":\"/vol\",\"source\":\"volume\","
		"\"options\":[\"bind\",\"idmap\"],"
		"\"uidMappings\":[{\"containerID\":0,\"hostID\":5000,\"size\":1}],"
		"\"gidMappings\":[{\"containerID\":0,\"hostID\":5000,\"size\":1}]}",
	};
	cleanup_free char *text = config(&parts);
	struct box box = { .config = text, .bundle_dirfd = b->fd, .look = look_at_idmap };
	struct err err;

	skip_unless_possible();
	if (box_run(&box, &err) == -EINVAL && strstr(err.text, "takes no id map"))
		skip();
	if (err.code)
		fail_msg("%s", err.text);
}

static int look_at_overlay(const struct isolation *isolation, struct err *err)
{
	char text[64];

	want(fd_read_kernel_file(AT_FDCWD, "/name", text, sizeof(text)) == 0);
	want(str_eq(text, "layer 19"));
	want(access("/only-0", F_OK) == 0 && access("/only-7", F_OK) == 0);
	want(mkdir("/written", 0755) == 0);
	return 0;
}

#define LAYERS 20

/* Layers on a tmpfs, so that upper and lower are not overlayfs themselves. */
static void make_layers(
	struct bundle *b, struct rootfs *rootfs, int lowers[LAYERS], uid_t owner)
{
	char options[64], name[32];

	(void)snprintf(options, sizeof(options), "mode=755,uid=%u,gid=%u", owner, owner);
	assert_int_equal(mount("tmpfs", b->path, "tmpfs", 0, options), 0);
	(void)close(b->fd);
	b->fd = open(b->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < LAYERS; i++) {
		(void)snprintf(name, sizeof(name), "%d", i);
		lowers[i] = fd_mkdir_open(b->fd, name, 0755);
		(void)snprintf(name, sizeof(name), "layer %d", i);
		write_file(lowers[i], "name", name);
		(void)snprintf(name, sizeof(name), "only-%d", i);
		write_file(lowers[i], name, "");
		assert_int_equal(fchown(lowers[i], owner, owner), 0);
	}
	rootfs->upper_fd = fd_mkdir_open(b->fd, "upper", 0755);
	rootfs->work_fd = fd_mkdir_open(b->fd, "work", 0755);
	assert_int_equal(fchown(rootfs->upper_fd, owner, owner), 0);
	assert_int_equal(fchown(rootfs->work_fd, owner, owner), 0);
}

static void run_overlay(struct bundle *b, const char *text, uid_t launcher)
{
	int lowers[LAYERS];
	struct rootfs rootfs = { .kind = ROOTFS_OVERLAY,
		.target_fd = -1,
		.lower_fds = lowers,
		.lower_count = LAYERS,
		.is_volatile = !launcher };
	struct box box = { .config = text,
		.bundle_dirfd = b->fd,
		.rootfs = &rootfs,
		.launcher = launcher,
		.look = look_at_overlay };

	make_layers(b, &rootfs, lowers, launcher);
	box.bundle_dirfd = b->fd;
	run_box(&box);
	assert_int_equal(faccessat(rootfs.upper_fd, "written", F_OK, 0), 0);
	for (int i = 0; i < LAYERS; i++)
		(void)close(lowers[i]);
	(void)close(rootfs.upper_fd);
	(void)close(rootfs.work_fd);
	assert_int_equal(umount2(b->path, MNT_DETACH), 0);
}

/* More layers than fit in one string of fsconfig(2) as full names. */
static void test_overlay(void **state)
{
	cleanup_free char *text = config(&(struct parts){ 0 });

	skip_unless_possible();
	run_overlay(*state, text, 0);
}

static void test_overlay_of_normal_user(void **state)
{
	const struct parts parts = {
		.namespaces = NAMESPACES ",{\"type\":\"user\"}",
		.more_linux =
			",\"uidMappings\":[{\"containerID\":0,\"hostID\":4321,\"size\":1}],"
			"\"gidMappings\":[{\"containerID\":0,\"hostID\":4321,\"size\":1}]",
	};
	cleanup_free char *text = config(&parts);

	skip_unless_possible();
	run_overlay(*state, text, 4321);
}

/* lowerdir of a volume may be longer than one string of fsconfig(2). */
static int look_at_long_overlay(const struct isolation *isolation, struct err *err)
{
	want(has_magic("/o", OVERLAYFS_SUPER_MAGIC) && is_readonly("/o"));
	want(access("/o/file", F_OK) == 0);
	return 0;
}

static void test_long_overlay_option(void **state)
{
	struct bundle *b = *state;
	cleanup_free char *mounts = NULL, *text = NULL;
	struct box box = { .bundle_dirfd = b->fd, .look = look_at_long_overlay };
	char padding[257];

	skip_unless_possible();
	memset(padding, '/', sizeof(padding) - 1);
	padding[sizeof(padding) - 1] = '\0';
	mounts =
		str_printf(MOUNTS ",{\"destination\":\"/o\",\"type\":\"overlay\","
				  "\"source\":\"overlay\",\"options\":[\"ro\",\"lowerdir="
				  "%s%s/volume:%s/root\"]}",
			padding, b->path, b->path);
	text = config(&(struct parts){ .mounts = mounts });
	box.config = text;
	run_box(&box);
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

/* ---- what is refused --------------------------------------------------------------------------- */

static void test_hostile_links(void **state)
{
	static const struct {
		const char *link, *target;
		int code;
		const char *part;
	} cases[] = {
		{ "dev", "etc", ENOTDIR,
			"/dev of the container is not a plain directory" },
		{ "proc", "etc", ENOTDIR,
			"/proc of the container is not a plain directory" },
		{ "sys", "/", ENOTDIR, "/sys of the container is not a plain directory" },
	};
	struct bundle *b = *state;
	cleanup_close int root =
		openat(b->fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *text = config(&(struct parts){ 0 });
	struct box box = {
		.config = text, .bundle_dirfd = b->fd, .look = look_at_nothing
	};

	skip_unless_possible();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)unlinkat(root, cases[i].link, AT_REMOVEDIR);
		assert_int_equal(symlinkat(cases[i].target, root, cases[i].link), 0);
		expect_error(&box, cases[i].code, cases[i].part);
		assert_int_equal(unlinkat(root, cases[i].link, 0), 0);
	}
}

static void test_refused_configurations(void **state)
{
	static const struct {
		struct parts parts;
		int code;
		const char *part;
	} cases[] = {
		{ { .mounts = "{\"destination\":\"/proc/self\",\"type\":\"tmpfs\"}" },
			EPERM, "inside procfs" },
		{ { .mounts = "{\"destination\":\"/x/../proc\",\"type\":\"tmpfs\"}" },
			EPERM, "only a procfs" },
		{ { .mounts = "{\"destination\":\"/"
			      "proc\",\"type\":\"bind\",\"source\":\"/etc\"}" },
			EPERM, "not a procfs" },
		{ { .mounts = "{\"destination\":\"/\",\"type\":\"tmpfs\"}" }, EINVAL,
			"root" },
		{ { .mounts = "{\"destination\":\"/t\",\"type\":\"tmpfs\","
			      "\"options\":[\"nonsense=1\"]}" },
			EINVAL, "nonsense" },
		{ { .mounts = "{\"destination\":\"/t\",\"type\":\"nosuchfs\"}" }, ENODEV,
			"nosuchfs" },
		{ { .mounts = "{\"destination\":\"/t\",\"type\":\"bind\",\"source\":\"/"
			      "no/such\"}" },
			ENOENT, "/no/such" },
		{ { .namespaces = NAMESPACES ",{\"type\":\"pid\"}" }, EINVAL, "twice" },
		{ { .namespaces = NAMESPACES
			  ",{\"type\":\"user\",\"path\":\"/proc/self/ns/net\"}" },
			EINVAL, "not a user namespace" },
		{ { .namespaces = NAMESPACES
			  ",{\"type\":\"time\",\"path\":\"/etc/passwd\"}" },
			EINVAL, "not a namespace" },
		{ { .namespaces = "{\"type\":\"mount\"}", .more = ",\"hostname\":\"h\"" },
			EINVAL, "hostname needs a uts namespace" },
		{ { .more_linux = ",\"sysctl\":{\"kernel.core_pattern\":\"|/x\"}" },
			EPERM, "core_pattern" },
		{ { .namespaces = "{\"type\":\"mount\"}",
			  .more_linux = ",\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"}" },
			EPERM, "would change the host" },
		{ { .cwd = "/etc/passwd" }, ENOTDIR, "process.cwd" },
		{ { .cwd = "/proc/self/fd/0/x" }, ELOOP, "process.cwd" },
		{ { .process = ",\"rlimits\":[{\"type\":\"RLIMIT_NO\",\"soft\":1,\"hard\":1}]" },
			EINVAL, "RLIMIT_NO" },
		{ { .more_linux = ",\"rootfsPropagation\":\"upwards\"" }, EINVAL,
			"upwards" },
		{ { .more_linux = ",\"netDevices\":{\"eth0\":{}}" }, ENOTSUP,
			"netDevices" },
	};
	struct bundle *b = *state;

	skip_unless_possible();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_free char *text = config(&cases[i].parts);
		struct box box = {
			.config = text, .bundle_dirfd = b->fd, .look = look_at_nothing
		};

		expect_error(&box, cases[i].code, cases[i].part);
	}
}

static void test_existing_device_must_match(void **state)
{
	struct bundle *b = *state;
	cleanup_free char *text = config(&(struct parts){
		.mounts = "{\"destination\":\"/proc\",\"type\":\"proc\"}" });
	struct box box = {
		.config = text, .bundle_dirfd = b->fd, .look = look_at_nothing
	};

	skip_unless_possible();
	assert_int_equal(mkdirat(b->fd, "root/dev", 0755), 0);
	write_file(b->fd, "root/dev/zero", "not a device");
	expect_error(&box, EEXIST, "/dev/zero");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_everything, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_user_namespace_of_root, setup, teardown),
		cmocka_unit_test_setup_teardown(test_normal_user, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_normal_user_needs_userns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_volumes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_idmapped_volume, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overlay, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_long_overlay_option, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_overlay_of_normal_user, setup, teardown),
		cmocka_unit_test_setup_teardown(test_console, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_console_needs_devpts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_time_namespace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cgroup_mount, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_links, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_refused_configurations, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_existing_device_must_match, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
