/* SPDX-License-Identifier: Apache-2.0 */
/* An image as the agent's socket tells it: what store_list() fills in, and nothing else. */
#ifndef UCR_IMAGES_IMAGE_WIRE_H
#define UCR_IMAGES_IMAGE_WIRE_H

#include "images/image.h"

void image_write_listed(struct json_writer *w, const struct image *image);
int image_read_listed(const struct json *v, struct image **ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
