/* SPDX-License-Identifier: Apache-2.0 */
/* Usage as tables: which file, and which line in it, is which member of struct
 * cgroup_usage. */
#ifndef UCR_ISOLATORS_CGROUP_USAGE_H
#define UCR_ISOLATORS_CGROUP_USAGE_H

#include "isolators/cgroup-tree.h"

struct cgroup_figure {
	uint32_t controller;
	const char *file;
	const char
		*key;  /* of a line "key number"; NULL: the file is one number or "max" */
	size_t member; /* offset in struct cgroup_usage */
	uint64_t multiply, divide;
};

/* Overwrites the members that are found. Rows of one file stand together: it is read
 * once. */
void cgroup_figures_read(int dirfd, uint32_t controllers,
	const struct cgroup_figure *rows, size_t count, struct cgroup_usage *usage);

/* The number after `key` at the beginning of a line or after a blank, summed over all of
 * its places: "8:0 rbytes=5 wbytes=6\n8:16 rbytes=7 …" with "rbytes=" is 12. */
uint64_t cgroup_figure_sum(const char *text, const char *key);

#endif
