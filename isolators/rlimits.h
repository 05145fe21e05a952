/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits (setrlimit(2)) of process.rlimits. */
#ifndef UCR_ISOLATORS_RLIMITS_H
#define UCR_ISOLATORS_RLIMITS_H

#include "isolators/isolator.h"

/* RLIMIT_… by its name, or -1. */
int rlimit_by_name(const char *name);

/* prepare: unknown or repeated types are errors. attach: raises hard limits that the
 * child in its user namespace no longer may. isolate: sets all, late, since a low limit
 * hinders us too. */
extern const struct isolator rlimits_isolator;

#endif
