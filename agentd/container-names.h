/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of containers: a symbolic link to the id for each, so that taking one is atomic. A link whose
 * container is gone, or never came to be one, names nothing: its holder was killed while it launched,
 * or while it let go.
 */
#ifndef UCR_AGENTD_CONTAINER_NAMES_H
#define UCR_AGENTD_CONTAINER_NAMES_H

#include "agentd/engine.h"

/* For a container whose directory is there already, among those in `parent` (NULL: in none). -EEXIST: another one has it. */
int container_name_take(struct engine *engine, const char *parent, const char *name,
	const char *id, struct err *err) __attribute__((warn_unused_result));

/* Gives it back, if it is the container's. `name` NULL: nothing to do. */
void container_name_release(
	struct engine *engine, const char *parent, const char *name, const char *id);

/* Removes the links that name nothing. */
void container_names_sweep(struct engine *engine);

#endif
