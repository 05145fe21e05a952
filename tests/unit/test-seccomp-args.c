/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions on arguments against a plain reading of the rules, overlapping ones included. */
#include "tests/unit/unit.h"

#include "isolators/seccomp.h"
#include "tests/unit/seccomp-random.h"
#include "tests/unit/seccomp-reference.h"

#include <linux/audit.h>
#include <seccomp.h>

#define PROFILES 80
#define VECTORS 60

/* Whether one condition holds, said as plainly as C can. */
static bool holds(
	const struct spec_seccomp_arg *arg, bool is_64, const struct seccomp_data *data)
{
	uint64_t width = is_64 ? UINT64_MAX : UINT32_MAX;
	uint64_t a = data->args[arg->index] & width, v = arg->value & width;
	const bool results[] = { a != v, a<v, a <= v, a == v, a >= v, a> v,
		(a & v) == (arg->value_two & v) };

	for (size_t i = 0; i < RULES_OPS; i++) {
		if (str_eq(rules_ops[i], arg->op))
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
	for (size_t i = 0; i < RULES_NAMES; i++) {
		struct seccomp_data data = { .arch = machine->audit };

		data.nr = seccomp_syscall_resolve_name_rewrite(
			machine->token, rules_names[i]);
		for (int n = 0; data.nr >= 0 && n < VECTORS; n++) {
			uint32_t verdict;

			for (int k = 0; k < 6; k++)
				data.args[k] = rules_edge(seed, spec);
			if (n % 4 == 0)
				data.args[0] = rules_random(seed) % 24;
			verdict = program_run(filter->code, filter->count, &data);
			if ((verdict == SECCOMP_RET_ALLOW) ==
				model_allows(spec, machine, &data))
				continue;
			rules_print(spec, machine, data.nr);
			fail_msg("%s %s(%#llx, %#llx, %#llx, %#llx, %#llx, %#llx): %#x",
				machine->name, rules_names[i], data.args[0], data.args[1],
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

		rules_init(&spec, "SCMP_ACT_ERRNO");
		rules_overlapping(&spec, &seed);
		for (size_t i = 0; i < RULES_MACHINES; i++)
			assert_int_equal(
				strv_add(&spec.architectures, rules_machines[i].name), 0);
		if (seccomp_compile(&spec, NULL, &filter, &err) < 0)
			fail_msg("%s", err.text);
		for (size_t i = 0; i < RULES_MACHINES; i++)
			compare_model(&spec, &filter, &rules_machines[i], &seed);
		seccomp_filter_done(&filter);
		rules_done(&spec);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overlapping_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
