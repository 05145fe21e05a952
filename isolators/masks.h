/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.maskedPaths and linux.readonlyPaths. A masked file is covered by a null device
 * that we verified ourselves, never the container's (D11); masked directories share one
 * empty read-only tmpfs. What is absent is skipped.
 */
#ifndef UCR_ISOLATORS_MASKS_H
#define UCR_ISOLATORS_MASKS_H

#include "isolators/isolator.h"

/* isolate: after mounts and dev, before the host's tree is left. */
extern const struct isolator masks_isolator;

#endif
