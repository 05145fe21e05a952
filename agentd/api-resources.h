/* SPDX-License-Identifier: Apache-2.0 */
/* "resources" and "limits" of a call: what is asked for, and how much of it is the most. */
#ifndef UCR_AGENTD_API_RESOURCES_H
#define UCR_AGENTD_API_RESOURCES_H

#include "agentd/api-members.h"

#define API_MEGABYTE 1048576.0
#define API_MEGABYTES_MAX 1e12

/* A number that may have decimals, of what is called `name`; the message follows the path of a
 * member. */
int api_amount(const char *name, const struct json *v, double max, double *ret,
	struct err *err) __attribute__((warn_unused_result));

/* Makes options of a run from what both say. */
int api_limits_finish(struct api_members *request, struct err *err)
	__attribute__((warn_unused_result));

#endif
