/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Renders App Container Images (appc's ace.md, "Filesystem Setup") into one plain tar archive
 * of a root file system: the images one after the other, each filtered by the path whitelists
 * that apply to it. A later file takes the place of an earlier one of its name, a directory
 * that of a link, which is never followed.
 *
 * Every image is checked on the way: `manifest` and `rootfs` and nothing beside them, no name
 * twice, no "..".
 */
#ifndef UCR_IMAGES_ACI_RENDER_H
#define UCR_IMAGES_ACI_RENDER_H

#include "images/aci-whitelist.h"
#include "images/stream.h"

#define ACI_WHITELISTS_MAX 33 /* an image's own, and one for each that depends on it */

struct aci_part {
	struct byte_range archive; /* the image's tar, not compressed */
	const char *name;	   /* for messages */
	/* Each is an image's pathWhitelist made by aci_whitelist(). */
	struct {
		char *const *paths;
		size_t count;
	} whitelists[ACI_WHITELISTS_MAX];
	size_t whitelist_count;
};

/* Appends to the empty file `out_fd`. `usage` is counted up. Each of `dirs` (absolute paths) is
 * made, root's, when no image has it. */
int aci_render(const struct aci_part *parts, size_t count, char *const *dirs,
	struct unpack_usage *usage, int out_fd, struct err *err)
	__attribute__((warn_unused_result));

#endif
