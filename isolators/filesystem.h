/* SPDX-License-Identifier: Apache-2.0 */
/* A file system made by fsopen(2), fsconfig(2) and fsmount(2): a detached mount. */
#ifndef UCR_ISOLATORS_FILESYSTEM_H
#define UCR_ISOLATORS_FILESYSTEM_H

#include "common/err.h"
#include "common/str.h"

#include <stdint.h>

struct filesystem {
	const char *type;
	const char *source;  /* what /proc/PID/mounts shows; NULL: nothing */
	char *const *flags;  /* "sync", … */
	char *const *data;   /* "key=value" or "key" */
	uint64_t attributes; /* MOUNT_ATTR_… of the mount */
};

/* fsconfig(2) takes no string longer than this. */
#define FILESYSTEM_VALUE_MAX 255

/* The fd of the mount, or -errno; the error carries what the file system itself said. */
int filesystem_mount(const struct filesystem *filesystem, struct err *err)
	__attribute__((warn_unused_result));

/* fsconfig(2) of one option, and the last two steps, for those who need more control. */
int filesystem_set(int fs_fd, const char *key, const char *value)
	__attribute__((warn_unused_result));
int filesystem_finish(int fs_fd, const char *type, uint64_t attributes, struct err *err)
	__attribute__((warn_unused_result));

#endif
