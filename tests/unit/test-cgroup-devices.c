/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device rules in both forms against their meaning: the program is run by an
 * interpreter for the few instructions it uses, the exceptions of v1 as the kernel
 * applies them, and both are compared with the ordered rules, one access bit at a time.
 */
#include "tests/unit/unit.h"

#include "common/cleanup.h"
#include "isolators/cgroup-devices.h"

#include <errno.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ACCESS_ALL 7
#define RANDOM_ROUNDS 3000

struct query {
	char type;
	unsigned int major, minor, access;
};

static uint32_t load_word(const struct query *q, int offset)
{
	unsigned int type = q->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;

	if (offset == offsetof(struct bpf_cgroup_dev_ctx, access_type))
		return q->access << 16 | type;
	if (offset == offsetof(struct bpf_cgroup_dev_ctx, major))
		return q->major;
	assert_int_equal(offset, offsetof(struct bpf_cgroup_dev_ctx, minor));
	return q->minor;
}

static void step_alu(const struct bpf_insn *i, uint64_t *regs)
{
	uint64_t value =
		BPF_SRC(i->code) == BPF_X ? regs[i->src_reg] : (uint64_t)(int64_t)i->imm;
	uint32_t low = (uint32_t)regs[i->dst_reg];

	switch (BPF_OP(i->code)) {
	case BPF_MOV: low = (uint32_t)value; break;
	case BPF_AND: low &= (uint32_t)value; break;
	case BPF_RSH: low >>= value; break;
	default: fail_msg("instruction 0x%x", i->code);
	}
	regs[i->dst_reg] = low;
}

static bool takes_branch(const struct bpf_insn *i, const uint64_t *regs)
{
	uint32_t value = (uint32_t)regs[i->dst_reg];

	assert_true(i->off >= 0); /* forward only */
	if (BPF_OP(i->code) == BPF_JNE)
		return value != (uint32_t)i->imm;
	assert_int_equal(BPF_OP(i->code), BPF_JEQ);
	return value == (uint32_t)i->imm;
}

static bool interpret(const struct bpf_insn *insns, size_t count, const struct query *q)
{
	uint64_t regs[11] = { 0 };

	for (size_t pc = 0; pc < count; pc++) {
		const struct bpf_insn *i = &insns[pc];

		switch (BPF_CLASS(i->code)) {
		case BPF_LDX: regs[i->dst_reg] = load_word(q, i->off); break;
		case BPF_ALU:
		case BPF_ALU64: step_alu(i, regs); break;
		case BPF_JMP32: pc += takes_branch(i, regs) ? (size_t)i->off : 0; break;
		case BPF_JMP: assert_int_equal(BPF_OP(i->code), BPF_EXIT); return regs[0];
		default: fail_msg("instruction 0x%x", i->code);
		}
	}
	fail_msg("the program runs past its end");
	return false;
}

static bool rule_names(const struct device_rule *rule, const struct query *q)
{
	return (rule->type == 'a' || rule->type == q->type) &&
	       (rule->major < 0 || rule->major == q->major) &&
	       (rule->minor < 0 || rule->minor == q->minor);
}

/* The meaning: for each bit, the last rule that names the device and the bit decides. */
static bool means(const struct device_rules *rules, const struct query *q)
{
	for (unsigned int bit = 1; bit <= 4; bit <<= 1) {
		bool is_allowed = rules->is_allowed;

		for (size_t i = 0; i < rules->count; i++) {
			if (rule_names(&rules->items[i], q) &&
				(rules->items[i].access & bit))
				is_allowed = rules->items[i].allow;
		}
		if ((q->access & bit) && !is_allowed)
			return false;
	}
	return true;
}

/* As devcgroup_check_permission() does: "deny all" needs one exception that holds the
 * whole access, "allow all" is denied by one that holds a part. The kernel keeps one
 * exception for each device, which merges the accesses. */
static bool kernel_v1(const struct device_rules *rules, const struct query *q)
{
	unsigned int seen = 0;

	for (size_t i = 0; i < rules->count; i++) {
		const struct device_rule *rule = &rules->items[i];

		assert_true(rule->allow != rules->is_allowed);
		if (!rule_names(rule, q))
			continue;
		seen |= rule->access;
	}
	if (rules->is_allowed)
		return !(seen & q->access);
	return !(q->access & ~seen);
}

static const struct query queries[] = {
	{ 'c', 1, 3, 1 },
	{ 'c', 1, 3, 2 },
	{ 'c', 1, 3, 4 },
	{ 'c', 1, 3, 6 },
	{ 'c', 1, 3, 7 },
	{ 'c', 1, 5, 6 },
	{ 'c', 1, 5, 1 },
	{ 'b', 1, 3, 2 },
	{ 'b', 8, 0, 6 },
	{ 'b', 8, 1, 2 },
	{ 'b', 8, 1, 4 },
	{ 'c', 8, 1, 4 },
	{ 'c', 4095, 1048575, 2 },
	{ 'b', 7, 7, 1 },
	{ 'c', 10, 200, 6 },
	{ 'c', 136, 5, 6 },
};

static void compare_all(struct device_rules *rules)
{
	cleanup_free struct bpf_insn *insns = NULL;
	size_t count = 0;
	bool expected[COUNT(queries)];

	assert_int_equal(device_program(rules, &insns, &count), 0);
	for (size_t i = 0; i < COUNT(queries); i++) {
		expected[i] = means(rules, &queries[i]);
		assert_int_equal(interpret(insns, count, &queries[i]), expected[i]);
	}
	if (device_rules_flatten(rules, NULL) < 0)
		return; /* v1 cannot say it */
	for (size_t i = 0; i < COUNT(queries); i++) {
		/* A wildcard and a number are two exceptions to the kernel, so an access
		 * that needs both is more than v1 grants; single bits agree. */
		if (__builtin_popcount(queries[i].access) == 1)
			assert_int_equal(kernel_v1(rules, &queries[i]), expected[i]);
	}
}

static void random_rule(struct spec_device_rule *rule, char *type, char *access)
{
	static const int majors[] = { -1, 1, 8, 136 }, minors[] = { -1, 0, 1, 3, 5 };
	static const char *const accesses[] = { "rwm", "r", "w", "m", "rw", "rm", "" };

	type[0] = "abc"[random() % 3];
	strcpy(access, accesses[random() % 7]);
	*rule = (struct spec_device_rule){ .allow = random() % 2,
		.type = type,
		.major = { random() % 4 > 0, majors[random() % 4] },
		.minor = { random() % 4 > 0, minors[random() % 5] },
		.access = access };
}

static void test_random_rules(void **state)
{
	struct spec_device_rule items[6];
	char types[6][2] = { 0 }, accesses[6][4];

	srandom(7);
	for (int round = 0; round < RANDOM_ROUNDS; round++) {
		struct spec_device_rules spec = { items, (size_t)random() % 7 };
		cleanup_with(device_rules_done) struct device_rules rules = { 0 };

		for (size_t i = 0; i < spec.count; i++)
			random_rule(&items[i], types[i], accesses[i]);
		assert_int_equal(device_rules_read(&spec, &rules, NULL), 0);
		compare_all(&rules);
	}
}

/* No rule: nothing but what every container has. */
static void test_defaults(void **state)
{
	static const struct query null = { 'c', 1, 3, 6 }, disk = { 'b', 8, 0, 2 },
				  make = { 'b', 8, 0, 1 }, kmem = { 'c', 1, 2, 2 };
	cleanup_with(device_rules_done) struct device_rules rules = { 0 };
	cleanup_free struct bpf_insn *insns = NULL;
	struct spec_device_rules spec = { 0 };
	size_t count = 0;

	assert_int_equal(device_rules_read(&spec, &rules, NULL), 0);
	assert_int_equal(device_program(&rules, &insns, &count), 0);
	assert_true(interpret(insns, count, &null));
	assert_true(interpret(insns, count, &make));
	assert_false(interpret(insns, count, &disk));
	assert_false(interpret(insns, count, &kmem));
}

static void test_everything(void **state)
{
	struct spec_device_rule items[] = { { .allow = false }, { .allow = true } };
	struct spec_device_rules spec = { items, 2 };
	cleanup_with(device_rules_done) struct device_rules rules = { 0 };

	assert_int_equal(device_rules_read(&spec, &rules, NULL), 0);
	assert_true(rules.is_allowed);
	assert_int_equal(rules.count, 0);
}

static void test_refused(void **state)
{
	struct spec_device_rule items[] = {
		{ .type = (char[]){ "x" } },
		{ .type = (char[]){ "cc" } },
		{ .access = (char[]){ "rx" } },
		{ .major = { true, 4096 } },
		{ .minor = { true, 1048576 } },
		{ .major = { true, -2 } },
	};
	struct device_rules rules;
	struct err err;

	for (size_t i = 0; i < COUNT(items); i++) {
		struct spec_device_rules spec = { &items[i], 1 };

		assert_int_equal(device_rules_read(&spec, &rules, &err), -EINVAL);
		assert_non_null(strstr(err.text, "resources.devices[0]"));
	}
}

static void test_v1_cannot(void **state)
{
	struct spec_device_rule items[] = {
		{ .allow = true, .type = (char[]){ "c" } },
		{ .allow = false,
			.type = (char[]){ "c" },
			.major = { true, 10 },
			.minor = { true, 200 } },
	};
	struct spec_device_rules spec = { items, 2 };
	cleanup_with(device_rules_done) struct device_rules rules = { 0 };
	struct err err = { 0 };

	assert_int_equal(device_rules_read(&spec, &rules, &err), 0);
	assert_int_equal(device_rules_flatten(&rules, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "c 10:200 rwm after c *:* rwm"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_rules),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_v1_cannot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
