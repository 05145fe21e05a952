/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which images a collection lets go, and why. With a budget of bytes those go first that
 * were not launched for longest, until the rest fits; a name does not protect them, because
 * it can be loaded or pulled again, but a container does. Without one only those without
 * a name may go.
 *
 * Before any image, layers that were kept as they were pulled go: of one that is unpacked, and whose
 * archive can be written again by its recipe, nothing is lost by that but the compressed form.
 *
 * Counted are the unpacked layers and the layers kept as they were pulled, each once
 * however many images share it. The time of the last launch is that of the record's file.
 */
#ifndef UCR_IMAGES_STORE_BUDGET_H
#define UCR_IMAGES_STORE_BUDGET_H

#include "images/store.h"

struct store_budget {
	uint64_t
		high; /* 0: none. Nothing goes as long as the store has no more than this */
	uint64_t low; /* else they go until it has no more than this */
	bool takes_unnamed;
};

enum store_verdict {
	VERDICT_IN_USE,
	VERDICT_NAMED,
	VERDICT_UNNAMED,
	VERDICT_FITS,
	VERDICT_GOES_UNNAMED,
	VERDICT_GOES_UNUSED,
	VERDICT_COUNT,
};

extern const char *const store_verdict_texts[VERDICT_COUNT];

struct store_judged {
	char id[DIGEST_MAX];
	strv names;
	int64_t last_used; /* seconds since the epoch */
	uint64_t bytes;	   /* all of its layers */
	uint64_t freed;	   /* of those that go with it */
	enum store_verdict verdict;
};

/* A layer as it is unpacked, or as it was pulled and kept. */
struct store_judged_part {
	char hex[HASH_HEX_MAX];
	bool is_kept_blob;
	uint64_t size;
	size_t images; /* that have it and stay */
	bool goes;     /* a kept blob alone: its layer stays unpacked */
};

struct store_judgement {
	struct store_judged *images; /* the least recently used first */
	size_t count;
	struct store_judged_part *parts;
	size_t part_count;
	uint64_t bytes, bytes_after;
};

static inline bool store_verdict_goes(enum store_verdict verdict)
{
	return verdict >= VERDICT_GOES_UNNAMED;
}

/* Removes what was kept of a pulled layer beside its files. What is gone already is no failure. */
int store_drop_blob(struct store *store, const char *hex, struct err *err)
	__attribute__((warn_unused_result));

/* Changes nothing. */
int store_judge(struct store *store, const struct store_budget *budget,
	char *const *used_ids, struct store_judgement *ret, struct err *err)
	__attribute__((warn_unused_result));
void store_judgement_done(struct store_judgement *judgement);

#endif
