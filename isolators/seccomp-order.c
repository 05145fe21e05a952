/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which the rules of one number are tried. */
#include "isolators/seccomp-rules.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* One pass by the byte at `shift`, from one array to the other; stable. */
static bool sort_by_byte(const struct seccomp_rule *from, struct seccomp_rule *to,
	size_t count, unsigned int shift)
{
	size_t places[256] = { 0 }, at = 0, n;

	for (size_t i = 0; i < count; i++)
		places[from[i].nr >> shift & 0xff]++;
	if (places[from[0].nr >> shift & 0xff] == count)
		return false;
	for (size_t i = 0; i < 256; i++) {
		n = places[i];
		places[i] = at;
		at += n;
	}
	for (size_t i = 0; i < count; i++)
		to[places[from[i].nr >> shift & 0xff]++] = from[i];
	return true;
}

/* A radix sort: comparing some hundred rules of each architecture is a tenth of what a
 * start costs in user space. */
static int sort_by_number(struct seccomp_rule *rules, size_t count)
{
	cleanup_free struct seccomp_rule *spare = malloc(count * sizeof(*spare));
	struct seccomp_rule *from = rules, *to = spare, *swap;

	if (!spare)
		return -ENOMEM;
	for (unsigned int shift = 0; shift < 32; shift += 8) {
		if (!sort_by_byte(from, to, count, shift))
			continue;
		swap = from;
		from = to;
		to = swap;
	}
	if (from != rules)
		memcpy(rules, from, count * sizeof(*rules));
	return 0;
}

void seccomp_table_sort(struct seccomp_table *table)
{
	struct seccomp_rule *rules = table->rules;

	if (!table->count)
		return;
	if (sort_by_number(rules, table->count) < 0) {
		qsort_r(rules, table->count, sizeof(*rules), order_rules,
			(void *)table->arch);
		return;
	}
	for (size_t i = 0, n; i < table->count; i += n) {
		for (n = 1; i + n < table->count && rules[i + n].nr == rules[i].nr;)
			n++;
		if (n > 1)
			qsort_r(rules + i, n, sizeof(*rules), order_rules,
				(void *)table->arch);
	}
}
