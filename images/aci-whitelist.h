/* SPDX-License-Identifier: Apache-2.0 */
/* The pathWhitelist of an App Container Image: the only paths that its root file system has. */
#ifndef UCR_IMAGES_ACI_WHITELIST_H
#define UCR_IMAGES_ACI_WHITELIST_H

#include "common/err.h"
#include "common/str.h"

/* Canonical, without the leading slash, sorted; *ret stays NULL when `paths` is empty. */
int aci_whitelist(char *const *paths, strv *ret, struct err *err)
	__attribute__((warn_unused_result));

/* Whether a path stays: one of the `count` that are listed, or a directory on the way to one.
 * The list NULL has everything, and every list the root, "". */
bool aci_whitelist_has(char *const *list, size_t count, const char *path, bool is_dir);

#endif
