/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of a filter between the specification and the program: for each architecture
 * the numbers that are decided, in order, each with its action and the conditions on
 * arguments.
 */
#ifndef UCR_ISOLATORS_SECCOMP_RULES_H
#define UCR_ISOLATORS_SECCOMP_RULES_H

#include "common/err.h"
#include "common/spec-linux.h"
#include "isolators/seccomp-words.h"

#include <stddef.h>

#define SECCOMP_ARGS_MAX 6
#define SECCOMP_ARCHS_MAX 8

struct notes;

struct seccomp_cmp {
	unsigned int index;
	enum seccomp_op op;
	uint64_t mask;	/* all ones but for MASKED_EQ */
	uint64_t datum; /* no bits outside of the mask */
};

/* All must hold. Sorted by index, each index once. */
struct seccomp_conditions {
	struct seccomp_conditions *next; /* the list that owns them */
	unsigned int count;
	struct seccomp_cmp cmps[SECCOMP_ARGS_MAX];
};

struct seccomp_rule {
	uint32_t nr;
	uint32_t action;			     /* SECCOMP_RET_* with data */
	uint32_t order;				     /* of appearance */
	const struct seccomp_conditions *conditions; /* NULL: none */
};

/* One architecture's rules, sorted by number, then as they are to be tried. */
struct seccomp_table {
	const struct seccomp_arch *arch;
	struct seccomp_rule *rules;
	size_t count, room;
	uint32_t newest; /* the largest number that the profile names; first_nr when none
			  */
};

struct seccomp_rules {
	uint32_t default_action;
	bool has_notify;
	struct seccomp_table tables[SECCOMP_ARCHS_MAX]; /* the machine's own first */
	size_t count;
	struct seccomp_conditions *conditions;
};

/* Sorts by number, and rules of one number as they are to be tried. */
void seccomp_table_sort(struct seccomp_table *table);

int seccomp_rules_collect(const struct spec_seccomp *spec, struct notes *notes,
	struct seccomp_rules *ret, struct err *err) __attribute__((warn_unused_result));
/* Also after a failure. */
void seccomp_rules_done(struct seccomp_rules *rules);

#endif
