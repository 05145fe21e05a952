/* SPDX-License-Identifier: Apache-2.0 */
/* A container as `inspect` shows it: docker's main fields, from its status and config.json. */
#ifndef UCR_AGENTD_CONTAINER_JSON_H
#define UCR_AGENTD_CONTAINER_JSON_H

#include "agentd/container.h"
#include "common/json-writer.h"

int container_write_inspect(struct json_writer *w, struct engine *engine,
	const struct container *container, struct err *err)
	__attribute__((warn_unused_result));

#endif
