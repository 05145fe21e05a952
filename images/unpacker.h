/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's end of images/unpack-proto.h: starts ucr-unpack, in a user namespace where
 * one is given; messages go by images/helper.h.
 */
#ifndef UCR_IMAGES_UNPACKER_H
#define UCR_IMAGES_UNPACKER_H

#include "images/helper.h"
#include "images/store.h"
#include "images/unpack-proto.h"

int unpacker_start(const char *libexec_path, const struct import_userns *userns,
	struct helper *ret, struct err *err) __attribute__((warn_unused_result));

/* Waits for DONE, which must come without descriptors, and passes over PROGRESS. */
int unpacker_wait(struct helper *unpacker, struct ipc_msg *ret, struct err *err)
	__attribute__((warn_unused_result));

/*
 * A directory as ucr-unpack gets it. For root a detached clone of its mount with nodev,
 * nosuid and noexec, so that no device that an image brings can be opened, nor a program
 * be run, through it; inside a user namespace that made no mounts, the directory itself.
 * O_PATH.
 */
int unpacker_directory(int dirfd, const char *name, const struct import_userns *userns,
	bool is_read_only, int *ret_fd, struct err *err)
	__attribute__((warn_unused_result));

/* The root of a stored layer, whatever its form, to be read. */
int unpacker_layer(int layer_dirfd, const struct import_userns *userns, int *ret_fd,
	struct err *err) __attribute__((warn_unused_result));

/* Removes dirfd/name and all below it from inside the user namespace. */
int unpacker_remove(const char *libexec_path, const struct import_userns *userns,
	int dirfd, const char *name, struct err *err) __attribute__((warn_unused_result));

#endif
