/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root file system that a launcher prepared, as descriptors. It is mounted inside the
 * container's own mount namespace, so that the host's mount table never grows and nothing is
 * left to unmount when the container ends.
 */
#ifndef UCR_ISOLATORS_ROOTFS_H
#define UCR_ISOLATORS_ROOTFS_H

#include <stddef.h>

#define ROOTFS_LAYERS_MAX 127

enum rootfs_kind {
	ROOTFS_DIRECTORY, /* target_fd is the root file system itself */
	ROOTFS_OVERLAY,	  /* overlayfs of lowers + upper/work on target_fd */
};

struct rootfs {
	enum rootfs_kind kind;
	int target_fd;	      /* a directory of ours: the root, or where the overlay is mounted */
	const int *lower_fds; /* lowest layer first; borrowed */
	size_t lower_count;
	int upper_fd, work_fd; /* -1: a read-only overlay */
};

#endif
