/* SPDX-License-Identifier: Apache-2.0 */
/* What another container has, for one that is being launched. `whose` says in errors who that is. */
#ifndef UCR_AGENTD_LAUNCH_SHARE_H
#define UCR_AGENTD_LAUNCH_SHARE_H

#include "agentd/engine.h"
#include "common/spec.h"

/* Detached copies of mounts in the root of a process, whose /proc/PID is given, each with all below
 * it. `ret_fds` has room for all paths. */
int launch_share_trees(int proc_dirfd, const char *whose, char *const *paths,
	int *ret_fds, struct err *err) __attribute__((warn_unused_result));

/* Its hosts and resolv.conf, as far as it has them, into the directory of the new one. */
int launch_share_files(struct engine *engine, const char *id, const char *whose,
	int dirfd, struct err *err) __attribute__((warn_unused_result));

/* The namespace of this type is the one that `fd` is of; the descriptor stays open until the process
 * was made. By descriptor: a process's number could be another's by then. */
int launch_share_namespace(struct spec *spec, const char *type, int fd, struct err *err)
	__attribute__((warn_unused_result));

/* Whether one of this type is not the host's. */
bool launch_share_has_namespace(const struct spec *spec, const char *type);

/* The mount at that place; -1: there is none. */
ssize_t launch_share_find_mount(const struct spec *spec, const char *place);
/* For each mount that the specification has, -1: an ordinary one. */
int *launch_share_no_fds(const struct spec *spec) __attribute__((warn_unused_result));

#endif
