/* SPDX-License-Identifier: Apache-2.0 */
/* The working directory (D5): reached through the root's descriptor only, then proven to
 * lie inside the root. */
#ifndef UCR_ISOLATORS_CWD_H
#define UCR_ISOLATORS_CWD_H

#include "isolators/isolator.h"

/* isolate: after the root is entered; made first when create_cwd. */
extern const struct isolator cwd_isolator;

#endif
