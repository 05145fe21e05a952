/* SPDX-License-Identifier: Apache-2.0 */
/* A container's root file system as a tar archive (images/export.h), whether it runs or not: the
 * image's files with what the container made of them. Nothing that is mounted on top is in it. */
#ifndef UCR_AGENTD_CONTAINER_EXPORT_H
#define UCR_AGENTD_CONTAINER_EXPORT_H

#include "agentd/container.h"

/* `out_fd`: a file or pipe. `notes` grows by what was left out. */
int container_export(struct engine *engine, const struct container *container,
	const struct import_userns *userns, int out_fd, strv *notes, struct err *err)
	__attribute__((warn_unused_result));

#endif
