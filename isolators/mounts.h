/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts of the specification, in its order, onto the container's root. Sources and
 * targets are descriptors only (D2); what was mounted is verified through a freshly
 * opened target.
 *
 * Bind sources are seen as the launcher sees them and become detached trees in prepare
 * when the launcher may (it then also reaches what a user namespace hides), else in the
 * child. Kernel file systems are always made by the child, inside its namespaces.
 */
#ifndef UCR_ISOLATORS_MOUNTS_H
#define UCR_ISOLATORS_MOUNTS_H

#include "isolators/isolator.h"

/* prepare: parses options (unknown flags become data), opens sources. isolate: mounts. */
extern const struct isolator mounts_isolator;

/* isolate: the read-only flags that had to wait until all targets and devices were made:
 * tmpfs mounts with "ro", root.readonly. After devices, console and masks. */
extern const struct isolator mounts_readonly_isolator;

#endif
