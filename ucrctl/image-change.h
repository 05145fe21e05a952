/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person wants an image to say on how to run it, in the words of a Dockerfile: --change of
 * `ucrctl import`, as docker and podman have it.
 */
#ifndef UCR_UCRCTL_IMAGE_CHANGE_H
#define UCR_UCRCTL_IMAGE_CHANGE_H

#include "images/image.h"

/* One instruction, "CMD [\"sh\"]" or "CMD=[\"sh\"]". What it sets replaces what was there; ENV,
 * LABEL, EXPOSE and VOLUME add to it. */
int image_change(const char *instruction, struct image_config *config, struct err *err)
	__attribute__((warn_unused_result));

#endif
