/* SPDX-License-Identifier: Apache-2.0 */
/* PROGRESS, which every helper tells in the same words: {"what", "layer", "layers", "done", "total"},
 * bytes; 0 layers: it is no layer; a total of 0 is not known. */
#ifndef UCR_IMAGES_HELPER_PROGRESS_H
#define UCR_IMAGES_HELPER_PROGRESS_H

#include "common/ipc.h"
#include "images/import.h"

/* Hands a message on to `progress`, which may be NULL. */
int helper_progress(const struct ipc_msg *msg, import_progress_fn progress, void *arg,
	struct err *err) __attribute__((warn_unused_result));

#endif
