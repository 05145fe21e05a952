/* SPDX-License-Identifier: Apache-2.0 */
/* A container as `inspect` shows it: docker's main fields, from its status and config.json. */
#ifndef UCR_AGENTD_CONTAINER_JSON_H
#define UCR_AGENTD_CONTAINER_JSON_H

#include "agentd/container.h"
#include "common/json-writer.h"

/* Docker has other words for a name and for a status. */
enum inspect_form { INSPECT_AS_UCR, INSPECT_AS_DOCKER };

/* "running", or (`is_text`) "Up". */
const char *container_docker_status(enum container_status status, bool is_text);

/* "/NAME", or with the short id where it has none; the caller frees it. */
char *container_docker_name(const struct container *c);

int container_write_inspect(struct json_writer *w, struct engine *engine,
	const struct container *container, enum inspect_form form, struct err *err)
	__attribute__((warn_unused_result));

#endif
