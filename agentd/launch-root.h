/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root file system of a container, out of the layers of its image: an overlay that only
 * the container's own mount namespace will see, or, where overlayfs cannot be used, a copy.
 */
#ifndef UCR_AGENTD_LAUNCH_ROOT_H
#define UCR_AGENTD_LAUNCH_ROOT_H

#include "agentd/id-range.h"
#include "images/store.h"
#include "isolators/isolator.h"
#include "isolators/rootfs.h"

/* In the order in which `run --rootfs-backend` names them. */
enum rootfs_backend {
	ROOTFS_BACKEND_AUTO, /* as overlay, the layers in any form */
	ROOTFS_BACKEND_OVERLAY, /* the layers as they are, below a directory of the container's */
	ROOTFS_BACKEND_COPY,  /* all of the image in that directory */
	ROOTFS_BACKEND_EROFS, /* as overlay, the layers being EROFS images */
};

struct launch_root {
	bool is_copy;
	bool is_tree; /* target_fd is a detached mount, of somebody else's root */
	int lowers[IMAGE_LAYERS_MAX];
	size_t lower_count;
	int lease_fd, upper_fd, work_fd;
	int target_fd; /* rootfs/, or the tree; borrowed */
};

#define LAUNCH_ROOT_INIT                                                                 \
	{                                                                                \
		.lease_fd = -1, .upper_fd = -1, .work_fd = -1, .target_fd = -1           \
	}

/* In which form the backend needs the layers: for struct import_request. */
enum layer_form rootfs_backend_form(enum rootfs_backend backend);

/* Whether EROFS can be used for what is kept in `dirfd`. */
int rootfs_backend_check(enum rootfs_backend backend, int dirfd, struct err *err)
	__attribute__((warn_unused_result));

struct launch_root_request {
	enum rootfs_backend backend;
	const struct image *image;
	int container_dirfd;
	int rootfs_fd;		    /* the container's rootfs/ */
	const struct id_range *ids; /* whose the writable layer is; NULL: the host's */
	struct notes *notes;	    /* told of a copy that was not asked for */
};

int launch_root_open(struct store *store, const struct launch_root_request *request,
	struct launch_root *ret, struct err *err) __attribute__((warn_unused_result));

/* What the runtime is given; points into `root`. */
struct rootfs launch_root_view(const struct launch_root *root);

void launch_root_done(struct launch_root *root);

#endif
