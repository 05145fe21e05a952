/* SPDX-License-Identifier: Apache-2.0 */
/* From the manifest of an App Container Image to a configuration as OCI has it. */
#ifndef UCR_IMAGES_ACI_CONFIG_H
#define UCR_IMAGES_ACI_CONFIG_H

#include "images/aci-manifest.h"
#include "images/appc.h"
#include "images/format.h"
#include "images/notes.h"

/* The isolators as they can be kept; each that cannot is noted. -EINVAL when one is not of
 * its form. `notes` may be NULL. */
int aci_isolators_take(const struct aci_manifest *manifest, struct image_appc *ret,
	struct notes *notes, struct err *err) __attribute__((warn_unused_result));

/* Writes the whole configuration; the layers are those of `image`. */
int aci_config_write(const struct aci_manifest *manifest, const struct found_image *image,
	const struct platform *platform, struct buf *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
