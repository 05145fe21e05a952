/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the manifests that an index lists is meant: the image that suits the platform best. */
#ifndef UCR_IMAGES_OCI_CHOOSE_H
#define UCR_IMAGES_OCI_CHOOSE_H

#include "images/oci-document.h"
#include "images/platform.h"

/* False for attestations, signatures and whatever else an index may list beside images. */
bool oci_is_image(const struct oci_descriptor *d);

/* The best for a resolved `want` of those that `is_wanted` (NULL: all) takes; the first of equals
 * wins, one that names no platform suits everybody, last. Artifacts are chosen where there is no
 * image, and only if there is no doubt which. NULL when there is none. Points into `index`. */
typedef bool (*oci_wanted_fn)(const struct oci_descriptor *d, const void *arg);
const struct oci_descriptor *oci_choose(const struct oci_document *index,
	const struct platform *want, oci_wanted_fn is_wanted, const void *arg);

/* Says that there is none for the platform, and which there are. */
int oci_platform_error(
	const struct oci_document *index, const struct platform *want, struct err *err);

#endif
