/* SPDX-License-Identifier: Apache-2.0 */
#include "images/artifact.h"

#include "common/cleanup.h"
#include "images/oci-document.h"
#include "images/unpack-limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

void artifact_done(struct artifact *artifact)
{
	free(artifact->type);
	free(artifact->blobs);
	*artifact = (struct artifact){ 0 };
}

bool artifact_has_before(const struct artifact *artifact, size_t blob)
{
	for (size_t i = 0; i < blob; i++) {
		if (str_eq(artifact->blobs[i].digest, artifact->blobs[blob].digest))
			return true;
	}
	return false;
}

int artifact_refuse(const char *type, struct err *err)
{
	char show[SHOWN_MAX];

	return err_say(err, ENOTSUP, "this is an artifact (%s), not an image to run",
		shown(type, show));
}

/* One digest has one size, and all together are no more than a file could be. */
static int check_size(const struct artifact *artifact, size_t n, struct err *err)
{
	const struct image_blob *blob = &artifact->blobs[n];

	for (size_t i = 0; i < n; i++) {
		if (str_eq(artifact->blobs[i].digest, blob->digest) &&
			artifact->blobs[i].size != blob->size)
			return err_say(
				err, EBADMSG, "%s is there with two sizes", blob->digest);
	}
	if (blob->size > (uint64_t)INT64_MAX - artifact->size)
		return err_say(err, EFBIG, "%s has %" PRIu64 " bytes, which is too much",
			blob->digest, blob->size);
	return 0;
}

static int add_blob(
	struct artifact *artifact, const struct oci_descriptor *d, struct err *err)
{
	struct image_blob *blob = &artifact->blobs[artifact->count];
	char show[SHOWN_MAX];
	int r;

	if (!digest_is_valid(d->digest))
		return err_say(err, ENOTSUP,
			"%s: only sha256 digests can be checked here",
			shown(d->digest, show));
	(void)snprintf(blob->digest, sizeof(blob->digest), "%s", d->digest);
	blob->size = d->size;
	r = check_size(artifact, artifact->count, err);
	if (r < 0)
		return r;
	if (!artifact_has_before(artifact, artifact->count))
		artifact->size += blob->size;
	artifact->count++;
	return 0;
}

static int take_type(
	const struct oci_document *manifest, struct artifact *artifact, struct err *err)
{
	const char *type = oci_artifact_type(manifest);

	if (!type)
		return err_say(err, EINVAL, "it is an image's, not an artifact's");
	if (!*type)
		return err_say(err, EINVAL,
			"it is an artifact's that does not say of which type");
	if (strlen(type) > ARTIFACT_TYPE_MAX)
		return err_say(err, E2BIG,
			"its type is longer than the %d characters of a media type",
			ARTIFACT_TYPE_MAX);
	return str_set(&artifact->type, type) < 0 ? err_oom(err) : 0;
}

static int take_manifest(
	const struct oci_document *manifest, struct artifact *ret, struct err *err)
{
	const struct oci_descriptors *layers = &manifest->layers;
	int r;

	if (manifest->kind != OCI_MANIFEST)
		return err_say(err, EINVAL, "it is an index, not a manifest");
	if (layers->count > IMAGE_LAYERS_MAX)
		return err_say(err, E2BIG, "the artifact has %zu layers, more than %d",
			layers->count, IMAGE_LAYERS_MAX);
	if (manifest->config.size > IMAGE_CONFIG_MAX)
		return err_say(err, EFBIG,
			"its configuration has %" PRIu64 " bytes, the limit is %u",
			manifest->config.size, IMAGE_CONFIG_MAX);
	ret->blobs = calloc(1 + layers->count, sizeof(*ret->blobs));
	if (!ret->blobs)
		return err_oom(err);
	r = take_type(manifest, ret, err);
	if (r == 0)
		r = add_blob(ret, &manifest->config, err);
	for (size_t i = 0; r == 0 && i < layers->count; i++)
		r = add_blob(ret, &layers->items[i], err);
	return r;
}

int artifact_parse(const char *text, size_t len, struct artifact *ret, struct err *err)
{
	struct oci_document manifest = { 0 };
	struct artifact artifact = { 0 };
	int r;

	r = oci_document_parse(text, len, NULL, &manifest, err);
	if (r == 0)
		r = take_manifest(&manifest, &artifact, err);
	oci_document_done(&manifest);
	if (r < 0) {
		artifact_done(&artifact);
		return err_wrap(err, "the manifest");
	}
	*ret = artifact;
	return 0;
}
