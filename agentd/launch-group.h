/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers of a group. One of them, the holder, runs nothing (ucr-init --hold) and has what the
 * others share, from before the first of them until after the last, whichever of them ends or is
 * started anew meanwhile:
 *
 *   network, IPC       its namespaces, with /dev/shm and its hosts and resolv.conf
 *   user namespace     the very one, not only its ids: the kernel lets nobody mount /sys or
 *                      /dev/mqueue, or use a port below 1024, who is not of the user namespace that
 *                      the network and the IPC namespace belong to
 *   volumes            all that are mounted in it from LAUNCH_GROUP_PLACE on: a directory of its
 *                      own, then the volumes that it was asked to have, each at a place of its own
 *                      below LAUNCH_GROUP_VOLUMES, where no task can exchange what leads to it.
 *                      Annotations of its specification say where the tasks have them
 *   host name          the same; it is what hosts calls the address
 *
 * Processes, mounts, root file system, cgroup and limits are each container's own, so that none sees
 * the processes of another.
 */
#ifndef UCR_AGENTD_LAUNCH_GROUP_H
#define UCR_AGENTD_LAUNCH_GROUP_H

#include "agentd/launch.h"
#include "runtime/runtime.h"

#define LAUNCH_GROUP_DIRECTORY "shared" /* in the holder's */
#define LAUNCH_GROUP_PLACE "/mnt/mesos/shared"
#define LAUNCH_GROUP_VOLUMES "/mnt/ucr" /* /0, /1 … in the holder */

struct launch_group {
	struct engine *engine;
	const struct container *holder; /* NULL: it is in no group */
	struct run_options options;	/* with the holder's network and name */
	struct spec *spec;		/* the holder's */
	int pidfd, proc_dirfd;		/* of its first process */
	int namespace_fds[3];
	int *mount_fds; /* one for each mount of the specification; -1: an ordinary one */
	size_t mount_count;
};

#define LAUNCH_GROUP_INIT                                                                \
	{                                                                                \
		.pidfd = -1, .proc_dirfd = -1, .namespace_fds = { -1, -1, -1 }           \
	}

/* Nothing to do for a container without a holder. Else `options` of the launch are to be those of
 * `ret`, which point into `request` and the holder's specification. -ESRCH: the holder has ended. */
int launch_group_plan(struct engine *engine, const struct launch_request *request,
	struct launch_group *ret, struct err *err) __attribute__((warn_unused_result));
/* Once the specification is made: what it shares is the holder's. Of a holder's own: what it keeps for
 * others is bounded, and none of its volumes lies in another. */
int launch_group_bundle(struct launch_group *group, const struct bundle_request *request,
	struct bundle *bundle, struct err *err) __attribute__((warn_unused_result));
/* hosts and resolv.conf; for a holder the directory that all share. */
int launch_group_files(const struct launch_group *group, const struct run_options *asked,
	int dirfd, struct err *err) __attribute__((warn_unused_result));
void launch_group_begin(
	const struct launch_group *group, struct runtime_request *request);
void launch_group_done(struct launch_group *group);

#endif
