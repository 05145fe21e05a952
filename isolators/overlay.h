/* SPDX-License-Identifier: Apache-2.0 */
/* overlayfs of descriptors, as a detached mount. */
#ifndef UCR_ISOLATORS_OVERLAY_H
#define UCR_ISOLATORS_OVERLAY_H

#include "isolators/rootfs.h"

/* The fd of the mount, or -errno. The layers must lie in mounts of the caller's own mount
 * namespace: see mount_reopen(). */
int overlay_mount(const struct rootfs *rootfs, struct err *err)
	__attribute__((warn_unused_result));

/*
 * The same with the layers shown by the id maps of a user namespace; the upper and work
 * directories as they are. A kernel before 6.15 takes no detached mounts as layers: there a child
 * attaches them in a mount namespace of its own, and hands over the overlay.
 */
int overlay_mount_mapped(const struct rootfs *rootfs, int userns_fd, struct err *err)
	__attribute__((warn_unused_result));
/* That a file system cannot be id-mapped, and what to do. */
int overlay_say_no_idmap(struct err *err);

/* How layers are named in "lowerdir", topmost first. Each has its own reach. */
enum overlay_naming {
	OVERLAY_FULL_NAMES,  /* "/proc/self/fd/5:…" */
	OVERLAY_SHORT_NAMES, /* "5:…", with /proc/self/fd as working directory */
};
/* Heap string, NULL when out of memory. */
char *overlay_lowerdir(const struct rootfs *rootfs, enum overlay_naming naming)
	__attribute__((warn_unused_result));

#endif
