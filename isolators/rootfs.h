/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root file system that a launcher prepared, as descriptors. It is mounted detached
 * and attached inside the container's own mount namespace, so that the host's mount table
 * never grows and nothing is left to unmount when the container ends.
 *
 * Where root makes it for a container in a user namespace of its own, the files of the layers, or
 * of the directory, keep their owners on the disk and are shown with the ids of the container by
 * id-mapped mounts (Linux 5.19). The upper directory belongs to ids of the container already: it
 * is written by overlayfs with the ids that the container's processes have.
 */
#ifndef UCR_ISOLATORS_ROOTFS_H
#define UCR_ISOLATORS_ROOTFS_H

#include "isolators/isolator.h"

#include <stddef.h>

#define ROOTFS_LAYERS_MAX 127

enum rootfs_kind {
	ROOTFS_DIRECTORY, /* target_fd is the root file system itself */
	ROOTFS_OVERLAY,	  /* overlayfs of lowers and, unless read-only, upper and work */
	ROOTFS_TREE,	  /* target_fd is a detached mount, as it is to be */
};

struct rootfs {
	enum rootfs_kind kind;
	int target_fd;	      /* ROOTFS_DIRECTORY: the root; -1 for an overlay is fine */
	const int *lower_fds; /* lowest layer first; borrowed */
	size_t lower_count;
	int upper_fd, work_fd; /* -1: a read-only overlay */
	bool is_volatile;      /* upper is thrown away with the container: never synced */
};

/* prepare: opens or makes the root as a detached mount, when the launcher may.
 * isolate: cuts propagation to the host, mounts the root over "/", fills root_fd.
 * Needs a mount namespace; without one root_fd is a plain directory. */
extern const struct isolator rootfs_isolator;

/* isolate: pivot_root (chroot with no_pivot or without a mount namespace), lets go of the
 * host's tree, applies linux.rootfsPropagation. root_fd is then "/". */
extern const struct isolator rootfs_enter_isolator;

#endif
