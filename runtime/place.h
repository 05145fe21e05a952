/* SPDX-License-Identifier: Apache-2.0 */
/* Where a container stands among the control groups. */
#ifndef UCR_RUNTIME_PLACE_H
#define UCR_RUNTIME_PLACE_H

#include "isolators/isolator.h"
#include "runtime/runtime.h"

/* Makes the container's cgroup with its limits and fills isolation->cgroup, which stays
 * NULL, with a note, where the caller may make none and the configuration asks for no
 * limit. */
int place_make(struct isolation *isolation, struct err *err)
	__attribute__((warn_unused_result));

/* Opens the cgroup of a container. 0 with NULL when it has none or it is gone. */
int place_open(const char *cgroup_path, struct cgroup **ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
