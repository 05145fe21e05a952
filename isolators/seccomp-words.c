/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/seccomp-words.h"

#include "common/str.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* Linux 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define X32_BIT 0x40000000U

static const struct seccomp_arch archs[] = {
	{ "SCMP_ARCH_X86_64", SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, 0, true, false },
	{ "SCMP_ARCH_X86", SCMP_ARCH_X86, AUDIT_ARCH_I386, 0, false, true },
	{ "SCMP_ARCH_X32", SCMP_ARCH_X32, AUDIT_ARCH_X86_64, X32_BIT, false, false },
	{ "SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, 0, true, false },
	{ "SCMP_ARCH_ARM", SCMP_ARCH_ARM, AUDIT_ARCH_ARM, 0, false, false },
	{ "SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64, AUDIT_ARCH_RISCV64, 0, true, false },
};

/* Valid in a configuration, never executable on a machine that this program is built for.
 */
static const char *const foreign_archs[] = {
	"SCMP_ARCH_LOONGARCH64",
	"SCMP_ARCH_M68K",
	"SCMP_ARCH_MIPS",
	"SCMP_ARCH_MIPS64",
	"SCMP_ARCH_MIPS64N32",
	"SCMP_ARCH_MIPSEL",
	"SCMP_ARCH_MIPSEL64",
	"SCMP_ARCH_MIPSEL64N32",
	"SCMP_ARCH_PARISC",
	"SCMP_ARCH_PARISC64",
	"SCMP_ARCH_PPC",
	"SCMP_ARCH_PPC64",
	"SCMP_ARCH_PPC64LE",
	"SCMP_ARCH_S390",
	"SCMP_ARCH_S390X",
	"SCMP_ARCH_SH",
	"SCMP_ARCH_SHEB",
};

static const struct action {
	const char *name;
	uint32_t value;
	bool has_errno;
} actions[] = {
	{ "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW, false },
	{ "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO, true },
	{ "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD, false },
	{ "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS, false },
	{ "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD, false },
	{ "SCMP_ACT_LOG", SECCOMP_RET_LOG, false },
	{ "SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF, false },
	{ "SCMP_ACT_TRACE", SECCOMP_RET_TRACE, true },
	{ "SCMP_ACT_TRAP", SECCOMP_RET_TRAP, false },
};

static const struct word {
	const char *name;
	uint32_t value;
} ops[] = {
	{ "SCMP_CMP_EQ", SECCOMP_EQ },
	{ "SCMP_CMP_GE", SECCOMP_GE },
	{ "SCMP_CMP_GT", SECCOMP_GT },
	{ "SCMP_CMP_LE", SECCOMP_LE },
	{ "SCMP_CMP_LT", SECCOMP_LT },
	{ "SCMP_CMP_MASKED_EQ", SECCOMP_MASKED_EQ },
	{ "SCMP_CMP_NE", SECCOMP_NE },
}, flags[] = {
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
}, newer_calls[] = {
	/* Newer than the libseccomp of stable distributions. From 424 on a system call has one
	 * number on every architecture (x32 adds its bit). */
	{ "file_getattr", 468 },
	{ "file_setattr", 469 },
	{ "futex_requeue", 456 },
	{ "futex_wait", 455 },
	{ "futex_wake", 454 },
	{ "getxattrat", 464 },
	{ "listmount", 458 },
	{ "listns", 470 },
	{ "listxattrat", 465 },
	{ "lsm_get_self_attr", 459 },
	{ "lsm_list_modules", 461 },
	{ "lsm_set_self_attr", 460 },
	{ "map_shadow_stack", 453 },
	{ "mseal", 462 },
	{ "open_tree_attr", 467 },
	{ "removexattrat", 466 },
	{ "setxattrat", 463 },
	{ "statmount", 457 },
}, direct_calls[] = {
	/* i386 got numbers of their own for what socketcall(2) (Linux 4.3) and ipc(2) (5.1)
	 * multiplex. libseccomp's public functions report the multiplexed form alone. */
	{ "accept4", 364 },
	{ "bind", 361 },
	{ "connect", 362 },
	{ "getpeername", 368 },
	{ "getsockname", 367 },
	{ "getsockopt", 365 },
	{ "listen", 363 },
	{ "msgctl", 402 },
	{ "msgget", 399 },
	{ "msgrcv", 401 },
	{ "msgsnd", 400 },
	{ "recvfrom", 371 },
	{ "recvmmsg", 337 },
	{ "recvmsg", 372 },
	{ "semctl", 394 },
	{ "semget", 393 },
	{ "sendmmsg", 345 },
	{ "sendmsg", 370 },
	{ "sendto", 369 },
	{ "setsockopt", 366 },
	{ "shmat", 397 },
	{ "shmctl", 396 },
	{ "shmdt", 398 },
	{ "shmget", 395 },
	{ "shutdown", 373 },
	{ "socket", 359 },
	{ "socketpair", 360 },
};

static const struct word *word_find(
	const struct word *words, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (str_eq(words[i].name, name))
			return &words[i];
	}
	return NULL;
}

const struct seccomp_arch *seccomp_arch_native_row(void)
{
	uint32_t token = seccomp_arch_native();

	for (size_t i = 0; i < LENGTH(archs); i++) {
		if (archs[i].token == token)
			return &archs[i];
	}
	return NULL;
}

int seccomp_arch_find(const char *name, const struct seccomp_arch **ret, struct err *err)
{
	for (size_t i = 0; i < LENGTH(archs); i++) {
		if (str_eq(archs[i].name, name)) {
			*ret = &archs[i];
			return 0;
		}
	}
	for (size_t i = 0; i < LENGTH(foreign_archs); i++) {
		if (str_eq(foreign_archs[i], name)) {
			*ret = NULL;
			return 0;
		}
	}
	return err_say(err, EINVAL, "seccomp: unknown architecture \"%s\"", name);
}

int seccomp_action_find(
	const char *name, uint32_t errno_ret, uint32_t *ret, struct err *err)
{
	for (size_t i = 0; i < LENGTH(actions); i++) {
		if (!str_eq(actions[i].name, name))
			continue;
		if (actions[i].has_errno && errno_ret > SECCOMP_RET_DATA)
			return err_say(err, ERANGE, "seccomp: errnoRet %u is above %u",
				errno_ret, (unsigned int)SECCOMP_RET_DATA);
		*ret = actions[i].value | (actions[i].has_errno ? errno_ret : 0);
		return 0;
	}
	return err_say(err, EINVAL, "seccomp: unknown action \"%s\"", name);
}

int seccomp_op_find(const char *name, enum seccomp_op *ret, struct err *err)
{
	const struct word *word = word_find(ops, LENGTH(ops), name);

	if (!word)
		return err_say(err, EINVAL, "seccomp: unknown operator \"%s\"", name);
	*ret = word->value;
	return 0;
}

int seccomp_flag_find(const char *name, uint32_t *ret, struct err *err)
{
	const struct word *word = word_find(flags, LENGTH(flags), name);

	if (!word)
		return err_say(err, EINVAL, "seccomp: unknown flag \"%s\"", name);
	*ret = word->value;
	return 0;
}

int seccomp_nr_find(const struct seccomp_arch *arch, const char *name)
{
	int nr = seccomp_syscall_resolve_name_arch(arch->token, name);
	const struct word *word;

	if (nr != __NR_SCMP_ERROR)
		return nr;
	word = word_find(newer_calls, LENGTH(newer_calls), name);
	return word ? (int)(arch->first_nr + word->value) : SECCOMP_NR_UNKNOWN;
}

int seccomp_nr_direct(const char *name)
{
	const struct word *word = word_find(direct_calls, LENGTH(direct_calls), name);

	return word ? (int)word->value : -1;
}

const char *seccomp_arch_name(size_t index)
{
	return index < LENGTH(archs) ? archs[index].name : NULL;
}

const char *seccomp_action_name(size_t index)
{
	return index < LENGTH(actions) ? actions[index].name : NULL;
}

const char *seccomp_op_name(size_t index)
{
	return index < LENGTH(ops) ? ops[index].name : NULL;
}

const char *seccomp_flag_name(size_t index)
{
	return index < LENGTH(flags) ? flags[index].name : NULL;
}
