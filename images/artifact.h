/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A manifest that is no image's: a chart, a signature, a list of parts, whatever a registry keeps
 * beside images. The store keeps its blobs as they came, under the digest of the manifest, and
 * never looks into them; what its annotations say, file names among it, is shown and nothing more.
 */
#ifndef UCR_IMAGES_ARTIFACT_H
#define UCR_IMAGES_ARTIFACT_H

#include "images/image.h"

#define ARTIFACT_TYPE_MAX 255 /* of a media type: 127 characters, a slash, 127 more */

struct artifact {
	char *type;
	struct image_blob
		*blobs; /* the configuration, then the layers as they are listed */
	size_t count;	/* at least 1 */
	uint64_t size;	/* bytes of all, each digest once */
};

/* Every digest and size is checked here, and how much there is. -EINVAL for what is no
 * manifest of an artifact. */
int artifact_parse(const char *text, size_t len, struct artifact *ret, struct err *err)
	__attribute__((warn_unused_result));
void artifact_done(struct artifact *artifact);

/* The blob's digest is one of an earlier one's. */
bool artifact_has_before(const struct artifact *artifact, size_t blob);

/* Says that this is no image to run. */
int artifact_refuse(const char *type, struct err *err);

#endif
