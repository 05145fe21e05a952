/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers as one tar archive: what a container that has them would see, and whatever its own
 * layer, the last, has changed. It is ucr-unpack that reads them, because files of a container
 * are a stranger's; nothing is mounted, and a running container may go on.
 */
#ifndef UCR_IMAGES_EXPORT_H
#define UCR_IMAGES_EXPORT_H

#include "images/store.h"

/* `dirfds`: lowest first; they stay the caller's, as does `tree_fd`: one more on top, a detached
 * mount that is read as it is, or -1. `out_fd`: a file or pipe. `notes` grows by what was left
 * out. */
int layers_export(struct store *store, const int *dirfds, size_t count, int tree_fd,
	const struct import_userns *userns, int out_fd, strv *notes, struct err *err)
	__attribute__((warn_unused_result));

#endif
