/* SPDX-License-Identifier: Apache-2.0 */
/* The images that containers use, which are not removed. */
#ifndef UCR_AGENTD_CONTAINER_IMAGES_H
#define UCR_AGENTD_CONTAINER_IMAGES_H

#include "agentd/engine.h"
#include "common/str.h"

/* Their ids. */
int container_image_ids(struct engine *engine, strv *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
