/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/seccomp-args.h"

#include <linux/seccomp.h>
#include <stddef.h>

static uint32_t word_offset(unsigned int index, bool is_high)
{
	bool is_second = is_high == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

	return (uint32_t)(offsetof(struct seccomp_data, args) + 8 * index +
			  (is_second ? 4 : 0));
}

/* One 32-bit comparison of a word of an argument. */
struct word {
	uint32_t offset, mask, datum;
};

static struct word word_of(const struct seccomp_cmp *cmp, bool is_high)
{
	unsigned int shift = is_high ? 32 : 0;

	return (struct word){
		.offset = word_offset(cmp->index, is_high),
		.mask = (uint32_t)(cmp->mask >> shift),
		.datum = (uint32_t)(cmp->datum >> shift),
	};
}

static bpf_label load_word(struct bpf *bpf, const struct word *word, bpf_label next)
{
	if (word->mask != UINT32_MAX)
		next = bpf_mask(bpf, word->mask, next);
	return bpf_load(bpf, word->offset, next);
}

static bpf_label emit_equal(
	struct bpf *bpf, const struct word *word, bpf_label pass, bpf_label fail)
{
	if (word->mask == 0)
		return pass;
	return load_word(bpf, word, bpf_jump(bpf, BPF_JEQ, word->datum, pass, fail));
}

/* BPF_JGT or BPF_JGE of the whole argument: decided by the high words unless they are
 * equal. */
static bpf_label emit_above(struct bpf *bpf, const struct seccomp_cmp *cmp, uint16_t op,
	bool is_64, bpf_label pass, bpf_label fail)
{
	struct word low = word_of(cmp, false), high = word_of(cmp, true);
	bpf_label at;

	at = load_word(bpf, &low, bpf_jump(bpf, op, low.datum, pass, fail));
	if (!is_64)
		return at;
	at = bpf_jump(bpf, BPF_JEQ, high.datum, at, fail);
	at = bpf_jump(bpf, BPF_JGT, high.datum, pass, at);
	return load_word(bpf, &high, at);
}

static bpf_label emit_same(struct bpf *bpf, const struct seccomp_cmp *cmp, bool is_64,
	bpf_label pass, bpf_label fail)
{
	struct word low = word_of(cmp, false), high = word_of(cmp, true);
	bpf_label at = emit_equal(bpf, &low, pass, fail);

	return is_64 ? emit_equal(bpf, &high, at, fail) : at;
}

static bpf_label emit_cmp(struct bpf *bpf, const struct seccomp_cmp *cmp, bool is_64,
	bpf_label pass, bpf_label fail)
{
	switch (cmp->op) {
	case SECCOMP_NE: return emit_same(bpf, cmp, is_64, fail, pass);
	case SECCOMP_LT: return emit_above(bpf, cmp, BPF_JGE, is_64, fail, pass);
	case SECCOMP_LE: return emit_above(bpf, cmp, BPF_JGT, is_64, fail, pass);
	case SECCOMP_GE: return emit_above(bpf, cmp, BPF_JGE, is_64, pass, fail);
	case SECCOMP_GT: return emit_above(bpf, cmp, BPF_JGT, is_64, pass, fail);
	case SECCOMP_EQ:
	case SECCOMP_MASKED_EQ: break;
	}
	return emit_same(bpf, cmp, is_64, pass, fail);
}

/*
 * Code whose first instruction expects a word of an argument in the accumulator. The load
 * is put in front only when somebody arrives without it, so that a list of values for one
 * argument costs one load.
 */
struct entry {
	bpf_label at;
	bool is_bare;
	struct word word;
};

static bpf_label entry_close(struct bpf *bpf, const struct entry *entry)
{
	return entry->is_bare ? load_word(bpf, &entry->word, entry->at) : entry->at;
}

static bool is_one_word(const struct seccomp_rule *rule, bool is_64, struct word *ret)
{
	const struct seccomp_conditions *c = rule->conditions;

	if (!c || c->count != 1 ||
		(c->cmps[0].op != SECCOMP_EQ && c->cmps[0].op != SECCOMP_MASKED_EQ))
		return false;
	if (is_64 && (c->cmps[0].mask >> 32))
		return false;
	*ret = word_of(&c->cmps[0], false);
	return ret->mask != 0;
}

/* One rule in front of `next`, where a call that it does not match goes on. */
static struct entry emit_rule(struct bpf *bpf, const struct seccomp_rule *rule,
	bool is_64, const struct entry *next)
{
	const struct seccomp_conditions *c = rule->conditions;
	struct entry entry = { .is_bare = false };
	bpf_label fail;

	if (is_one_word(rule, is_64, &entry.word)) {
		bool is_loaded = next->is_bare &&
				 next->word.offset == entry.word.offset &&
				 next->word.mask == entry.word.mask;

		fail = is_loaded ? next->at : entry_close(bpf, next);
		entry.at = bpf_jump(bpf, BPF_JEQ, entry.word.datum,
			bpf_return(bpf, rule->action), fail);
		entry.is_bare = entry.at != fail;
		return entry;
	}

	fail = entry_close(bpf, next);
	entry.at = bpf_return(bpf, rule->action);
	for (unsigned int i = c ? c->count : 0; i-- > 0;)
		entry.at = emit_cmp(bpf, &c->cmps[i], is_64, entry.at, fail);
	return entry;
}

bpf_label seccomp_emit_rules(struct bpf *bpf, const struct seccomp_rule *rules,
	size_t count, bool is_64, uint32_t otherwise)
{
	struct entry entry = { .at = bpf_return(bpf, otherwise) };

	for (size_t i = count; i-- > 0;)
		entry = emit_rule(bpf, &rules[i], is_64, &entry);
	return entry_close(bpf, &entry);
}
