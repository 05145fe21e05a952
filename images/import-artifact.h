/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An import that turned out to be of an artifact: its blobs come into the staging directory
 * instead of being unpacked, from ucr-fetch or from ucr-unpack. Neither is believed that they are
 * what the manifest says: they are read once more before they are flushed and kept.
 */
#ifndef UCR_IMAGES_IMPORT_ARTIFACT_H
#define UCR_IMAGES_IMPORT_ARTIFACT_H

#include "images/artifact.h"
#include "images/import-private.h"

/* With manifest and configuration in place: makes import->artifact, unless the request is for an
 * image to run. */
int import_artifact_begin(struct import *import, struct err *err)
	__attribute__((warn_unused_result));
/* The same for one that ucr-unpack found, which is then given a file for each layer. */
int import_artifact_load(struct import *import, struct err *err)
	__attribute__((warn_unused_result));
/* The same for one that ucr-fetch found: takes the documents over from the pull. */
int import_artifact_adopt(struct import *import, struct err *err)
	__attribute__((warn_unused_result));
/* Has ucr-fetch bring all its layers. */
int import_artifact_pull(struct import *import, struct err *err)
	__attribute__((warn_unused_result));
/* What has come is what the manifest says, and is on the disk. */
int import_artifact_check(struct import *import, struct err *err)
	__attribute__((warn_unused_result));
/* The layers move to blobs/; under `lock`. Fills in what `image` has of an artifact: its blobs are
 * the caller's to free, its type stays the import's. */
int import_artifact_commit(struct import *import, struct image *image, struct err *err)
	__attribute__((warn_unused_result));
void import_artifact_free(struct import *import);

#endif
