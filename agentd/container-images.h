/* SPDX-License-Identifier: Apache-2.0 */
/* The store's images as an engine has them: what changes is told by its events, and what containers
 * use stays. */
#ifndef UCR_AGENTD_CONTAINER_IMAGES_H
#define UCR_AGENTD_CONTAINER_IMAGES_H

#include "agentd/engine.h"
#include "common/str.h"
#include "images/import.h"

/* image_obtain(), and the event that says so; `shown` is what it was asked for by. */
int engine_obtain(struct engine *engine, const struct import_request *request,
	const char *shown, struct image **ret, struct err *err)
	__attribute__((warn_unused_result));

/* The ids of those that containers use. */
int container_image_ids(struct engine *engine, strv *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
