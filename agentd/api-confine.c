/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role reads what anybody sends who reaches the socket. All that a fault in it can reach is
 * the engine's ear and the connections it has: no file, no other socket, no program.
 */
#include "agentd/api.h"

#include "images/confine.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define ADDRESS_SPACE_MAX (1ULL << 30)
#define DESCRIPTORS_WANTED 16384 /* two for each stream */

static const char *const allowed_calls[] = {
	/* connections, and the engine */
	"accept4", "accept", "recvmsg", "recvfrom", "recv", "sendmsg", "sendto",
	"sendfile", "sendfile64", "read", "readv", "write", "writev", "pread64", "preadv",
	"shutdown", "close", "getsockopt", "setsockopt", "getsockname", "getpeername",
	"fcntl", "fstat", "newfstatat", "lseek", "poll", "ppoll",
	/* the loop */
	"epoll_wait", "epoll_pwait", "epoll_pwait2", "epoll_ctl", "timerfd_create",
	"timerfd_settime", "eventfd2",
	/* memory and time */
	"brk", "mmap", "munmap", "mremap", "madvise", "mprotect", "futex", "getrandom",
	"clock_gettime", "gettimeofday", "time", "restart_syscall", "rt_sigreturn",
	"rt_sigaction", "rt_sigprocmask", "getpid", "gettid", "exit", "exit_group", NULL
};

static int add_rules(scmp_filter_ctx filter)
{
	return 0;
}

int api_confine(struct err *err)
{
	struct rlimit none = { 0 }, memory = { ADDRESS_SPACE_MAX, ADDRESS_SPACE_MAX };
	struct rlimit files = { DESCRIPTORS_WANTED, DESCRIPTORS_WANTED };

	if (CONFINE_IS_SANITIZED)
		return 0;
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)setrlimit(RLIMIT_AS, &memory);
	(void)setrlimit(RLIMIT_NOFILE, &files);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return confine_calls(allowed_calls, add_rules, err);
}
