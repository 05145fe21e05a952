/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image index and the image manifest of the OCI image specification, and docker's
 * forms of both: parsed, checked in themselves, not yet believed.
 */
#ifndef UCR_IMAGES_OCI_DOCUMENT_H
#define UCR_IMAGES_OCI_DOCUMENT_H

#include "common/err.h"
#include "common/str.h"

struct oci_descriptor {
	char *media_type, *digest, *artifact_type;
	uint64_t size;
	struct {
		char *os, *architecture, *variant;
	} platform;
	strv annotations; /* "key=value" */
};

struct oci_descriptors {
	struct oci_descriptor *items;
	size_t count;
};

enum oci_kind { OCI_INDEX, OCI_MANIFEST };

struct oci_document {
	enum oci_kind kind;
	uint32_t schema_version;
	char *media_type, *artifact_type;
	struct oci_descriptor config;
	struct oci_descriptors layers, manifests;
};

/*
 * `media_type`: what the descriptor that led here says it is, or NULL. A document that
 * says otherwise, or that could be read as both kinds, is refused: who signed one meaning
 * of it did not sign the other.
 */
int oci_document_parse(const char *text, size_t len, const char *media_type,
	struct oci_document *ret, struct err *err) __attribute__((warn_unused_result));
void oci_document_done(struct oci_document *doc);

/* Whether a media type is an index's or a manifest's: 1 and the kind, or 0. */
int oci_media_kind(const char *media_type, enum oci_kind *ret);

/* What a layer's media type says about it. */
enum oci_layer_kind {
	OCI_LAYER_TAR,
	OCI_LAYER_FOREIGN, /* a tar whose bytes need not be in the layout */
	OCI_LAYER_ENCRYPTED,
	OCI_LAYER_UNKNOWN,
};
enum oci_layer_kind oci_layer_kind(const char *media_type);

/* What a manifest that is no image's is of: its artifactType, else the media type of its
 * configuration, "" without either. NULL: it is an image's. */
const char *oci_artifact_type(const struct oci_document *manifest);

#endif
