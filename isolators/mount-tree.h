/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of mounts as descriptors: cloned, changed and attached without a path. */
#ifndef UCR_ISOLATORS_MOUNT_TREE_H
#define UCR_ISOLATORS_MOUNT_TREE_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The same file through the caller's own mount namespace. A descriptor remembers the
 * mount it was opened through, and the kernel clones and overlays only what lies in the
 * namespace of the caller; a process in a new mount namespace therefore opens again what
 * its parent opened, by the name the kernel gives, and compares.
 */
int mount_reopen(int fd, struct err *err) __attribute__((warn_unused_result));

/* open_tree(OPEN_TREE_CLONE) of a path below `dirfd`, or with "" of the fd itself.
 * -errno. */
int mount_clone(int dirfd, const char *path, bool is_recursive)
	__attribute__((warn_unused_result));

/* mount_setattr(2) of an open mount; `propagation` 0: as it is. `idmap_fd` -1: none. */
struct mount_change {
	uint64_t set, clear;
	uint64_t propagation;
	int idmap_fd;
	bool is_recursive;
};
int mount_change(int fd, const struct mount_change *change)
	__attribute__((warn_unused_result));

/* True when both are known to lie in the same mount. */
bool mount_is_same(int fd, int other_fd);

/* Attaches a detached tree onto an open target. `path` names it in errors. */
int mount_place(int tree_fd, int target_fd, const char *path, struct err *err)
	__attribute__((warn_unused_result));

/* The same, and proves through `path`, opened anew in the root, that it is there (D2). */
int mount_attach(int tree_fd, int target_fd, int root_fd, const char *path,
	struct err *err) __attribute__((warn_unused_result));

#endif
