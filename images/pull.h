/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image of a registry on its way into the store. ucr-fetch brings manifest and configuration;
 * they become an OCI layout in the staging directory, which ucr-unpack imports like any other.
 * Layers that the store has are not downloaded; each of the others is unpacked as soon as it has
 * come, while the next are still coming.
 *
 * An unfinished download is tmp/part-HEX. It outlives its pull, and the next one goes on with
 * it. Once it is whole it is tmp/whole-HEX, until the image is stored: a name that nobody opens
 * for writing, whatever size another manifest claims the blob to have. Two pulls of one image wait for each other; of images that share layers, at the layer.
 */
#ifndef UCR_IMAGES_PULL_H
#define UCR_IMAGES_PULL_H

#include "images/import-private.h"

/* Whether a name can be in a registry at all: "localhost/NAME" is of this host alone. */
bool pull_is_possible(const char *full_name);

/* Waits for another pull of the same name. */
int pull_lock(struct import *import, const char *full_name, struct err *err)
	__attribute__((warn_unused_result));

/* Instead: of the request's image `again`, which the store has, what was kept. Nobody is asked
 * for the rest. */
int pull_open_again(struct import *import, struct err *err)
	__attribute__((warn_unused_result));

/* Asks the registry what the image is. */
int pull_begin(struct import *import, struct err *err)
	__attribute__((warn_unused_result));
/* The image when the store has it, whole: only names are added. IMAGE_ABSENT. */
int pull_find(struct import *import, struct image **ret, struct err *err)
	__attribute__((warn_unused_result));
/* Writes the layout and makes it the source of the import. */
int pull_stage(struct import *import, struct err *err)
	__attribute__((warn_unused_result));
/* Asks for the layers that are to be made. */
int pull_want(struct import *import, struct err *err) __attribute__((warn_unused_result));
/* The blob of a layer has come. */
bool pull_has(const struct import *import, size_t layer);
/* The next message of ucr-fetch. */
int pull_receive(struct import *import, struct err *err)
	__attribute__((warn_unused_result));
/* Nothing more is to come. */
bool pull_is_over(const struct import *import);
int pull_fd(const struct import *import);
/* The blobs move to blobs/; under `lock`. Fills in image->blobs, whose texts stay the pull's. */
int pull_commit(struct import *import, struct image *image, struct err *err)
	__attribute__((warn_unused_result));
/* Ends ucr-fetch, which has the files of the blobs open; nothing is done without a pull. */
void pull_stop(struct import *import);
void pull_free(struct import *import);

#endif
