/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container as the agent's socket tells it: struct container but for its directory, which whoever
 * is at the other end does not have. What is read is no one's word to be believed: an id is one, a
 * name is one, a status is one of ours.
 */
#ifndef UCR_AGENTD_CONTAINER_WIRE_H
#define UCR_AGENTD_CONTAINER_WIRE_H

#include "agentd/container.h"
#include "common/json.h"

void container_write(
	struct json_writer *w, const char *key, const struct container *container);
/* Its dirfd is -1. */
int container_read(const struct json *v, struct container **ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
