/* SPDX-License-Identifier: Apache-2.0 */
/* The mount options of mount(8) and of the OCI runtime specification, as one table. */
#ifndef UCR_ISOLATORS_MOUNT_OPTIONS_H
#define UCR_ISOLATORS_MOUNT_OPTIONS_H

#include "common/err.h"
#include "common/str.h"

#include <stdint.h>

enum mount_idmap { MOUNT_IDMAP_NONE, MOUNT_IDMAP_ONE, MOUNT_IDMAP_RECURSIVE };

/* As mount_setattr(2) takes them: MOUNT_ATTR_…; `clear` is applied first. */
struct mount_attributes {
	uint64_t set, clear;
};

struct mount_options {
	struct mount_attributes own;	   /* of the mount itself */
	struct mount_attributes recursive; /* of the mount and all below it */
	uint64_t propagation; /* MS_SHARED, …, with MS_REC; 0: not asked for */
	bool is_bind, is_recursive, is_remount;
	bool copy_up; /* tmpcopyup: start with what the target holds */
	enum mount_idmap idmap;
	strv flags; /* for fsconfig(FSCONFIG_SET_FLAG): "sync", … */
	strv data;  /* "key=value" or "key": the file system's own options */
};

void mount_options_done(struct mount_options *options);

/* Options that the table does not know become data. */
int mount_options_parse(char *const *list, struct mount_options *ret, struct err *err)
	__attribute__((warn_unused_result));

/* The names in the table in order, for `features`: NULL past the last. */
const char *mount_option_name(size_t index);

#endif
