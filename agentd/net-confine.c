/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program configures the host's network with root's rights. It parses nothing from outside
 * but what the engine says; should that, or what the kernel answers, find a fault in it, all that
 * it can reach are the descriptors it has, netlink, and network namespaces that it is handed.
 */
#include "agentd/net-confine.h"

#include "images/confine-rights.h"
#include "images/confine.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define ADDRESS_SPACE_MAX (128ULL << 20)

/* CAP_SYS_ADMIN is for setns(2), of network namespaces only. */
static const cap_value_t kept_caps[] = { CAP_NET_ADMIN, CAP_SYS_ADMIN };

static const char *const allowed_calls[] = {
	/* parameters below /proc/sys/net */
	"openat", "close", "read", "write", "fstat", "newfstatat", "getdents64", "fcntl",
	/* netlink and the socket */
	"bind", "getsockname", "setsockopt", "sendto", "sendmsg", "recvmsg", "recvfrom",
	/* memory and the C library */
	"brk", "munmap", "mremap", "madvise", "futex", "getrandom", "clock_gettime",
	"gettimeofday", "time", "getpid", "gettid", "rt_sigprocmask", "rt_sigreturn",
	"restart_syscall", "exit", "exit_group", NULL
};

static int add_rules(scmp_filter_ctx filter)
{
	int r;

	r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
		SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, AF_NETLINK));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(setns), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, CLONE_NEWNET));
	/* Memory, never code. */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return r;
}

static void limit_resources(void)
{
	const struct rlimit none = { 0 };
	const struct rlimit memory = { ADDRESS_SPACE_MAX, ADDRESS_SPACE_MAX };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)setrlimit(RLIMIT_AS, &memory);
}

int net_confine(struct err *err)
{
	int r;

	if (CONFINE_IS_SANITIZED)
		return 0;
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	r = confine_stdio(err);
	if (r < 0)
		return r;
	r = confine_root();
	if (r < 0)
		return err_set(err, -r, "leave the host's files");
	limit_resources();
	r = confine_caps(kept_caps, sizeof(kept_caps) / sizeof(*kept_caps), err);
	/* seccomp_load() sets no_new_privs. */
	return r < 0 ? r : confine_calls(allowed_calls, add_rules, err);
}
