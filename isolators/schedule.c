/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/schedule.h"

#include "common/cleanup.h"
#include "common/str.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <stdio.h>
#include <sys/syscall.h>

/* A word of the specification and the kernel's number for it. */
struct word {
	const char *name;
	uint32_t value;
};

static const struct word policies[] = {
	{ "SCHED_OTHER", SCHED_NORMAL },
	{ "SCHED_FIFO", SCHED_FIFO },
	{ "SCHED_RR", SCHED_RR },
	{ "SCHED_BATCH", SCHED_BATCH },
	{ "SCHED_IDLE", SCHED_IDLE },
	{ "SCHED_DEADLINE", SCHED_DEADLINE },
	{ NULL, 0 },
};

static const struct word scheduler_flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK },
	{ "SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM },
	{ "SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN },
	{ "SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY },
	{ "SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX },
	{ NULL, 0 },
};

static const struct word io_classes[] = {
	{ "IOPRIO_CLASS_RT", IOPRIO_CLASS_RT },
	{ "IOPRIO_CLASS_BE", IOPRIO_CLASS_BE },
	{ "IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE },
	{ NULL, 0 },
};

static const struct word memory_modes[] = {
	{ "MPOL_DEFAULT", MPOL_DEFAULT },
	{ "MPOL_BIND", MPOL_BIND },
	{ "MPOL_INTERLEAVE", MPOL_INTERLEAVE },
	{ "MPOL_WEIGHTED_INTERLEAVE", 6 }, /* Linux 6.9 */
	{ "MPOL_PREFERRED", MPOL_PREFERRED },
	{ "MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY },
	{ "MPOL_LOCAL", MPOL_LOCAL },
	{ NULL, 0 },
};

static const struct word memory_flags[] = {
	{ "MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING },
	{ "MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES },
	{ "MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES },
	{ NULL, 0 },
};

static const struct word *find(const struct word *words, const char *name)
{
	for (; words->name; words++) {
		if (str_eq(words->name, name))
			return words;
	}
	return NULL;
}

static int unknown(const char *key, const char *value, struct err *err)
{
	return err_say(err, EINVAL, "%s: unknown value %s", key, value);
}

static int check_flags(
	const struct word *words, char *const *list, const char *key, struct err *err)
{
	strv_each (s, list) {
		if (!find(words, *s))
			return unknown(key, *s, err);
	}
	return 0;
}

/* The flags were checked in the parent; what is not found adds nothing. */
static uint32_t sum_flags(const struct word *words, char *const *list)
{
	uint32_t sum = 0;

	strv_each (s, list) {
		const struct word *word = find(words, *s);

		sum |= word ? word->value : 0;
	}
	return sum;
}

/* ---- numbers
 * ------------------------------------------------------------------------------- */

static void add_number(struct number_set *set, uint32_t number)
{
	size_t width = 8 * sizeof(unsigned long);

	set->bits[number / width] |= 1UL << (number % width);
}

static int parse_range(char *range, struct number_set *set)
{
	char *last = range, *first = strsep(&last, "-");
	uint32_t from, to;

	if (str_to_u32(first, &from) < 0 || str_to_u32(last ? last : first, &to) < 0 ||
		from > to)
		return -EINVAL;
	if (to >= NUMBER_SET_MAX)
		return -ERANGE;
	for (uint32_t i = from; i <= to; i++)
		add_number(set, i);
	return 0;
}

int number_set_parse(const char *list, struct number_set *ret)
{
	cleanup_free char *copy = strdup(list);
	struct number_set set = { 0 };
	char *rest = copy, *range;
	int r = copy ? 0 : -ENOMEM;

	while (r == 0 && (range = strsep(&rest, ",")))
		r = parse_range(range, &set);
	if (r == 0)
		*ret = set;
	return r;
}

/* ---- CPU and disk
 * ------------------------------------------------------------------------- */

int schedule_check(const struct spec_process *process, struct err *err)
{
	const struct spec_scheduler *s = &process->scheduler;
	const struct spec_io_priority *io = &process->io_priority;

	if (s->policy && !find(policies, s->policy))
		return unknown("process.scheduler.policy", s->policy, err);
	if (check_flags(scheduler_flags, s->flags, "process.scheduler.flags", err) < 0)
		return -EINVAL;
	if (!io->class)
		return 0;
	if (!find(io_classes, io->class))
		return unknown("process.ioPriority.class", io->class, err);
	if (io->priority < 0 || io->priority > 7)
		return err_say(err, EINVAL,
			"process.ioPriority.priority: %d is not 0 to 7", io->priority);
	return 0;
}

static int set_scheduler(const struct spec_scheduler *s, struct err *err)
{
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = find(policies, s->policy)->value,
		.sched_flags = sum_flags(scheduler_flags, s->flags),
		.sched_nice = s->nice,
		.sched_priority = (uint32_t)s->priority,
		.sched_runtime = s->runtime,
		.sched_deadline = s->deadline,
		.sched_period = s->period,
	};

	if (syscall(SYS_sched_setattr, 0, &attr, 0) < 0)
		return err_set(err, errno, "process.scheduler: set %s", s->policy);
	return 0;
}

static int set_io_priority(const struct spec_io_priority *io, struct err *err)
{
	uint32_t class = find(io_classes, io->class)->value;

	if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
		    IOPRIO_PRIO_VALUE(class, (uint32_t)io->priority)) < 0)
		return err_set(err, errno, "process.ioPriority: set %s %d", io->class,
			io->priority);
	return 0;
}

int schedule_apply(const struct spec_process *process, struct err *err)
{
	int r = 0;

	if (process->scheduler.policy)
		r = set_scheduler(&process->scheduler, err);
	if (r == 0 && process->io_priority.class)
		r = set_io_priority(&process->io_priority, err);
	return r;
}

/* ---- memory
 * -------------------------------------------------------------------------------- */

int memory_policy_check(const struct spec_linux *linux_, struct err *err)
{
	struct number_set nodes;

	if (!linux_->memory_policy.mode)
		return 0;
	if (!find(memory_modes, linux_->memory_policy.mode))
		return unknown(
			"linux.memoryPolicy.mode", linux_->memory_policy.mode, err);
	if (!str_empty(linux_->memory_policy.nodes) &&
		number_set_parse(linux_->memory_policy.nodes, &nodes) < 0)
		return unknown(
			"linux.memoryPolicy.nodes", linux_->memory_policy.nodes, err);
	return check_flags(memory_flags, linux_->memory_policy.flags,
		"linux.memoryPolicy.flags", err);
}

int memory_policy_apply(const struct spec_linux *linux_, struct err *err)
{
	const char *list = linux_->memory_policy.nodes;
	struct number_set nodes = { 0 };
	uint32_t mode;

	if (!linux_->memory_policy.mode)
		return 0;
	if (!str_empty(list) && number_set_parse(list, &nodes) < 0)
		return unknown("linux.memoryPolicy.nodes", list, err);
	mode = find(memory_modes, linux_->memory_policy.mode)->value |
	       sum_flags(memory_flags, linux_->memory_policy.flags);
	/* The kernel reads one bit less than it is told (set_mempolicy(2)). */
	if (syscall(SYS_set_mempolicy, mode, str_empty(list) ? NULL : nodes.bits,
		    str_empty(list) ? 0 : NUMBER_SET_MAX + 1) < 0)
		return err_set(err, errno, "linux.memoryPolicy: set %s %s",
			linux_->memory_policy.mode, list ? list : "");
	return 0;
}
