/* SPDX-License-Identifier: Apache-2.0 */
/* The content of one directory copied into another: what "tmpcopyup" starts a tmpfs with.
 */
#ifndef UCR_ISOLATORS_COPY_UP_H
#define UCR_ISOLATORS_COPY_UP_H

#include "common/err.h"

/* Directories, regular files and links, with owner, mode and time; anything else is left
 * out. Links are copied, never followed; other mounts are not entered. */
int copy_up(int from_dirfd, int to_dirfd, struct err *err)
	__attribute__((warn_unused_result));

#endif
