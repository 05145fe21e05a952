/* SPDX-License-Identifier: Apache-2.0 */
/* Filters against the ones that libseccomp makes of the same rules, call by call. */
#include "tests/unit/unit.h"

#include "isolators/isolator.h"
#include "isolators/seccomp.h"
#include "tests/unit/seccomp-random.h"
#include "tests/unit/seccomp-reference.h"

#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>

#define PROFILES 80
#define VECTORS 60

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

	for (size_t i = 0; name && i < RULES_NAMES; i++)
		is_found |= str_eq(rules_names[i], name);
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
				data.args[k] = rules_edge(seed, spec);
			ours = program_run(filter->code, filter->count, &data);
			theirs = expected(spec, reference, machine, newest, &data);
			if (ours == theirs)
				continue;
			rules_print(spec, machine, data.nr);
			fail_msg(
				"%s %u(%#llx, %#llx, %#llx, %#llx, %#llx, %#llx): %#x, libseccomp %#x",
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
	const struct machine *machine = &rules_machines[nr >= X32_BIT ? 2 : 0];
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
	for (size_t m = 0; m < RULES_MACHINES; m++)
		compare_machine(spec, &reference, &filter, &rules_machines[m], seed);
	for (size_t i = 0; i < LENGTH(strange); i++)
		compare_strange(spec, &reference, &filter, strange[i]);
	free(reference.code);
	seccomp_filter_done(&filter);
}

static void random_archs(struct spec_seccomp *spec, uint64_t *seed)
{
	for (size_t i = 0; i < RULES_MACHINES; i++) {
		if (rules_random(seed) % 2)
			assert_int_equal(
				strv_add(&spec->architectures, rules_machines[i].name),
				0);
	}
}

static void test_like_libseccomp(void **state)
{
	static const char *const defaults[] = { "SCMP_ACT_ERRNO", "SCMP_ACT_KILL",
		"SCMP_ACT_LOG", "SCMP_ACT_TRAP" };

	for (uint64_t n = 0; n < PROFILES; n++) {
		uint64_t seed = n;
		struct spec_seccomp spec;

		rules_init(&spec, defaults[rules_random(&seed) % LENGTH(defaults)]);
		random_archs(&spec, &seed);
		rules_disjoint(&spec, &seed);
		compare(&spec, &seed);
		rules_done(&spec);
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

		rules_init(&spec, cases[i].default_action);
		call = rules_add(&spec, "read", cases[i].action);
		call->has_errno_ret = true;
		call->errno_ret = cases[i].errno_ret;
		rules_add_arg(call, cases[i].index, cases[i].op, 1, 0);
		if (cases[i].arch)
			assert_int_equal(strv_add(&spec.architectures, cases[i].arch), 0);
		if (cases[i].flag)
			assert_int_equal(strv_add(&spec.flags, cases[i].flag), 0);
		assert_true(compile(&spec, &err) < 0);
		if (!strstr(err.text, cases[i].text))
			fail_msg("\"%s\" does not say %s", err.text, cases[i].text);
		rules_done(&spec);
	}
}

static void test_unknown_names_are_noted(void **state)
{
	cleanup_with(notes_done) struct notes notes = { 0 };
	cleanup_with(seccomp_filter_done) struct seccomp_filter filter = { 0 };
	struct spec_seccomp spec;
	struct spec_syscall *call;

	rules_init(&spec, "SCMP_ACT_ERRNO");
	call = rules_add(&spec, "read", "SCMP_ACT_ALLOW");
	assert_int_equal(strv_add(&call->names, "frobnicate"), 0);
	assert_int_equal(strv_add(&call->names, "twiddle"), 0);
	assert_int_equal(seccomp_compile(&spec, &notes, &filter, NULL), 0);
	assert_int_equal(strv_len(notes.lines), 1);
	assert_non_null(strstr(notes.lines[0], "frobnicate, twiddle"));
	rules_done(&spec);
}

/* A rule without arguments wins over rules with, and of two the first. */
static void test_precedence(void **state)
{
	cleanup_with(seccomp_filter_done) struct seccomp_filter filter = { 0 };
	struct seccomp_data data = { .nr = SCMP_SYS(read),
		.arch = rules_machines[0].audit };
	struct spec_seccomp spec;
	struct spec_syscall *call;

	rules_init(&spec, "SCMP_ACT_ERRNO");
	call = rules_add(&spec, "read", "SCMP_ACT_TRAP");
	rules_add_arg(call, 0, "SCMP_CMP_EQ", 0, 0);
	(void)rules_add(&spec, "read", "SCMP_ACT_ALLOW");
	(void)rules_add(&spec, "read", "SCMP_ACT_LOG");
	assert_int_equal(seccomp_compile(&spec, NULL, &filter, NULL), 0);
	assert_int_equal(
		program_run(filter.code, filter.count, &data), SECCOMP_RET_ALLOW);
	rules_done(&spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_like_libseccomp),
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_refused_in_words),
		cmocka_unit_test(test_unknown_names_are_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
