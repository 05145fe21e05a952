/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules to BPF. The numbers of an architecture are cut into ranges with one outcome each,
 * and a binary tree of "not below" comparisons finds the range: a profile of four hundred
 * names is a tree of some fifty ranges, six or seven comparisons deep.
 */
#include "isolators/seccomp.h"

#include "isolators/seccomp-args.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>

#ifndef SECCOMP_FILTER_FLAG_TSYNC_ESRCH /* Linux 5.7 */
#define SECCOMP_FILTER_FLAG_TSYNC_ESRCH (1UL << 4)
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* Linux 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* A tracer skips a call by setting its number to -1, and the filter runs again
 * (Linux 4.8). */
#define NR_SKIPPED UINT32_MAX
#define X32_FIRST 0x40000000U
#define BAD_ARCH_ACTION SECCOMP_RET_KILL_PROCESS

/* The range reaches to the next one's first number. Either rules or an action alone. */
struct range {
	uint32_t first;
	uint32_t action;
	const struct seccomp_rule *rules;
	size_t rule_count;
	bool is_64;
};

struct ranges {
	struct range *items;
	size_t count;
};

struct compiler {
	struct bpf *bpf;
	const struct seccomp_rules *rules;
	struct ranges ranges; /* of the architecture at hand; room for the largest */
};

/* ---- numbers --------------------------------------------------------------------------
 */

static bool is_same_outcome(const struct range *a, const struct range *b)
{
	return !a->rule_count && !b->rule_count && a->action == b->action;
}

static void range_add(struct ranges *ranges, struct range range)
{
	const struct range *last;

	if (ranges->count && ranges->items[ranges->count - 1].first == range.first)
		ranges->count--;
	last = ranges->count ? &ranges->items[ranges->count - 1] : NULL;
	if (!last || !is_same_outcome(last, &range))
		ranges->items[ranges->count++] = range;
}

/* What numbers without a rule get: newer ones than the profile's newest do not exist for
 * it. */
static uint32_t gap_action(
	const struct compiler *compiler, const struct seccomp_table *table, uint32_t nr)
{
	uint32_t action = compiler->rules->default_action;
	bool is_errno = (action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;

	if (nr > table->newest && table->newest > table->arch->first_nr && is_errno)
		return SECCOMP_RET_ERRNO | ENOSYS;
	return action;
}

static void add_gap(
	struct compiler *compiler, const struct seccomp_table *table, uint32_t nr)
{
	range_add(&compiler->ranges,
		(struct range){ .first = nr, .action = gap_action(compiler, table, nr) });
}

static void add_number(struct compiler *compiler, const struct seccomp_table *table,
	const struct seccomp_rule *rules, size_t count)
{
	struct range range = { .first = rules->nr, .is_64 = table->arch->is_64 };

	if (!rules->conditions) {
		range.action = rules->action;
	} else {
		range.action = compiler->rules->default_action;
		range.rules = rules;
		range.rule_count = count;
	}
	range_add(&compiler->ranges, range);
	add_gap(compiler, table, rules->nr + 1);
}

static void add_table(struct compiler *compiler, const struct seccomp_table *table)
{
	bool is_past_newest = false;
	size_t n;

	add_gap(compiler, table, table->arch->first_nr);
	for (size_t i = 0; i < table->count; i += n) {
		uint32_t nr = table->rules[i].nr;

		if (nr > table->newest && !is_past_newest) {
			add_gap(compiler, table, table->newest + 1);
			is_past_newest = true;
		}
		for (n = 1; i + n < table->count && table->rules[i + n].nr == nr;)
			n++;
		add_number(compiler, table, &table->rules[i], n);
	}
	if (!is_past_newest)
		add_gap(compiler, table, table->newest + 1);
}

static bpf_label emit_outcome(struct compiler *compiler, const struct range *range)
{
	return seccomp_emit_rules(compiler->bpf, range->rules, range->rule_count,
		range->is_64, range->action);
}

static bpf_label emit_tree(
	struct compiler *compiler, const struct range *ranges, size_t count)
{
	struct bpf *bpf = compiler->bpf;
	size_t half = count / 2;
	bpf_label high, low;

	if (count == 1)
		return emit_outcome(compiler, ranges);
	/* A single number among others that share their outcome is one comparison, not
	 * two. */
	if (count == 3 && ranges[2].first == ranges[1].first + 1 &&
		is_same_outcome(&ranges[0], &ranges[2])) {
		high = emit_outcome(compiler, &ranges[1]);
		low = emit_outcome(compiler, &ranges[0]);
		return bpf_jump(bpf, BPF_JEQ, ranges[1].first, high, low);
	}
	high = emit_tree(compiler, ranges + half, count - half);
	low = emit_tree(compiler, ranges, half);
	return bpf_jump(bpf, BPF_JGE, ranges[half].first, high, low);
}

/* ---- architectures --------------------------------------------------------------------
 */

static const struct seccomp_table *x32_table(const struct seccomp_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++) {
		if (rules->tables[i].arch->first_nr == X32_FIRST)
			return &rules->tables[i];
	}
	return NULL;
}

/* x32 has x86_64's audit token and numbers above a bit: part of its tree, or refused in
 * it. */
static void add_x32(struct compiler *compiler)
{
	const struct seccomp_table *table = x32_table(compiler->rules);

	if (table)
		add_table(compiler, table);
	else
		range_add(&compiler->ranges,
			(struct range){ .first = X32_FIRST, .action = BAD_ARCH_ACTION });
}

static bpf_label emit_arch(struct compiler *compiler, const struct seccomp_table *table)
{
	compiler->ranges.count = 0;
	add_table(compiler, table);
	if (table->arch->audit == AUDIT_ARCH_X86_64)
		add_x32(compiler);
	range_add(&compiler->ranges, (struct range){ .first = NR_SKIPPED,
					     .action = compiler->rules->default_action });
	return bpf_load(compiler->bpf, offsetof(struct seccomp_data, nr),
		emit_tree(compiler, compiler->ranges.items, compiler->ranges.count));
}

/* The machine's own architecture is asked for first, so it is emitted last. */
static bpf_label emit_program(struct compiler *compiler)
{
	const struct seccomp_rules *rules = compiler->rules;
	bpf_label archs[SECCOMP_ARCHS_MAX];
	bpf_label at;

	for (size_t i = rules->count; i-- > 0;) {
		if (rules->tables[i].arch->first_nr != X32_FIRST)
			archs[i] = emit_arch(compiler, &rules->tables[i]);
	}
	at = bpf_return(compiler->bpf, BAD_ARCH_ACTION);
	for (size_t i = rules->count; i-- > 0;) {
		const struct seccomp_arch *arch = rules->tables[i].arch;

		if (arch->first_nr != X32_FIRST)
			at = bpf_jump(compiler->bpf, BPF_JEQ, arch->audit, archs[i], at);
	}
	return bpf_load(compiler->bpf, offsetof(struct seccomp_data, arch), at);
}

static int emit_filter(
	const struct seccomp_rules *rules, struct seccomp_filter *ret, struct err *err)
{
	cleanup_free struct bpf *bpf = bpf_new();
	cleanup_free struct range *items = NULL;
	struct compiler compiler = { .bpf = bpf, .rules = rules };
	size_t room = 0;

	/* Two ranges a number, and the fixed ones of two tables. */
	for (size_t i = 0; i < rules->count; i++)
		room += 2 * rules->tables[i].count + 4;
	items = calloc(room, sizeof(*items));
	if (!bpf || !items)
		return err_oom(err);
	compiler.ranges.items = items;
	return bpf_finish(bpf, emit_program(&compiler), &ret->code, &ret->count, err);
}

static int read_flags(const struct spec_seccomp *spec, bool has_notify, unsigned int *ret,
	struct err *err)
{
	unsigned int flags = 0;
	uint32_t flag;
	int r;

	strv_each (name, spec->flags) {
		r = seccomp_flag_find(*name, &flag, err);
		if (r < 0)
			return r;
		flags |= flag;
	}
	if (has_notify) {
		flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
		/* With both, the kernel could not tell a descriptor from a thread's id.
		 */
		if (flags & SECCOMP_FILTER_FLAG_TSYNC)
			flags |= SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
	} else if (flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) {
		return err_say(err, EINVAL,
			"seccomp: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs a rule with SCMP_ACT_NOTIFY");
	}
	*ret = flags;
	return 0;
}

static int check_notify(const struct spec_seccomp *spec,
	const struct seccomp_rules *rules, struct err *err)
{
	if (rules->default_action == SECCOMP_RET_USER_NOTIF)
		return err_say(err, EINVAL,
			"seccomp: SCMP_ACT_NOTIFY cannot be the default action: the "
			"container could not start");
	if (rules->has_notify && !spec->listener_path)
		return err_say(
			err, EINVAL, "seccomp: SCMP_ACT_NOTIFY needs a listenerPath");
	return 0;
}

int seccomp_compile(const struct spec_seccomp *spec, struct notes *notes,
	struct seccomp_filter *ret, struct err *err)
{
	cleanup_with(seccomp_rules_done) struct seccomp_rules rules = { 0 };
	struct seccomp_filter filter = { 0 };
	int r;

	if (!spec->is_set) {
		*ret = filter;
		return 0;
	}
	r = seccomp_rules_collect(spec, notes, &rules, err);
	if (r == 0)
		r = check_notify(spec, &rules, err);
	if (r == 0)
		r = read_flags(spec, rules.has_notify, &filter.flags, err);
	if (r == 0)
		r = emit_filter(&rules, &filter, err);
	if (r == 0)
		*ret = filter;
	return r;
}
