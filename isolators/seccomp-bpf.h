/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An assembler for classic BPF that writes a program from its end to its beginning. A
 * jump then always leads to code that is already there, so its distance is known: no
 * labels to patch. Conditional jumps reach 255 instructions; what lies further gets a
 * long jump in between.
 *
 * A bpf_label names an instruction by its distance from the end of the program. Running
 * out of room is sticky and told by bpf_finish().
 */
#ifndef UCR_ISOLATORS_SECCOMP_BPF_H
#define UCR_ISOLATORS_SECCOMP_BPF_H

#include "common/err.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#define BPF_RETURNS_MAX 16

typedef unsigned int bpf_label;

struct bpf {
	struct sock_filter code[BPF_MAXINSNS]; /* filled from the back */
	unsigned int len;
	bool is_full;
	struct {
		uint32_t action;
		bpf_label label;
	} returns[BPF_RETURNS_MAX]; /* the nearest of each */
	unsigned int return_count;
};

struct bpf *bpf_new(void) __attribute__((warn_unused_result));

/* "Return this action", shared with a near enough one that returns the same. */
bpf_label bpf_return(struct bpf *bpf, uint32_t action);
/* Compares the accumulator with `k`; `op` is BPF_JEQ, BPF_JGT or BPF_JGE. */
bpf_label bpf_jump(
	struct bpf *bpf, uint16_t op, uint32_t k, bpf_label if_true, bpf_label if_false);
/* Loads a word of struct seccomp_data, and with a mask, and goes on at `next`. */
bpf_label bpf_load(struct bpf *bpf, uint32_t offset, bpf_label next);
bpf_label bpf_mask(struct bpf *bpf, uint32_t mask, bpf_label next);

/* The program that begins at `start`, on the heap. */
int bpf_finish(struct bpf *bpf, bpf_label start, struct sock_filter **ret,
	unsigned short *ret_count, struct err *err) __attribute__((warn_unused_result));

#endif
