/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images of the store as one archive, out of the bytes that the registry gave: the same
 * manifest, configuration and compressed layers, so that id and digest stay what they are.
 * Both forms are an OCI image layout in a tar; the one for docker has docker's
 * manifest.json beside it, which docker, podman and skopeo read.
 *
 * An image that was loaded from an archive cannot be saved: its layers are kept unpacked
 * alone.
 */
#ifndef UCR_IMAGES_SAVE_H
#define UCR_IMAGES_SAVE_H

#include "images/store.h"

enum save_format { SAVE_DOCKER_ARCHIVE, SAVE_OCI_ARCHIVE };

extern const char *const save_format_names[]; /* in that order; NULL ends it */

/* Writes the images that `names` are of. Each keeps the name by which it was asked for, if
 * it was one. What can be refused is refused before anything is written. */
int save_images(struct store *store, char *const *names, enum save_format format, int fd,
	struct err *err) __attribute__((warn_unused_result));

#endif
