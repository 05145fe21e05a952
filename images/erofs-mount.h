/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts an EROFS image from a file (Linux 6.12). The mount is detached: nobody sees it, and it
 * goes with its last descriptor. Only root may.
 */
#ifndef UCR_IMAGES_EROFS_MOUNT_H
#define UCR_IMAGES_EROFS_MOUNT_H

#include "images/erofs-format.h"
#include "common/err.h"

#include <stddef.h>

struct erofs_mount_files {
	int image_fd;
	int device_fds[EROFS_DEVICES_MAX];
	size_t device_count;
};

/* The mount's root (O_PATH, read-only, nodev, nosuid), or -errno. */
int erofs_mount(const struct erofs_mount_files *files, struct err *err)
	__attribute__((warn_unused_result));

/* Whether this machine can use such layers where `dirfd` is: mounts an empty one, and an overlay
 * over it. 0, or -errno and what it cannot. */
int erofs_probe(int dirfd, struct err *err) __attribute__((warn_unused_result));

#endif
