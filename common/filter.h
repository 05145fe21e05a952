/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters "KEY=VALUE" of a list. A table says which keys there are and what each asks of an item.
 * Different keys all have to match; of several values of one key one is enough, unless the key
 * says otherwise.
 */
#ifndef UCR_COMMON_FILTER_H
#define UCR_COMMON_FILTER_H

#include "common/err.h"

#include <stdbool.h>

struct filter {
	const char *key;
	bool (*matches)(const void *item, const char *value);
	int (*check)(const char *value, struct err *err); /* NULL: any value will do */
	bool holds_each; /* all its values have to match, not one of them */
};

/* -EINVAL for a key that `known`, which ends with a NULL key, does not have, or a value that its
 * key refuses; `option`, how the filters are called, begins the text. */
int filters_check(const struct filter *known, const char *option, char *const *filters,
	struct err *err) __attribute__((warn_unused_result));

/* Of filters that were checked: what `known` does not have is ignored. */
bool filters_match(const struct filter *known, char *const *filters, const void *item);

/* Whether one of the filters has this key. */
bool filters_have(char *const *filters, const char *key);

#endif
