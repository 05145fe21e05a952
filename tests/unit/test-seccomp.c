/* SPDX-License-Identifier: Apache-2.0 */
/* Filters against the ones that libseccomp makes of the same rules, call by call. */
#include "tests/unit/unit.h"

#include "isolators/isolator.h"
#include "isolators/seccomp.h"
#include "tests/unit/seccomp-reference.h"

#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>

#define PROFILES 80
#define RULES_MAX 50
#define VECTORS 60
#define X32_BIT 0x40000000U

static const char *const names[] = { "read", "write", "open", "close", "ioctl",
	"personality", "clone", "clone3", "socket", "socketpair", "bind", "accept",
	"accept4", "send", "recvmmsg", "sendmsg", "semop", "semtimedop", "msgget",
	"shmat", "shmget", "ipc", "socketcall", "mmap", "mmap2", "_llseek", "lseek",
	"time", "stime", "fchmodat2", "openat2", "statx", "futex", "futex_time64",
	"prctl", "arch_prctl", "breakpoint", "rt_sigaction", "execve", "exit_group",
	"restart_syscall", "preadv2", "no_such_call", "modify_ldt", "vm86" };
#define FIRST_MUX 8 /* index of "socket"; "socketcall" is the last */
#define LAST_MUX 22

static const uint64_t values[] = { 0, 1, 2, 8, 0x5412, 0x20000, 0x7e020000, 0x7fffffff,
	0x80000000, 0xffffffff, 0x100000000, 0x100005412, 0x7fffffffffffffff,
	0x8000000000000000, 0xffffffff00000000, UINT64_MAX - 1, UINT64_MAX };

static const char *const ops[] = { "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",
	"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ" };

static const struct machine {
	const char *name;
	uint32_t token, audit, base;
} machines[] = {
	{ "SCMP_ARCH_X86_64", SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, 0 },
	{ "SCMP_ARCH_X86", SCMP_ARCH_X86, AUDIT_ARCH_I386, 0 },
	{ "SCMP_ARCH_X32", SCMP_ARCH_X32, AUDIT_ARCH_X86_64, X32_BIT },
	{ "SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, 0 },
	{ "SCMP_ARCH_ARM", SCMP_ARCH_ARM, AUDIT_ARCH_ARM, 0 },
};

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* A generator of our own, so that a failure names a seed that means the same everywhere.
 */
static uint32_t next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*seed >> 33);
}

#define PICK(seed, a) ((a)[next(seed) % LENGTH(a)])

static char *copy(const char *s)
{
	char *c = strdup(s);

	assert_non_null(c);
	return c;
}

static void spec_init(struct spec_seccomp *spec, const char *default_action)
{
	*spec = (struct spec_seccomp){ .is_set = true,
		.default_action = copy(default_action) };
	spec->syscalls.items = calloc(RULES_MAX, sizeof(*spec->syscalls.items));
	assert_non_null(spec->syscalls.items);
}

static struct spec_syscall *spec_add(
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

static void add_arg(struct spec_syscall *call, uint32_t index, const char *op,
	uint64_t value, uint64_t value_two)
{
	call->args.items[call->args.count++] = (struct spec_seccomp_arg){
		.index = index, .value = value, .value_two = value_two, .op = copy(op)
	};
}

static void spec_done(struct spec_seccomp *spec)
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

/* What the kernel would be given: values from the rules and their neighbours on both
 * sides, also in the half that a 32-bit comparison does not see. */
static uint64_t edge(uint64_t *seed, const struct spec_seccomp *spec)
{
	const struct spec_syscall *call;
	uint64_t v = PICK(seed, values);

	call = &spec->syscalls.items[next(seed) % spec->syscalls.count];
	if (call->args.count && next(seed) % 4) {
		const struct spec_seccomp_arg *arg =
			&call->args.items[next(seed) % call->args.count];

		v = next(seed) % 2 ? arg->value : arg->value_two;
	}
	switch (next(seed) % 8) {
	case 0: return v + 1;
	case 1: return v - 1;
	case 2: return v ^ 0x100000000;
	case 3: return v | 0xffffffff00000000;
	case 4: return v & 0xffffffff;
	case 5: return v ^ (1ULL << next(seed) % 64);
	}
	return v;
}

static bool is_listed(const struct spec_seccomp *spec, const struct machine *machine)
{
	if (machine->token == seccomp_arch_native())
		return true;
	strv_each (name, spec->architectures) {
		if (str_eq(*name, machine->name))
			return true;
	}
	return false;
}

static void print_rules(
	const struct spec_seccomp *spec, const struct machine *machine, int nr)
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

/* libseccomp's verdict, or ENOSYS for what is newer than the profile. */
static uint32_t expected(const struct spec_seccomp *spec, const struct program *reference,
	const struct machine *machine, uint32_t newest, const struct seccomp_data *data)
{
	uint32_t nr = (uint32_t)data->nr;

	if (is_listed(spec, machine) && newest > machine->base && nr > newest &&
		nr != UINT32_MAX && str_eq(spec->default_action, "SCMP_ACT_ERRNO"))
		return SECCOMP_RET_ERRNO | ENOSYS;
	return program_run(reference->code, reference->count, data);
}

static bool is_ruled(const struct machine *machine, uint32_t nr)
{
	char *name = seccomp_syscall_resolve_num_arch(
		machine->token, (int)(machine->base + nr));
	bool is_found = false;

	for (size_t i = 0; name && i < LENGTH(names); i++)
		is_found |= str_eq(names[i], name);
	free(name);
	return is_found;
}

static void compare_machine(const struct spec_seccomp *spec,
	const struct program *reference, const struct seccomp_filter *filter,
	const struct machine *machine, uint64_t *seed)
{
	uint32_t newest = reference_newest(spec, machine->token);

	for (uint32_t nr = 0; nr < 600; nr++) {
		int vectors = is_ruled(machine, nr) ? VECTORS : 2;

		for (int i = 0; i < vectors; i++) {
			struct seccomp_data data = { .nr = (int)(machine->base + nr),
				.arch = machine->audit };
			uint32_t ours, theirs;

			for (int k = 0; i > 0 && k < 6; k++)
				data.args[k] = edge(seed, spec);
			ours = program_run(filter->code, filter->count, &data);
			theirs = expected(spec, reference, machine, newest, &data);
			if (ours == theirs)
				continue;
			print_rules(spec, machine, data.nr);
			fail_msg("%s %u(%#llx, %#llx, %#llx, %#llx, %#llx, %#llx): %#x, "
				 "libseccomp %#x",
				machine->name, nr, data.args[0], data.args[1],
				data.args[2], data.args[3], data.args[4], data.args[5],
				ours, theirs);
		}
	}
}

/* Numbers that no architecture has, and an architecture that no rule lists. */
static void compare_strange(const struct spec_seccomp *spec,
	const struct program *reference, const struct seccomp_filter *filter, uint32_t nr)
{
	const struct machine *machine = &machines[nr >= X32_BIT ? 2 : 0];
	uint32_t newest = reference_newest(spec, machine->token);
	struct seccomp_data data = { .nr = (int)nr, .arch = machine->audit };
	uint32_t ours = program_run(filter->code, filter->count, &data);
	uint32_t theirs = expected(spec, reference, machine, newest, &data);

	if (ours != theirs)
		fail_msg("number %#x, newest %u: %#x, libseccomp %#x", nr, newest, ours,
			theirs);
	data.arch = AUDIT_ARCH_S390X;
	assert_int_equal(program_run(filter->code, filter->count, &data),
		SECCOMP_RET_KILL_PROCESS);
}

static void compare(const struct spec_seccomp *spec, uint64_t *seed)
{
	static const uint32_t strange[] = { 10000, 0x3fffffff, 0x7fffffff, 0x80000000,
		0xfffffffe, 0xffffffff };
	struct seccomp_filter filter = { 0 };
	struct program reference = { 0 };
	struct err err = { 0 };

	assert_int_equal(reference_compile(spec, &reference), 0);
	if (seccomp_compile(spec, NULL, &filter, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t m = 0; m < LENGTH(machines); m++)
		compare_machine(spec, &reference, &filter, &machines[m], seed);
	for (size_t i = 0; i < LENGTH(strange); i++)
		compare_strange(spec, &reference, &filter, strange[i]);
	free(reference.code);
	seccomp_filter_done(&filter);
}

static void random_args(struct spec_syscall *call, uint64_t *seed, bool is_repeating)
{
	uint32_t taken = 0;

	for (uint32_t n = next(seed) % 4; n > 0; n--) {
		uint32_t index = next(seed) % 6;

		if (is_repeating || !(taken & (1U << index)))
			add_arg(call, index, PICK(seed, ops), PICK(seed, values),
				PICK(seed, values));
		taken |= 1U << index;
	}
}

/*
 * One rule for a name, and none with arguments for what i386 multiplexes. libseccomp 2.5
 * merges the rules of one number into one tree and gets some that overlap wrong: of
 * read(arg5 <= a and arg4 != b) and read(arg4 > c) it allows calls that neither does.
 */
static void disjoint_rules(struct spec_seccomp *spec, uint64_t *seed)
{
	for (size_t i = 0; i < LENGTH(names); i++) {
		struct spec_syscall *call;

		if (next(seed) % 3 == 0)
			continue;
		call = spec_add(spec, names[i], "SCMP_ACT_ALLOW");
		if (i < FIRST_MUX || i > LAST_MUX)
			random_args(call, seed, false);
	}
}

static void overlapping_rules(struct spec_seccomp *spec, uint64_t *seed)
{
	for (size_t n = 1 + next(seed) % RULES_MAX; n > 0; n--)
		random_args(spec_add(spec, PICK(seed, names), "SCMP_ACT_ALLOW"), seed,
			next(seed) % 8 == 0);
}

static void random_archs(struct spec_seccomp *spec, uint64_t *seed)
{
	for (size_t i = 0; i < LENGTH(machines); i++) {
		if (next(seed) % 2)
			assert_int_equal(
				strv_add(&spec->architectures, machines[i].name), 0);
	}
}

static void test_like_libseccomp(void **state)
{
	static const char *const defaults[] = { "SCMP_ACT_ERRNO", "SCMP_ACT_KILL",
		"SCMP_ACT_LOG", "SCMP_ACT_TRAP" };

	for (uint64_t n = 0; n < PROFILES; n++) {
		uint64_t seed = n;
		struct spec_seccomp spec;

		spec_init(&spec, PICK(&seed, defaults));
		random_archs(&spec, &seed);
		disjoint_rules(&spec, &seed);
		compare(&spec, &seed);
		spec_done(&spec);
	}
}

/* Whether one condition holds, said as plainly as C can. */
static bool holds(
	const struct spec_seccomp_arg *arg, bool is_64, const struct seccomp_data *data)
{
	uint64_t width = is_64 ? UINT64_MAX : UINT32_MAX;
	uint64_t a = data->args[arg->index] & width, v = arg->value & width;
	const bool results[] = { a != v, a<v, a <= v, a == v, a >= v, a> v,
		(a & v) == (arg->value_two & v) };

	for (size_t i = 0; i < LENGTH(ops); i++) {
		if (str_eq(ops[i], arg->op))
			return results[i];
	}
	fail_msg("operator %s", arg->op);
	return false;
}

static bool rule_holds(const struct spec_syscall *call, bool is_64, uint32_t first,
	const struct seccomp_data *data)
{
	uint32_t seen = 0;
	bool is_any = false, all = true, any = false;

	for (size_t i = 0; i < call->args.count; i++) {
		const struct spec_seccomp_arg *arg = &call->args.items[i];
		bool is_true = arg->index < first || holds(arg, is_64, data);

		is_any |= seen >> arg->index & 1;
		seen |= 1U << arg->index;
		all &= is_true;
		any |= is_true;
	}
	return is_any ? any : all;
}

/* The calls that one rule is about: its own number, and on i386 the multiplexed form,
 * whose first argument is the number of the call within. */
static bool model_allows(const struct spec_seccomp *spec, const struct machine *machine,
	const struct seccomp_data *data)
{
	bool is_64 = machine->audit & __AUDIT_ARCH_64BIT && machine->base == 0;
	char *name = seccomp_syscall_resolve_num_arch(machine->token, data->nr);
	bool is_allowed = false;

	for (size_t i = 0; name && i < spec->syscalls.count; i++) {
		const struct spec_syscall *call = &spec->syscalls.items[i];
		int nr =
			seccomp_syscall_resolve_name_arch(machine->token, call->names[0]);
		int base = nr <= -200 ? -200 : -100;
		const char *mux = nr <= -200 ? "ipc" : "socketcall";

		if (str_eq(call->names[0], name))
			is_allowed |= rule_holds(call, is_64, 0, data);
		else if (nr <= -100 && nr >= -224 && str_eq(mux, name))
			is_allowed |= (uint32_t)data->args[0] == (uint32_t)(base - nr) &&
				      rule_holds(call, is_64, 1, data);
	}
	free(name);
	return is_allowed;
}

static void compare_model(const struct spec_seccomp *spec,
	const struct seccomp_filter *filter, const struct machine *machine,
	uint64_t *seed)
{
	for (size_t i = 0; i < LENGTH(names); i++) {
		struct seccomp_data data = { .arch = machine->audit };

		data.nr = seccomp_syscall_resolve_name_rewrite(machine->token, names[i]);
		for (int n = 0; data.nr >= 0 && n < VECTORS; n++) {
			uint32_t verdict;

			for (int k = 0; k < 6; k++)
				data.args[k] = edge(seed, spec);
			if (n % 4 == 0)
				data.args[0] = next(seed) % 24;
			verdict = program_run(filter->code, filter->count, &data);
			if ((verdict == SECCOMP_RET_ALLOW) ==
				model_allows(spec, machine, &data))
				continue;
			print_rules(spec, machine, data.nr);
			fail_msg("%s %s(%#llx, %#llx, %#llx, %#llx, %#llx, %#llx): %#x",
				machine->name, names[i], data.args[0], data.args[1],
				data.args[2], data.args[3], data.args[4], data.args[5],
				verdict);
		}
	}
}

static void test_overlapping_rules(void **state)
{
	for (uint64_t n = 0; n < PROFILES; n++) {
		struct seccomp_filter filter = { 0 };
		struct spec_seccomp spec;
		struct err err = { 0 };
		uint64_t seed = n;

		spec_init(&spec, "SCMP_ACT_ERRNO");
		overlapping_rules(&spec, &seed);
		for (size_t i = 0; i < LENGTH(machines); i++)
			assert_int_equal(
				strv_add(&spec.architectures, machines[i].name), 0);
		if (seccomp_compile(&spec, NULL, &filter, &err) < 0)
			fail_msg("%s", err.text);
		for (size_t i = 0; i < LENGTH(machines); i++)
			compare_model(&spec, &filter, &machines[i], &seed);
		seccomp_filter_done(&filter);
		spec_done(&spec);
	}
}

static int compile(const struct spec_seccomp *spec, struct err *err)
{
	struct seccomp_filter filter = { 0 };
	int r = seccomp_compile(spec, NULL, &filter, err);

	seccomp_filter_done(&filter);
	return r;
}

static void test_refused_in_words(void **state)
{
	static const struct {
		const char *default_action, *action, *arch, *flag, *op;
		uint32_t index, errno_ret;
		const char *text;
	} cases[] = {
		{ "DENY", "SCMP_ACT_ALLOW", NULL, NULL, "SCMP_CMP_EQ", 0, 1,
			"action \"DENY\"" },
		{ "SCMP_ACT_LOG", "allow", NULL, NULL, "SCMP_CMP_EQ", 0, 1,
			"action \"allow\"" },
		{ "SCMP_ACT_LOG", "SCMP_ACT_ERRNO", NULL, NULL, "SCMP_CMP_EQ", 0, 65536,
			"errnoRet 65536" },
		{ "SCMP_ACT_LOG", "SCMP_ACT_ALLOW", "VAX", NULL, "SCMP_CMP_EQ", 0, 1,
			"architecture \"VAX\"" },
		{ "SCMP_ACT_LOG", "SCMP_ACT_ALLOW", NULL, "FAST", "SCMP_CMP_EQ", 0, 1,
			"flag \"FAST\"" },
		{ "SCMP_ACT_LOG", "SCMP_ACT_ALLOW", NULL, NULL, "==", 0, 1,
			"operator \"==\"" },
		{ "SCMP_ACT_LOG", "SCMP_ACT_ALLOW", NULL, NULL, "SCMP_CMP_EQ", 6, 1,
			"no argument 6" },
		{ "SCMP_ACT_NOTIFY", "SCMP_ACT_ALLOW", NULL, NULL, "SCMP_CMP_EQ", 0, 1,
			"default action" },
		{ "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", NULL, NULL, "SCMP_CMP_EQ", 0, 1,
			"listenerPath" },
		{ "SCMP_ACT_LOG", "SCMP_ACT_ALLOW", NULL,
			"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SCMP_CMP_EQ", 0, 1,
			"SCMP_ACT_NOTIFY" },
	};

	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct spec_seccomp spec;
		struct spec_syscall *call;
		struct err err = { 0 };

		spec_init(&spec, cases[i].default_action);
		call = spec_add(&spec, "read", cases[i].action);
		call->has_errno_ret = true;
		call->errno_ret = cases[i].errno_ret;
		add_arg(call, cases[i].index, cases[i].op, 1, 0);
		if (cases[i].arch)
			assert_int_equal(strv_add(&spec.architectures, cases[i].arch), 0);
		if (cases[i].flag)
			assert_int_equal(strv_add(&spec.flags, cases[i].flag), 0);
		assert_true(compile(&spec, &err) < 0);
		if (!strstr(err.text, cases[i].text))
			fail_msg("\"%s\" does not say %s", err.text, cases[i].text);
		spec_done(&spec);
	}
}

static void test_unknown_names_are_noted(void **state)
{
	cleanup_with(notes_done) struct notes notes = { 0 };
	cleanup_with(seccomp_filter_done) struct seccomp_filter filter = { 0 };
	struct spec_seccomp spec;
	struct spec_syscall *call;

	spec_init(&spec, "SCMP_ACT_ERRNO");
	call = spec_add(&spec, "read", "SCMP_ACT_ALLOW");
	assert_int_equal(strv_add(&call->names, "frobnicate"), 0);
	assert_int_equal(strv_add(&call->names, "twiddle"), 0);
	assert_int_equal(seccomp_compile(&spec, &notes, &filter, NULL), 0);
	assert_int_equal(strv_len(notes.lines), 1);
	assert_non_null(strstr(notes.lines[0], "frobnicate, twiddle"));
	spec_done(&spec);
}

/* A rule without arguments wins over rules with, and of two the first. */
static void test_precedence(void **state)
{
	cleanup_with(seccomp_filter_done) struct seccomp_filter filter = { 0 };
	struct seccomp_data data = { .nr = SCMP_SYS(read), .arch = machines[0].audit };
	struct spec_seccomp spec;
	struct spec_syscall *call;

	spec_init(&spec, "SCMP_ACT_ERRNO");
	call = spec_add(&spec, "read", "SCMP_ACT_TRAP");
	add_arg(call, 0, "SCMP_CMP_EQ", 0, 0);
	(void)spec_add(&spec, "read", "SCMP_ACT_ALLOW");
	(void)spec_add(&spec, "read", "SCMP_ACT_LOG");
	assert_int_equal(seccomp_compile(&spec, NULL, &filter, NULL), 0);
	assert_int_equal(
		program_run(filter.code, filter.count, &data), SECCOMP_RET_ALLOW);
	spec_done(&spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_like_libseccomp),
		cmocka_unit_test(test_overlapping_rules),
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_refused_in_words),
		cmocka_unit_test(test_unknown_names_are_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
