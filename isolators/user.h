/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the process is: process.user, or a "name[:group]" ("/path": a file's owner) looked up in the container's own
 * /etc/passwd and /etc/group, which are hostile files.
 */
#ifndef UCR_ISOLATORS_USER_H
#define UCR_ISOLATORS_USER_H

#include "isolators/isolator.h"

/* isolate: resolves isolation->user into process->user, sets HOME in process->env when it
 * is missing. After the root is entered (root_fd is enough). */
extern const struct isolator user_lookup_isolator;

/* isolate: groups, gid, uid, umask. Between caps_bounding and caps. */
extern const struct isolator user_isolator;

#endif
