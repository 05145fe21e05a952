/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel parameters that belong to a namespace (D12). One that is not known to be
 * namespaced, or whose namespace is the host's, is refused. */
#ifndef UCR_ISOLATORS_SYSCTL_H
#define UCR_ISOLATORS_SYSCTL_H

#include "isolators/isolator.h"

#include <stdint.h>

/* The namespace (CLONE_NEW…) that "net.core.somaxconn" belongs to, or 0 when it is
 * refused. `ret_path` (heap) becomes "net/core/somaxconn". */
uint64_t sysctl_namespace(const char *name, char **ret_path);

/* prepare: checks. isolate: writes, through proc_dirfd. */
extern const struct isolator sysctl_isolator;

#endif
