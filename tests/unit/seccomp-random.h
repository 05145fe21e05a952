/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp rules at random, and calls that meet their edges. All from a generator of our own, so
 * that a seed in a failure means the same everywhere.
 */
#ifndef UCR_TESTS_SECCOMP_RANDOM_H
#define UCR_TESTS_SECCOMP_RANDOM_H

#include "common/spec-seccomp.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define RULES_MAX 50
#define RULES_NAMES 45
#define RULES_MACHINES 5
#define RULES_OPS 7
#define X32_BIT 0x40000000U

struct machine {
	const char *name;
	uint32_t token, audit, base;
};

extern const char *const rules_names[RULES_NAMES];
extern const char *const rules_ops[RULES_OPS];
extern const struct machine rules_machines[RULES_MACHINES]; /* x86_64 first, x32 third */

void rules_init(struct spec_seccomp *spec, const char *default_action);
struct spec_syscall *rules_add(
	struct spec_seccomp *spec, const char *name, const char *action);
void rules_add_arg(struct spec_syscall *call, uint32_t index, const char *op,
	uint64_t value, uint64_t value_two);
void rules_done(struct spec_seccomp *spec);

/* At most one rule for a name; or any number, which overlap. */
void rules_disjoint(struct spec_seccomp *spec, uint64_t *seed);
void rules_overlapping(struct spec_seccomp *spec, uint64_t *seed);

uint32_t rules_random(uint64_t *seed);
/* A value for an argument: one of the rules', or one beside it. */
uint64_t rules_edge(uint64_t *seed, const struct spec_seccomp *spec);

/* Prints the rules of one number before a test fails. */
void rules_print(const struct spec_seccomp *spec, const struct machine *machine, int nr);

#endif
