/* SPDX-License-Identifier: Apache-2.0 */
/* An image index or manifest. */
#include "images/artifact.h"
#include "images/oci-document.h"
#include "images/platform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct platform any = { 0 }, want = platform_resolve(&any);
	struct artifact artifact;
	struct oci_document doc;
	struct err err;

	if (artifact_parse((const char *)data, size, &artifact, &err) == 0)
		artifact_done(&artifact);
	if (oci_document_parse((const char *)data, size, NULL, &doc, &err) < 0)
		return 0;
	for (size_t i = 0; i < doc.manifests.count; i++) {
		const struct oci_descriptor *d = &doc.manifests.items[i];
		struct platform offer = { .os = d->platform.os,
			.architecture = d->platform.architecture,
			.variant = d->platform.variant };
		char text[PLATFORM_TEXT_MAX];

		(void)platform_distance(&want, &offer);
		(void)platform_text(&offer, text);
	}
	for (size_t i = 0; i < doc.layers.count; i++)
		(void)oci_layer_kind(doc.layers.items[i].media_type);
	oci_document_done(&doc);
	return 0;
}
