/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/seccomp-bpf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define JUMP_MAX 255 /* jt and jf are bytes */

/* A shared return this near is in reach of the instructions that are about to use it,
 * too. */
#define RETURN_REACH 200

struct bpf *bpf_new(void)
{
	struct bpf *bpf = malloc(sizeof(*bpf));

	if (!bpf)
		return NULL;
	bpf->len = 0;
	bpf->is_full = false;
	bpf->return_count = 0;
	return bpf;
}

static bpf_label emit(struct bpf *bpf, struct sock_filter instruction)
{
	if (bpf->len == BPF_MAXINSNS) {
		bpf->is_full = true;
		return 0;
	}
	bpf->code[BPF_MAXINSNS - 1 - bpf->len] = instruction;
	return bpf->len++;
}

/* How many instructions the next one has to skip to arrive at `label`. */
static unsigned int distance(const struct bpf *bpf, bpf_label label)
{
	return bpf->len - label - 1;
}

static bpf_label go(struct bpf *bpf, bpf_label label)
{
	return emit(bpf,
		(struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, distance(bpf, label)));
}

/* A load or a mask falls through, so its successor must be the latest instruction. */
static bpf_label before(struct bpf *bpf, struct sock_filter instruction, bpf_label next)
{
	if (distance(bpf, next) > 0)
		(void)go(bpf, next);
	return emit(bpf, instruction);
}

bpf_label bpf_return(struct bpf *bpf, uint32_t action)
{
	struct sock_filter instruction = BPF_STMT(BPF_RET | BPF_K, action);
	unsigned int i;

	for (i = 0; i < bpf->return_count; i++) {
		if (bpf->returns[i].action == action)
			break;
	}
	if (i < bpf->return_count && distance(bpf, bpf->returns[i].label) <= RETURN_REACH)
		return bpf->returns[i].label;
	if (i == BPF_RETURNS_MAX)
		return emit(bpf, instruction);
	if (i == bpf->return_count)
		bpf->return_count++;
	bpf->returns[i].action = action;
	bpf->returns[i].label = emit(bpf, instruction);
	return bpf->returns[i].label;
}

bpf_label bpf_jump(
	struct bpf *bpf, uint16_t op, uint32_t k, bpf_label if_true, bpf_label if_false)
{
	struct sock_filter instruction = { .code = BPF_JMP | op | BPF_K, .k = k };

	if (if_true == if_false)
		return if_true;
	/* The first long jump moves the second target one further away. */
	if (distance(bpf, if_true) >= JUMP_MAX)
		if_true = go(bpf, if_true);
	if (distance(bpf, if_false) > JUMP_MAX)
		if_false = go(bpf, if_false);
	instruction.jt = (uint8_t)distance(bpf, if_true);
	instruction.jf = (uint8_t)distance(bpf, if_false);
	return emit(bpf, instruction);
}

bpf_label bpf_load(struct bpf *bpf, uint32_t offset, bpf_label next)
{
	return before(bpf, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset),
		next);
}

bpf_label bpf_mask(struct bpf *bpf, uint32_t mask, bpf_label next)
{
	return before(
		bpf, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask), next);
}

int bpf_finish(struct bpf *bpf, bpf_label start, struct sock_filter **ret,
	unsigned short *ret_count, struct err *err)
{
	struct sock_filter *code;
	size_t size;

	if (distance(bpf, start) > 0)
		(void)go(bpf, start);
	if (bpf->is_full)
		return err_say(err, E2BIG,
			"seccomp: the filter needs more than the %d instructions that the kernel takes",
			BPF_MAXINSNS);
	size = bpf->len * sizeof(*code);
	code = malloc(size);
	if (!code)
		return err_oom(err);
	memcpy(code, bpf->code + BPF_MAXINSNS - bpf->len, size);
	*ret = code;
	*ret_count = (unsigned short)bpf->len;
	return 0;
}
