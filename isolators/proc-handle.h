/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our own procfs (D3): a detached instance that no container can mount over, opened
 * before anything of the container is mounted or joined. Each write below it refuses
 * links and mount points, so that a value never lands in another file than the one named.
 */
#ifndef UCR_ISOLATORS_PROC_HANDLE_H
#define UCR_ISOLATORS_PROC_HANDLE_H

#include "isolators/isolator.h"

/* The fd of its root, or -errno. Where the caller may not make one, the host's /proc,
 * checked to be procfs. */
int proc_handle_open(struct err *err) __attribute__((warn_unused_result));

/* Writes to "self/…" or "sys/…" in one write(2). */
int proc_handle_write(int proc_dirfd, const char *path, const char *value)
	__attribute__((warn_unused_result));

/* isolate: fills proc_dirfd, when the process needs it. Before rootfs and mounts. */
extern const struct isolator proc_handle_isolator;

#endif
