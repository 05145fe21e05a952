/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions on arguments as BPF, which compares 32 bits at a time: a 64-bit argument is two
 * words, and the high one decides unless it is equal.
 */
#ifndef UCR_ISOLATORS_SECCOMP_ARGS_H
#define UCR_ISOLATORS_SECCOMP_ARGS_H

#include "isolators/seccomp-bpf.h"
#include "isolators/seccomp-rules.h"

/* Tries the rules of one number in order; returns the first action whose conditions hold, or
 * `otherwise`. `is_64`: whether arguments are compared whole or by their low word. */
bpf_label seccomp_emit_rules(struct bpf *bpf, const struct seccomp_rule *rules,
	size_t count, bool is_64, uint32_t otherwise);

#endif
