/* SPDX-License-Identifier: Apache-2.0 */
/* What helpers that work with rights of root give up: every path of the host, capabilities, the
 * caller's terminal. Descriptors that are open keep working. */
#ifndef UCR_IMAGES_CONFINE_RIGHTS_H
#define UCR_IMAGES_CONFINE_RIGHTS_H

#include "common/err.h"

#include <stddef.h>
#include <sys/capability.h>

/* A mount namespace of its own whose root is an empty read-only tmpfs. 0 or -errno. */
int confine_root(void) __attribute__((warn_unused_result));

/* Keeps of the permitted capabilities only these, and gains none again. */
int confine_caps(const cap_value_t *kept, size_t count, struct err *err)
	__attribute__((warn_unused_result));

/* Standard streams become /dev/null. */
int confine_stdio(struct err *err) __attribute__((warn_unused_result));

#endif
