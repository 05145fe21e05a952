/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's end of images/unpack-proto.h: starts ucr-unpack, in a user namespace where
 * one is given, and exchanges messages with it. It dies with its client.
 */
#ifndef UCR_IMAGES_UNPACKER_H
#define UCR_IMAGES_UNPACKER_H

#include "common/buf.h"
#include "common/ipc.h"
#include "images/store.h"
#include "images/unpack-proto.h"

#include <sys/types.h>

struct unpacker {
	pid_t pid;
	int socket_fd;
	bool is_finished; /* it said DONE or ERROR and exits by itself */
};

#define UNPACKER_NONE                                                                    \
	{                                                                                \
		.pid = 0, .socket_fd = -1                                                \
	}
#define cleanup_unpacker cleanup_with(unpacker_stop)

int unpacker_start(const char *libexec_path, const struct import_userns *userns,
	struct unpacker *ret, struct err *err) __attribute__((warn_unused_result));

/* Lets it exit when it is finished, kills it when it is not; reaps it. */
void unpacker_stop(struct unpacker *unpacker);

/* Sends a JSON payload (emptied) and descriptors. */
int unpacker_send(struct unpacker *unpacker, enum unpack_msg type, struct buf *payload,
	const int *fds, size_t fd_count, struct err *err)
	__attribute__((warn_unused_result));

/* The next message that is not ERROR: that one, and an early end, become the error. */
int unpacker_recv(struct unpacker *unpacker, struct ipc_msg *ret, struct err *err)
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

/* Removes dirfd/name and all below it from inside the user namespace. */
int unpacker_remove(const char *libexec_path, const struct import_userns *userns,
	int dirfd, const char *name, struct err *err) __attribute__((warn_unused_result));

#endif
