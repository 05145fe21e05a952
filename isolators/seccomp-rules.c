/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/seccomp-rules.h"

#include "common/buf.h"
#include "common/str.h"
#include "isolators/isolator.h"

#include <errno.h>
#include <linux/seccomp.h>

/* The pseudo numbers of libseccomp for calls that socketcall(2) and ipc(2) multiplex:
 * -100 or -200 minus the number of the call within. */
#define MUX_SOCKET_FIRST (-100)
#define MUX_SOCKET_LAST (-120)
#define MUX_IPC_FIRST (-200)
#define MUX_IPC_LAST (-224)

/* arm numbers a few calls of its own from here; they say nothing about a profile's age.
 */
#define ARM_PRIVATE_FIRST 0xf0000U

void seccomp_rules_done(struct seccomp_rules *rules)
{
	struct seccomp_conditions *next;

	for (size_t i = 0; i < rules->count; i++)
		free(rules->tables[i].rules);
	for (struct seccomp_conditions *c = rules->conditions; c; c = next) {
		next = c->next;
		free(c);
	}
	*rules = (struct seccomp_rules){ 0 };
}

static struct seccomp_conditions *conditions_new(struct seccomp_rules *rules)
{
	struct seccomp_conditions *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->next = rules->conditions;
	rules->conditions = c;
	return c;
}

/* Keeps the order by index; an index that is there already is replaced. */
static void conditions_put(struct seccomp_conditions *c, struct seccomp_cmp cmp)
{
	unsigned int i = 0;

	while (i < c->count && c->cmps[i].index < cmp.index)
		i++;
	if (i == c->count || c->cmps[i].index != cmp.index) {
		memmove(&c->cmps[i + 1], &c->cmps[i], (c->count - i) * sizeof(cmp));
		c->count++;
	}
	c->cmps[i] = cmp;
}

static int cmp_read(
	const struct spec_seccomp_arg *arg, struct seccomp_cmp *ret, struct err *err)
{
	struct seccomp_cmp cmp = { .index = arg->index, .mask = UINT64_MAX };
	int r;

	if (arg->index >= SECCOMP_ARGS_MAX)
		return err_say(err, EINVAL,
			"seccomp: there is no argument %u, only 0 to %d", arg->index,
			SECCOMP_ARGS_MAX - 1);
	r = seccomp_op_find(arg->op ? arg->op : "", &cmp.op, err);
	if (r < 0)
		return r;
	cmp.datum = arg->value;
	if (cmp.op == SECCOMP_MASKED_EQ) {
		cmp.mask = arg->value;
		cmp.datum = arg->value_two & arg->value;
	}
	*ret = cmp;
	return 0;
}

static bool has_repeated_index(const struct spec_seccomp_args *args)
{
	unsigned int seen = 0;

	for (size_t i = 0; i < args->count; i++) {
		unsigned int bit = 1U << (args->items[i].index % 32);

		if (seen & bit)
			return true;
		seen |= bit;
	}
	return false;
}

/*
 * One set of conditions that must all hold; but when an argument is named twice, each
 * entry is an alternative of its own. The specification is silent; all runtimes read it
 * this way.
 */
static int conditions_read(struct seccomp_rules *rules,
	const struct spec_seccomp_args *args, struct seccomp_conditions **ret,
	size_t *ret_count, struct err *err)
{
	bool is_any = has_repeated_index(args);
	struct seccomp_conditions *c = NULL;
	struct seccomp_cmp cmp;
	int r;

	for (size_t i = 0; i < args->count; i++) {
		r = cmp_read(&args->items[i], &cmp, err);
		if (r < 0)
			return r;
		if (!c || is_any)
			c = conditions_new(rules);
		if (!c)
			return err_oom(err);
		conditions_put(c, cmp);
	}
	*ret = c; /* the newest; the alternatives follow it in the list */
	*ret_count = is_any ? args->count : 1;
	return 0;
}

static int table_add(struct seccomp_table *table, uint32_t nr, uint32_t action,
	const struct seccomp_conditions *conditions)
{
	if (table->count == table->room) {
		size_t room = table->room ? table->room * 2 : 512;
		void *grown = realloc(table->rules, room * sizeof(*table->rules));

		if (!grown)
			return -ENOMEM;
		table->rules = grown;
		table->room = room;
	}
	table->rules[table->count] = (struct seccomp_rule){
		.nr = nr,
		.action = action,
		.order = (uint32_t)table->count,
		.conditions = conditions,
	};
	table->count++;
	return 0;
}

/* What one name decides on one architecture. */
struct decision {
	const char *name;
	int native_nr; /* what seccomp_nr_find() says of the first table */
	uint32_t action;
	bool is_default; /* only makes the name known */
	const struct seccomp_conditions *conditions;
};

static void note_newest(struct seccomp_table *table, uint32_t nr)
{
	if (nr > table->newest && nr - table->arch->first_nr < ARM_PRIVATE_FIRST)
		table->newest = nr;
}

static int add_nr(struct seccomp_table *table, const struct decision *d, uint32_t nr,
	const struct seccomp_conditions *conditions)
{
	note_newest(table, nr);
	return d->is_default ? 0 : table_add(table, nr, d->action, conditions);
}

/* The multiplexer with its first argument fixed; what the rule says of that argument is
 * about the call within and hidden behind a pointer here, so it has to go. */
static int add_mux(struct seccomp_rules *rules, struct seccomp_table *table,
	const struct decision *d, const char *mux, int call)
{
	struct seccomp_conditions *c, *owner;
	int nr = seccomp_nr_find(table->arch, mux);

	if (nr < 0)
		return 0;
	c = conditions_new(rules);
	if (!c)
		return -ENOMEM;
	if (d->conditions) {
		owner = c->next;
		*c = *d->conditions;
		c->next = owner;
	}
	conditions_put(
		c, (struct seccomp_cmp){ 0, SECCOMP_EQ, UINT64_MAX, (uint64_t)call });
	return add_nr(table, d, (uint32_t)nr, c);
}

static int add_name(struct seccomp_rules *rules, struct seccomp_table *table,
	const struct decision *d)
{
	int nr = table == rules->tables ? d->native_nr
					: seccomp_nr_find(table->arch, d->name);
	int direct;
	int r = 0;

	if (nr >= 0)
		return add_nr(table, d, (uint32_t)nr, d->conditions);
	if (!table->arch->has_mux)
		return 0;
	if (nr <= MUX_SOCKET_FIRST && nr >= MUX_SOCKET_LAST)
		r = add_mux(rules, table, d, "socketcall", MUX_SOCKET_FIRST - nr);
	else if (nr <= MUX_IPC_FIRST && nr >= MUX_IPC_LAST)
		r = add_mux(rules, table, d, "ipc", MUX_IPC_FIRST - nr);
	else
		return 0;
	direct = seccomp_nr_direct(d->name);
	if (r == 0 && direct >= 0)
		r = add_nr(table, d, (uint32_t)direct, d->conditions);
	return r;
}

static int add_everywhere(struct seccomp_rules *rules, struct decision *d,
	const struct seccomp_conditions *first, size_t alternatives)
{
	const struct seccomp_conditions *c = first;

	for (size_t i = 0; i < alternatives; i++) {
		d->conditions = c;
		for (size_t k = 0; k < rules->count; k++) {
			if (add_name(rules, &rules->tables[k], d) < 0)
				return -ENOMEM;
		}
		c = c ? c->next : NULL;
	}
	return 0;
}

/* The action of a rule, or of the default, with EPERM for an errno that is not given. */
static int action_read(const char *name, bool has_errno_ret, uint32_t errno_ret,
	uint32_t *ret, struct err *err)
{
	return seccomp_action_find(
		name ? name : "", has_errno_ret ? errno_ret : EPERM, ret, err);
}

static int add_syscall(struct seccomp_rules *rules, const struct spec_syscall *call,
	strv *unknown, struct err *err)
{
	struct seccomp_conditions *conditions = NULL;
	struct decision d = { 0 };
	size_t alternatives = 0;
	int r;

	r = action_read(
		call->action, call->has_errno_ret, call->errno_ret, &d.action, err);
	if (r == 0)
		r = conditions_read(rules, &call->args, &conditions, &alternatives, err);
	if (r < 0)
		return call->names ? err_wrap(err, "rule for %s", call->names[0]) : r;

	d.is_default = d.action == rules->default_action;
	rules->has_notify |= d.action == SECCOMP_RET_USER_NOTIF;
	strv_each (name, call->names) {
		d.name = *name;
		d.native_nr = seccomp_nr_find(rules->tables[0].arch, d.name);
		if (d.native_nr == SECCOMP_NR_UNKNOWN) {
			if (strv_add(unknown, d.name) < 0)
				return err_oom(err);
			continue;
		}
		if (add_everywhere(rules, &d, conditions, alternatives) < 0)
			return err_oom(err);
	}
	return 0;
}

static int add_arch(
	struct seccomp_rules *rules, const struct seccomp_arch *arch, struct err *err)
{
	for (size_t i = 0; i < rules->count; i++) {
		if (rules->tables[i].arch == arch)
			return 0;
	}
	if (rules->count == SECCOMP_ARCHS_MAX)
		return err_say(err, E2BIG, "seccomp: more than %d architectures",
			SECCOMP_ARCHS_MAX);
	rules->tables[rules->count++] =
		(struct seccomp_table){ .arch = arch, .newest = arch->first_nr };
	return 0;
}

/* The machine's own architecture is always part of a filter, listed or not. */
static int add_archs(struct seccomp_rules *rules, char *const *names, struct err *err)
{
	const struct seccomp_arch *arch = seccomp_arch_native_row();
	int r;

	if (!arch)
		return err_say(err, EOPNOTSUPP,
			"seccomp: no filters for this machine's architecture");
	r = add_arch(rules, arch, err);
	strv_each (name, names) {
		if (r == 0)
			r = seccomp_arch_find(*name, &arch, err);
		if (r == 0 && arch)
			r = add_arch(rules, arch, err);
	}
	return r;
}

static void note_unknown(struct notes *notes, char *const *unknown)
{
	cleanup_buf struct buf names = BUF_INIT;

	strv_each (name, unknown)
		buf_printf(&names, "%s%s", names.len ? ", " : "", *name);
	if (names.len && buf_finish(&names) == 0)
		notes_add(notes, "seccomp: skipped unknown system calls: %s", names.data);
}

int seccomp_rules_collect(const struct spec_seccomp *spec, struct notes *notes,
	struct seccomp_rules *ret, struct err *err)
{
	cleanup_strv strv unknown = NULL;
	int r;

	*ret = (struct seccomp_rules){ 0 };
	r = action_read(spec->default_action, spec->has_default_errno_ret,
		spec->default_errno_ret, &ret->default_action, err);
	if (r == 0)
		r = add_archs(ret, spec->architectures, err);
	for (size_t i = 0; r == 0 && i < spec->syscalls.count; i++)
		r = add_syscall(ret, &spec->syscalls.items[i], &unknown, err);
	if (r < 0)
		return r;

	for (size_t i = 0; i < ret->count; i++)
		seccomp_table_sort(&ret->tables[i]);
	note_unknown(notes, unknown);
	return 0;
}
