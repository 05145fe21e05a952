/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unpacker reads bytes that anybody may have written, with the right to make files of
 * any owner. All that a fault in it can reach are the descriptors it was given: it has no
 * network, its root is an empty read-only tmpfs, and the system calls that would lead
 * further are not there.
 */
#include "images/unpack.h"
#include "images/confine.h"
#include "images/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <sched.h>
#include <stddef.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef FSOPEN_CLOEXEC
#define FSOPEN_CLOEXEC 1
#endif

/* Address space: decompressors keep windows of at most 128 MiB. Descriptors: two for each
 * directory on the way down, one for each layer. */
#define ADDRESS_SPACE_MAX (1ULL << 30)
#define DESCRIPTORS_WANTED 2048
#define THREAD_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)

static const cap_value_t kept_caps[] = { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER,
	CAP_FSETID, CAP_MKNOD, CAP_SETFCAP };

static const char *const allowed_calls[] = {
	/* files below the descriptors given */
	"openat",
	"openat2",
	"close",
	"close_range",
	"read",
	"readv",
	"pread64",
	"write",
	"writev",
	"pwrite64",
	"lseek",
	"fstat",
	"newfstatat",
	"fstatat64",
	"statx",
	"getdents64",
	"readlinkat",
	"mkdirat",
	"mknodat",
	"symlinkat",
	"linkat",
	"unlinkat",
	"fchdir",
	"fchmod",
	"fchmodat",
	"fchmodat2",
	"fchown",
	"fchownat",
	"ftruncate",
	"utimensat",
	"fsetxattr",
	"lsetxattr",
	"fgetxattr",
	"lgetxattr",
	"flistxattr",
	"llistxattr",
	"fremovexattr",
	"copy_file_range",
	"fadvise64",
	"fadvise64_64",
	"dup",
	/* the socket */
	"sendmsg",
	"recvmsg",
	"memfd_create",
	/* memory and the C library */
	"brk",
	"munmap",
	"mremap",
	"madvise",
	"futex",
	"set_robust_list",
	"rseq",
	"sched_getaffinity",
	"getrandom",
	"clock_gettime",
	"clock_gettime64",
	"gettimeofday",
	"clock_nanosleep",
	"sysinfo",
	"uname",
	"getpid",
	"gettid",
	"geteuid",
	"getegid",
	"getuid",
	"getgid",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"restart_syscall",
	"setrlimit",
	"exit",
	"exit_group",
#ifdef ENABLE_FAIL_POINTS
	"kill",
#endif
	NULL,
};

static int make_empty_root(void)
{
	cleanup_close int fs_fd = -1, mount_fd = -1;

	fs_fd = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
	if (fs_fd < 0 ||
		syscall(SYS_fsconfig, fs_fd, FSCONFIG_SET_STRING, "mode", "0555", 0) <
			0 ||
		syscall(SYS_fsconfig, fs_fd, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
		syscall(SYS_fsconfig, fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	mount_fd = (int)syscall(SYS_fsmount, fs_fd, FSMOUNT_CLOEXEC,
		MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			MOUNT_ATTR_NOEXEC);
	if (mount_fd < 0 ||
		syscall(SYS_move_mount, mount_fd, "", AT_FDCWD, "/",
			MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
		fchdir(mount_fd) < 0)
		return -errno;
	return 0;
}

/* The mount and with it every path of the host goes; descriptors keep working. */
static int leave_root(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		make_empty_root() < 0)
		return -errno;
	/* An initramfs cannot be pivoted away from; there, chroot(2) without the right to
	 * call it again must do. */
	if (syscall(SYS_pivot_root, ".", ".") == 0)
		return umount2(".", MNT_DETACH) < 0 ? -errno : 0;
	return chroot(".") < 0 ? -errno : 0;
}

/* With the rights of root no path of the host may be left. A user without a namespace of his
 * own cannot leave; he has no capabilities either, and the filter remains. */
static int leave_namespaces(struct err *err)
{
	int r = 0;

	if (unshare(CLONE_NEWNS) < 0)
		r = -errno;
	if (r == 0)
		r = leave_root();
	if (r == 0 && unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		r = -errno;
	return r < 0 && geteuid() == 0 ? err_set(err, -r, "leave the host's namespaces")
				       : 0;
}

static bool is_kept(cap_value_t cap)
{
	for (size_t i = 0; i < sizeof(kept_caps) / sizeof(*kept_caps); i++) {
		if (kept_caps[i] == cap)
			return true;
	}
	return false;
}

static int drop_caps(struct err *err)
{
	cap_t have = cap_get_proc(), keep = cap_init();
	int r = 0;

	for (cap_value_t cap = 0; CAP_IS_SUPPORTED(cap); cap++) {
		cap_flag_value_t permitted = CAP_CLEAR;

		if (!is_kept(cap)) {
			(void)cap_drop_bound(
				cap); /* needs SETPCAP; never gained again anyhow */
			continue;
		}
		if (!have || !keep ||
			cap_get_flag(have, cap, CAP_PERMITTED, &permitted) < 0 ||
			cap_set_flag(keep, CAP_PERMITTED, 1, &cap, permitted) < 0 ||
			cap_set_flag(keep, CAP_EFFECTIVE, 1, &cap, permitted) < 0)
			r = -ENOMEM;
	}
	(void)cap_reset_ambient();
	if (r < 0 || cap_set_proc(keep) < 0)
		r = err_set(err, r < 0 ? -r : errno, "give up capabilities");
	(void)cap_free(have);
	(void)cap_free(keep);
	return r;
}

static void limit_resources(void)
{
	struct rlimit none = { 0 }, files;
	struct rlimit memory = { ADDRESS_SPACE_MAX, ADDRESS_SPACE_MAX };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)setrlimit(RLIMIT_AS, &memory);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max < DESCRIPTORS_WANTED ? files.rlim_max
								     : DESCRIPTORS_WANTED;
		files.rlim_max = files.rlim_cur;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* The others of fcntl(2) have the kernel send signals to any process (F_SETOWN). */
static const uint32_t fcntl_commands[] = { F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD,
	F_GETFL, F_SETFL, F_ADD_SEALS, F_GET_SEALS };

static int add_fcntl(scmp_filter_ctx filter)
{
	static const char *const names[] = { "fcntl", "fcntl64" };
	int r = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		int number = seccomp_syscall_resolve_name(names[i]);

		for (size_t n = 0; r == 0 && number >= 0 &&
				   n < sizeof(fcntl_commands) / sizeof(*fcntl_commands);
			n++)
			r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1,
				SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX,
					fcntl_commands[n]));
	}
	return r;
}

static int add_rules(scmp_filter_ctx filter)
{
	int r = add_fcntl(filter);

	/* Our own limits, nobody else's. */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, 0));
	/* Threads, never processes. The flags of clone3(2) are out of a filter's sight: the C library
	 * then takes the other. */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, THREAD_FLAGS, THREAD_FLAGS));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	/* Memory, never code. */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	/* The kernel reads an ioctl's number as 32 bits. */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, FICLONE));
	return r;
}

/* The caller's terminal may be among them. */
static int leave_stdio(struct err *err)
{
	cleanup_close int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, errno, "open /dev/null");
	for (int i = 0; i < HELPER_SOCKET_FD; i++) {
		if (dup2(fd, i) < 0)
			return err_set(err, errno, "leave the caller's terminal");
	}
	return 0;
}

int unpack_confine(struct err *err)
{
	int r;

	(void)close_range(HELPER_SOCKET_FD + 1, ~0U, 0);
	if (CONFINE_IS_SANITIZED)
		return 0;
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	r = leave_stdio(err);
	if (r == 0)
		r = leave_namespaces(err);
	if (r < 0)
		return r;
	limit_resources();
	r = drop_caps(err);
	/* seccomp_load() sets no_new_privs. */
	return r < 0 ? r : confine_calls(allowed_calls, add_rules, err);
}
