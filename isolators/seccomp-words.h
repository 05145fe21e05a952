/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of the specification's seccomp object, and what the kernel calls them.
 */
#ifndef UCR_ISOLATORS_SECCOMP_WORDS_H
#define UCR_ISOLATORS_SECCOMP_WORDS_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum seccomp_op {
	SECCOMP_NE,
	SECCOMP_LT,
	SECCOMP_LE,
	SECCOMP_EQ,
	SECCOMP_GE,
	SECCOMP_GT,
	SECCOMP_MASKED_EQ,
};

struct seccomp_arch {
	const char *name;
	uint32_t token;	   /* libseccomp's */
	uint32_t audit;	   /* seccomp_data.arch */
	uint32_t first_nr; /* x32 shares x86_64's audit token, above a bit of its own */
	bool is_64;	   /* whether arguments are compared as 64 bits */
	bool has_mux;	   /* whether socketcall(2) and ipc(2) exist */
};

/* The word for the architecture of this machine and the one for a name. NULL when an
 * architecture is known by name but not compiled for: its programs cannot run here. */
const struct seccomp_arch *seccomp_arch_native_row(void);
int seccomp_arch_find(const char *name, const struct seccomp_arch **ret, struct err *err)
	__attribute__((warn_unused_result));

/* SECCOMP_RET_* with its data; `errno_ret` is used by the actions that carry one. */
int seccomp_action_find(const char *name, uint32_t errno_ret, uint32_t *ret,
	struct err *err) __attribute__((warn_unused_result));
int seccomp_op_find(const char *name, enum seccomp_op *ret, struct err *err)
	__attribute__((warn_unused_result));
/* One of SECCOMP_FILTER_FLAG_*. */
int seccomp_flag_find(const char *name, uint32_t *ret, struct err *err)
	__attribute__((warn_unused_result));

/* The number of a system call, one of libseccomp's negative pseudo numbers when the
 * architecture has none of its own, or SECCOMP_NR_UNKNOWN. */
#define SECCOMP_NR_UNKNOWN (-1)
int seccomp_nr_find(const struct seccomp_arch *arch, const char *name);

/* The direct number of a call that libseccomp reports as multiplexed, or -1. */
int seccomp_nr_direct(const char *name);

/* The words of each kind in order, for `features`: NULL past the last. */
const char *seccomp_arch_name(size_t index);
const char *seccomp_action_name(size_t index);
const char *seccomp_op_name(size_t index);
const char *seccomp_flag_name(size_t index);

#endif
