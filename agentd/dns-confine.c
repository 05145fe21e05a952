/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role reads what containers and the name servers of the world send. All that a fault in it can
 * reach are the sockets it has and new ones of the two internet families: no file, no program.
 */
#include "agentd/dns.h"
#include "images/confine.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define ADDRESS_SPACE_MAX (128ULL << 20)
#define DESCRIPTORS_MAX 2048

static const char *const allowed_calls[] = {
	/* sockets, and the engine */
	"accept4", "connect", "recvmsg", "recvfrom", "recv", "sendmsg", "sendto", "send",
	"read", "write", "close", "getsockopt", "setsockopt", "shutdown",
	/* the loop */
	"epoll_wait", "epoll_pwait", "epoll_ctl", "timerfd_create", "timerfd_settime",
	/* memory and time */
	"brk", "munmap", "mremap", "madvise", "futex", "getrandom", "clock_gettime",
	"gettimeofday", "restart_syscall", "rt_sigreturn", "rt_sigprocmask", "getpid",
	"gettid", "exit", "exit_group", NULL
};

static const int families[] = { AF_INET, AF_INET6 };

static int add_rules(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(families) / sizeof(*families); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX,
				(scmp_datum_t)families[i]));
	/* Memory, never code. */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return r;
}

int dns_confine(struct err *err)
{
	const struct rlimit none = { 0 };
	const struct rlimit memory = { ADDRESS_SPACE_MAX, ADDRESS_SPACE_MAX };
	const struct rlimit files = { DESCRIPTORS_MAX, DESCRIPTORS_MAX };

	if (CONFINE_IS_SANITIZED)
		return 0;
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)setrlimit(RLIMIT_AS, &memory);
	(void)setrlimit(RLIMIT_NOFILE, &files);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return confine_calls(allowed_calls, add_rules, err);
}
