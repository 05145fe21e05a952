/* SPDX-License-Identifier: Apache-2.0 */
/* "did you mean": the nearest name by edit distance. */
#include "common/options-private.h"
#include "common/str.h"

#define NAME_ROOM 40

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int least = a < b ? a : b;

	return least < c ? least : c;
}

/*
 * How many letters must be put in, taken out, replaced or swapped with their neighbour
 * (optimal string alignment) to make `b` of the first `len` letters of `a`.
 */
static unsigned int distance(const char *a, size_t len, const char *b)
{
	unsigned int rows[3][NAME_ROOM + 1];
	unsigned int *before = rows[0], *last = rows[1], *row = rows[2], *spare;
	size_t m = strlen(b);

	if (len > NAME_ROOM || m > NAME_ROOM)
		return UINT_MAX;
	for (size_t j = 0; j <= m; j++)
		last[j] = (unsigned int)j;
	for (size_t i = 1; i <= len; i++) {
		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= m; j++) {
			row[j] = min3(last[j] + 1, row[j - 1] + 1,
				last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
				a[i - 2] == b[j - 1] && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[m];
}

struct nearest {
	const char *typed, *best;
	size_t len; /* of typed, without "=VALUE" */
	unsigned int best_distance;
};

static void consider(struct nearest *n, const char *name)
{
	unsigned int d = distance(n->typed, n->len, name);

	/* One slip in two to four letters and two in longer words are typos. */
	if (d > 2 || d * 3 > n->len + 1 || d >= n->best_distance)
		return;
	n->best = name;
	n->best_distance = d;
}

const char *options_nearest(const struct options_flat *flat, const char *typed)
{
	struct nearest n = { typed, NULL, strcspn(typed, "="), UINT_MAX };

	for (size_t i = 0; i < flat->count; i++) {
		if (!flat->rows[i].option->is_hidden)
			consider(&n, flat->rows[i].option->name);
	}
	return n.best;
}

const char *program_nearest(const struct program_spec *program, const char *typed)
{
	struct nearest n = { typed, NULL, strlen(typed), UINT_MAX };

	for (const struct verb_spec *const *v = program->verbs; *v; v++) {
		if (!(*v)->is_hidden)
			consider(&n, (*v)->name);
	}
	return n.best;
}
