/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which the rules of one number are tried. */
#include "isolators/seccomp-rules.h"

#include <stdlib.h>

static bool is_unconditional(const struct seccomp_rule *rule, bool is_64)
{
	if (!rule->conditions)
		return true;
	for (unsigned int i = 0; i < rule->conditions->count; i++) {
		uint64_t mask = rule->conditions->cmps[i].mask;

		if (is_64 ? mask != 0 : (uint32_t)mask != 0)
			return false;
	}
	return true;
}

static int op_rank(enum seccomp_op op)
{
	static const int ranks[] = {
		[SECCOMP_GE] = 1,
		[SECCOMP_GT] = 1,
		[SECCOMP_LE] = 2,
		[SECCOMP_LT] = 2,
		[SECCOMP_EQ] = 3,
		[SECCOMP_NE] = 3,
		[SECCOMP_MASKED_EQ] = 3,
	};

	return ranks[op];
}

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static int cmp_order(const struct seccomp_cmp *a, const struct seccomp_cmp *b, bool is_64)
{
	uint64_t x = is_64 ? a->datum : (uint32_t)a->datum;
	uint64_t y = is_64 ? b->datum : (uint32_t)b->datum;
	int r;

	r = ORDER(b->index, a->index);
	if (r == 0)
		r = ORDER(op_rank(b->op), op_rank(a->op));
	if (r != 0)
		return r;
	/* "below" tries its smallest bound first, all others their largest value */
	return op_rank(a->op) == 2 ? ORDER(x, y) : ORDER(y, x);
}

/*
 * Rules with different actions can hold for the same arguments, and then the order
 * decides. It is libseccomp's: a rule without conditions beats all others; then later
 * arguments before earlier ones, equality before "below" before "above", and the tightest
 * bound first.
 */
static int rule_order(
	const struct seccomp_rule *a, const struct seccomp_rule *b, bool is_64)
{
	int r = is_unconditional(b, is_64) - is_unconditional(a, is_64);
	unsigned int i;

	if (r != 0 || is_unconditional(a, is_64))
		return r;
	for (i = 0; r == 0 && i < a->conditions->count && i < b->conditions->count; i++)
		r = cmp_order(&a->conditions->cmps[i], &b->conditions->cmps[i], is_64);
	return r;
}

static int order_rules(const void *pa, const void *pb, void *arg)
{
	const struct seccomp_rule *a = pa, *b = pb;
	const struct seccomp_arch *arch = arg;
	int r = ORDER(a->nr, b->nr);

	if (r == 0)
		r = rule_order(a, b, arch->is_64);
	return r ? r : ORDER(a->order, b->order);
}

void seccomp_table_sort(struct seccomp_table *table)
{
	if (table->count > 0)
		qsort_r(table->rules, table->count, sizeof(*table->rules), order_rules,
			(void *)table->arch);
}
