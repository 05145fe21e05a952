/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device nodes: the default ones of the OCI runtime specification, the configured ones,
 * and the links of /dev. Made by mknod(2), or bound from the host's where that is not
 * permitted.
 */
#ifndef UCR_ISOLATORS_DEV_H
#define UCR_ISOLATORS_DEV_H

#include "isolators/isolator.h"

/* prepare: checks linux.devices. isolate: makes nodes and links below root_fd, after
 * mounts and before the host's tree is left. A /dev that is a bind of something else is
 * left alone. */
extern const struct isolator dev_isolator;

#endif
