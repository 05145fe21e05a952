/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files that make common/options.h true, and the generators of completions
 * and manual pages, which walk the same tables.
 */
#ifndef UCR_COMMON_OPTIONS_PRIVATE_H
#define UCR_COMMON_OPTIONS_PRIVATE_H

#include "common/options.h"

/* All options of a verb in one array, --help last. */
struct options_flat {
	struct options_row {
		const struct option_spec *option;
		size_t base;
	} rows[OPTIONS_MAX];
	size_t count;
};

int options_flatten(const struct option_group *groups, struct options_flat *ret)
	__attribute__((warn_unused_result));

/* The name that a mistyped one most likely meant, or NULL when none is near. */
const char *options_nearest(const struct options_flat *flat, const char *typed);
const char *program_nearest(const struct program_spec *program, const char *typed);

#endif
