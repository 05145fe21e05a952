/* SPDX-License-Identifier: Apache-2.0 */
/* ps --filter KEY=VALUE. Values of one key are alternatives, different keys all hold;
 * each label has to be there. */
#ifndef UCR_AGENTD_CONTAINER_FILTER_H
#define UCR_AGENTD_CONTAINER_FILTER_H

#include "agentd/container.h"

/* `option`: how the filters are called, for the text of an error. */
int container_filters_check(const char *option, char *const *filters, struct err *err)
	__attribute__((warn_unused_result));

/* Ended containers only match with `is_all` or when a filter is about how they ended. */
bool container_matches(const struct container *c, char *const *filters, bool is_all);

#endif
