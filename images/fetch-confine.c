/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program reads what any server sends. All that a fault in it can reach is the network and
 * the descriptors it was given: files can only be read, and only those that host names and
 * certificates are looked up in; the system calls that would lead further are not there.
 */
#include "images/fetch-confine.h"

#include "common/cleanup.h"
#include "images/confine.h"
#include "images/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define ADDRESS_SPACE_MAX (2ULL << 30)
#define DESCRIPTORS_WANTED 1024

/* What the C library's resolver and GnuTLS read. */
static const char *const readable[] = { "/etc/resolv.conf", "/etc/hosts",
	"/etc/host.conf", "/etc/gai.conf", "/etc/nsswitch.conf", "/etc/ssl", "/etc/pki",
	"/etc/gnutls", "/etc/crypto-policies", "/etc/localtime", "/etc/ld.so.cache",
	"/usr", "/lib", "/lib64", "/run/systemd/resolve", "/run/resolvconf",
	"/run/NetworkManager", "/proc/sys/crypto", "/dev/urandom", "/dev/null", NULL };

static const char *const allowed_calls[] = {
	/* files, read-only by the other fence */
	"open", "openat", "close", "close_range", "read", "readv", "pread64", "write",
	"writev", "pwrite64", "lseek", "fstat", "newfstatat", "stat", "lstat", "statx",
	"access", "faccessat", "faccessat2", "getdents64", "readlink", "readlinkat",
	"getcwd", "fcntl", "ftruncate", "dup", "dup2", "dup3", "pipe", "pipe2",
	"eventfd2", "memfd_create", "statfs", "fstatfs", "fsync",
	/* the network and the socket */
	"connect", "bind", "getsockname", "getpeername", "getsockopt", "setsockopt",
	"sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg", "shutdown",
	"poll", "ppoll", "select", "pselect6", "epoll_create1", "epoll_ctl", "epoll_wait",
	"epoll_pwait", "epoll_pwait2",
	/* memory, threads of the resolver and the C library */
	"brk", "munmap", "mremap", "madvise", "mmap", "mprotect", "futex", "getrandom",
	"clock_gettime", "clock_getres", "gettimeofday", "clock_nanosleep", "nanosleep",
	"time", "times", "getrusage", "sysinfo", "uname", "getpid", "gettid", "getppid",
	"geteuid", "getegid", "getuid", "getgid", "getresuid", "getresgid",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
	"restart_syscall", "getrlimit", "set_robust_list", "rseq", "sched_getaffinity",
	"sched_yield", "exit", "exit_group", NULL
};

/*
 * Enough for the C library's resolver, which asks by /etc/hosts and DNS. What else it would use it
 * does without: nscd and systemd-resolved (AF_UNIX) count as not there, so that the next service
 * of nsswitch.conf is asked, in the end the name server of resolv.conf, which may be resolved's own;
 * without the kernel's list of addresses (AF_NETLINK) it takes IPv4 and IPv6 to be there. Names
 * that only such a service knows, as those of mDNS, are not found. A socket of AF_UNIX could speak to
 * any service of the host that lets everybody in.
 */
static const int families[] = { AF_INET, AF_INET6 };

static int landlock_allow(int ruleset_fd, const char *path)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE |
				  LANDLOCK_ACCESS_FS_READ_DIR |
				  LANDLOCK_ACCESS_FS_EXECUTE,
	};
	cleanup_close int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return 0;
	rule.parent_fd = fd;
	if (syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule,
		    0) == 0)
		return 0;
	/* A file takes no rights of directories. */
	rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
	return syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH,
		       &rule, 0) < 0
		       ? -errno
		       : 0;
}

/* Everything that the first version of Landlock knows is denied but for those paths. */
static int fence_files(void)
{
	struct landlock_ruleset_attr attr = {
		.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1
	};
	cleanup_close int fd =
		(int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	int r = 0;

	if (fd < 0)
		return 0; /* not in this kernel */
	for (const char *const *path = readable; r == 0 && *path; path++)
		r = landlock_allow(fd, *path);
	if (r == 0 && syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		r = -errno;
	return r;
}

static int add_rules(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(families) / sizeof(families[0]); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)families[i]));
	/* For wake-ups inside libcurl. Of a pair of streams neither end can be connected to anything
	 * else, as one of datagrams could. */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 2,
			SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, AF_UNIX),
			SCMP_A1(SCMP_CMP_MASKED_EQ,
				UINT32_MAX & ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK),
				SOCK_STREAM));
	/* Threads, as older C libraries make them. */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, 0x7e020000, 0));
	/* Its flags are out of a filter's sight: the C library then takes the other. */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, 0));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, PR_SET_NAME));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, 0x5421 /* FIONBIO */));
	return r;
}

static void limit_resources(void)
{
	struct rlimit none = { 0 }, memory = { ADDRESS_SPACE_MAX, ADDRESS_SPACE_MAX };
	struct rlimit files = { DESCRIPTORS_WANTED, DESCRIPTORS_WANTED };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)setrlimit(RLIMIT_AS, &memory);
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

int fetch_confine(struct err *err)
{
	int r;

	(void)close_range(HELPER_SOCKET_FD + 1, ~0U, 0);
	if (CONFINE_IS_SANITIZED)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(err, errno, "prctl PR_SET_NO_NEW_PRIVS");
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* passwords are in its memory */
	limit_resources();
	r = fence_files();
	if (r < 0)
		return err_set(err, -r, "fence files off by Landlock");
	return confine_calls(allowed_calls, add_rules, err);
}
