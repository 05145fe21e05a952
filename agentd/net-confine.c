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
#include <fcntl.h>
#include <linux/netlink.h>
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
	"openat", "close", "read", "write", "fstat", "newfstatat", "getdents64",
	/* the loop */
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
	/* netlink and the sockets */
	"bind", "getsockname", "setsockopt", "sendto", "sendmsg", "recvmsg", "recvfrom",
	/* memory and the C library */
	"brk", "munmap", "mremap", "madvise", "futex", "getrandom", "clock_gettime",
	"gettimeofday", "time", "getpid", "gettid", "rt_sigprocmask", "rt_sigreturn",
	"restart_syscall", "exit", "exit_group", NULL
};

/* A call, one of its arguments, and what that must be under a mask. */
static const struct rule {
	int call;
	unsigned int argument;
	uint64_t mask, value;
} rules[] = {
	{ SCMP_SYS(setns), 1, UINT32_MAX, CLONE_NEWNET },
	{ SCMP_SYS(fcntl), 1, UINT32_MAX, F_GETFL },
	{ SCMP_SYS(fcntl), 1, UINT32_MAX, F_SETFL },
	{ SCMP_SYS(fcntl), 1, UINT32_MAX, F_GETFD },
	{ SCMP_SYS(fcntl), 1, UINT32_MAX, F_SETFD },
	/* Memory, never code. */
	{ SCMP_SYS(mmap), 2, PROT_EXEC, 0 },
	{ SCMP_SYS(mprotect), 2, PROT_EXEC, 0 },
};

/* The two families of netlink that it speaks. */
static const int buses[] = { NETLINK_ROUTE, NETLINK_NETFILTER };

static int add_rules(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(rules) / sizeof(*rules); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, rules[i].call, 1,
			SCMP_CMP(rules[i].argument, SCMP_CMP_MASKED_EQ, rules[i].mask,
				rules[i].value));
	for (size_t i = 0; r == 0 && i < sizeof(buses) / sizeof(*buses); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
			SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, AF_NETLINK),
			SCMP_A2(SCMP_CMP_MASKED_EQ, UINT32_MAX, (scmp_datum_t)buses[i]));
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
