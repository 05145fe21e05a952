/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"
#include "tests/unit/seccomp-random.h"

#include <linux/audit.h>
#include <seccomp.h>

#define FIRST_MUX 8 /* index of "socket"; "socketcall" is the last */
#define LAST_MUX 22

const char *const rules_names[RULES_NAMES] = { "read", "write", "open", "close", "ioctl",
	"personality", "clone", "clone3", "socket", "socketpair", "bind", "accept",
	"accept4", "send", "recvmmsg", "sendmsg", "semop", "semtimedop", "msgget",
	"shmat", "shmget", "ipc", "socketcall", "mmap", "mmap2", "_llseek", "lseek",
	"time", "stime", "fchmodat2", "openat2", "statx", "futex", "futex_time64",
	"prctl", "arch_prctl", "breakpoint", "rt_sigaction", "execve", "exit_group",
	"restart_syscall", "preadv2", "no_such_call", "modify_ldt", "vm86" };

static const uint64_t values[] = { 0, 1, 2, 8, 0x5412, 0x20000, 0x7e020000, 0x7fffffff,
	0x80000000, 0xffffffff, 0x100000000, 0x100005412, 0x7fffffffffffffff,
	0x8000000000000000, 0xffffffff00000000, UINT64_MAX - 1, UINT64_MAX };

const char *const rules_ops[RULES_OPS] = { "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",
	"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ" };

const struct machine rules_machines[RULES_MACHINES] = {
	{ "SCMP_ARCH_X86_64", SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, 0 },
	{ "SCMP_ARCH_X86", SCMP_ARCH_X86, AUDIT_ARCH_I386, 0 },
	{ "SCMP_ARCH_X32", SCMP_ARCH_X32, AUDIT_ARCH_X86_64, X32_BIT },
	{ "SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, 0 },
	{ "SCMP_ARCH_ARM", SCMP_ARCH_ARM, AUDIT_ARCH_ARM, 0 },
};

/* A generator of our own, so that a failure names a seed that means the same everywhere.
 */
uint32_t rules_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*seed >> 33);
}

static char *copy(const char *s)
{
	char *c = strdup(s);

	assert_non_null(c);
	return c;
}

void rules_init(struct spec_seccomp *spec, const char *default_action)
{
	*spec = (struct spec_seccomp){ .is_set = true,
		.default_action = copy(default_action) };
	spec->syscalls.items = calloc(RULES_MAX, sizeof(*spec->syscalls.items));
	assert_non_null(spec->syscalls.items);
}

struct spec_syscall *rules_add(
	struct spec_seccomp *spec, const char *name, const char *action)
{
	struct spec_syscall *call = &spec->syscalls.items[spec->syscalls.count++];

	assert_true(spec->syscalls.count <= RULES_MAX);
	call->action = copy(action);
	call->args.items = calloc(6, sizeof(*call->args.items));
	assert_non_null(call->args.items);
	assert_int_equal(strv_add(&call->names, name), 0);
	return call;
}

void rules_add_arg(struct spec_syscall *call, uint32_t index, const char *op,
	uint64_t value, uint64_t value_two)
{
	call->args.items[call->args.count++] = (struct spec_seccomp_arg){
		.index = index, .value = value, .value_two = value_two, .op = copy(op)
	};
}

void rules_done(struct spec_seccomp *spec)
{
	for (size_t i = 0; i < spec->syscalls.count; i++) {
		struct spec_syscall *call = &spec->syscalls.items[i];

		for (size_t k = 0; k < call->args.count; k++)
			free(call->args.items[k].op);
		free(call->args.items);
		free(call->action);
		strv_free(call->names);
	}
	free(spec->syscalls.items);
	free(spec->default_action);
	free(spec->listener_path);
	strv_free(spec->architectures);
	strv_free(spec->flags);
}

#define PICK(seed, a) ((a)[rules_random(seed) % LENGTH(a)])

/* What the kernel would be given: values from the rules and their neighbours on both
 * sides, also in the half that a 32-bit comparison does not see. */
uint64_t rules_edge(uint64_t *seed, const struct spec_seccomp *spec)
{
	const struct spec_syscall *call;
	uint64_t v = PICK(seed, values);

	call = &spec->syscalls.items[rules_random(seed) % spec->syscalls.count];
	if (call->args.count && rules_random(seed) % 4) {
		const struct spec_seccomp_arg *arg =
			&call->args.items[rules_random(seed) % call->args.count];

		v = rules_random(seed) % 2 ? arg->value : arg->value_two;
	}
	switch (rules_random(seed) % 8) {
	case 0: return v + 1;
	case 1: return v - 1;
	case 2: return v ^ 0x100000000;
	case 3: return v | 0xffffffff00000000;
	case 4: return v & 0xffffffff;
	case 5: return v ^ (1ULL << rules_random(seed) % 64);
	}
	return v;
}

void rules_print(const struct spec_seccomp *spec, const struct machine *machine, int nr)
{
	char *name = seccomp_syscall_resolve_num_arch(machine->token, nr);

	for (size_t i = 0; i < spec->syscalls.count; i++) {
		const struct spec_syscall *call = &spec->syscalls.items[i];

		if (!name || !str_eq(call->names[0], name))
			continue;
		print_message("rule %s %s", name, call->action);
		for (size_t k = 0; k < call->args.count; k++)
			print_message(" [%u] %s %#lx %#lx", call->args.items[k].index,
				call->args.items[k].op, call->args.items[k].value,
				call->args.items[k].value_two);
		print_message("\n");
	}
	free(name);
}

static void random_args(struct spec_syscall *call, uint64_t *seed, bool is_repeating)
{
	uint32_t taken = 0;

	for (uint32_t n = rules_random(seed) % 4; n > 0; n--) {
		uint32_t index = rules_random(seed) % 6;

		if (is_repeating || !(taken & (1U << index)))
			rules_add_arg(call, index, PICK(seed, rules_ops),
				PICK(seed, values), PICK(seed, values));
		taken |= 1U << index;
	}
}

/*
 * One rule for a name, and none with arguments for what i386 multiplexes. libseccomp 2.5
 * merges the rules of one number into one tree and gets some that overlap wrong: of
 * read(arg5 <= a and arg4 != b) and read(arg4 > c) it allows calls that neither does.
 */
void rules_disjoint(struct spec_seccomp *spec, uint64_t *seed)
{
	for (size_t i = 0; i < RULES_NAMES; i++) {
		struct spec_syscall *call;

		if (rules_random(seed) % 3 == 0)
			continue;
		call = rules_add(spec, rules_names[i], "SCMP_ACT_ALLOW");
		if (i < FIRST_MUX || i > LAST_MUX)
			random_args(call, seed, false);
	}
}

void rules_overlapping(struct spec_seccomp *spec, uint64_t *seed)
{
	for (size_t n = 1 + rules_random(seed) % RULES_MAX; n > 0; n--)
		random_args(rules_add(spec, PICK(seed, rules_names), "SCMP_ACT_ALLOW"),
			seed, rules_random(seed) % 8 == 0);
}
