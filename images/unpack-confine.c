/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unpacker reads bytes that anybody may have written, with the right to make files of
 * any owner. All that a fault in it can reach are the descriptors it was given: it has no
 * network, its root is an empty read-only tmpfs, and the system calls that would lead
 * further are not there.
 */
#include "images/unpack.h"
#include "images/confine-rights.h"
#include "images/confine.h"
#include "images/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stddef.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

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

/* With the rights of root no path of the host may be left. A user without a namespace of his
 * own cannot leave; he has no capabilities either, and the filter remains. */
static int leave_namespaces(struct err *err)
{
	int r = confine_root();

	if (r == 0 && unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		r = -errno;
	return r < 0 && geteuid() == 0 ? err_set(err, -r, "leave the host's namespaces")
				       : 0;
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

int unpack_confine(struct err *err)
{
	int r;

	(void)close_range(HELPER_SOCKET_FD + 1, ~0U, 0);
	if (CONFINE_IS_SANITIZED)
		return 0;
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	r = confine_stdio(err);
	if (r == 0)
		r = leave_namespaces(err);
	if (r < 0)
		return r;
	limit_resources();
	r = confine_caps(kept_caps, sizeof(kept_caps) / sizeof(*kept_caps), err);
	/* seccomp_load() sets no_new_privs. */
	return r < 0 ? r : confine_calls(allowed_calls, add_rules, err);
}
