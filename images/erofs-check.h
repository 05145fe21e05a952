/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether an EROFS image is one that our writer could have made (images/erofs-format.h), before
 * the kernel is asked to mount it. Who wrote it has read a stranger's bytes: nothing that the
 * kernel would follow may lead out of the image or its devices, no directory may be found twice,
 * no name may mean something else than a name.
 */
#ifndef UCR_IMAGES_EROFS_CHECK_H
#define UCR_IMAGES_EROFS_CHECK_H

#include "common/err.h"
#include "images/erofs-format.h"

#include <stddef.h>

struct erofs_image {
	const uint8_t *data;
	size_t len;
	uint64_t device_sizes[EROFS_DEVICES_MAX];
	size_t device_count;
};

/* -EBADMSG and what is wrong when it is not. */
int erofs_check(const struct erofs_image *image, struct err *err)
	__attribute__((warn_unused_result));

#endif
