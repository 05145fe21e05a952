/* SPDX-License-Identifier: Apache-2.0 */
#include "images/oci-document.h"

#include "common/cleanup.h"
#include "common/json.h"
#include "images/unpack-limits.h"

#include <errno.h>

#define AT(type, member) offsetof(struct type, member)

static const struct media_row {
	const char *media_type;
	enum oci_kind kind;
} media_rows[] = {
	{ "application/vnd.oci.image.index.v1+json", OCI_INDEX },
	{ "application/vnd.docker.distribution.manifest.list.v2+json", OCI_INDEX },
	{ "application/vnd.oci.image.manifest.v1+json", OCI_MANIFEST },
	{ "application/vnd.docker.distribution.manifest.v2+json", OCI_MANIFEST },
	{ 0 },
};

static const struct layer_row {
	const char *prefix;
	enum oci_layer_kind kind;
} layer_rows[] = {
	{ "application/vnd.oci.image.layer.v1.tar", OCI_LAYER_TAR },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar", OCI_LAYER_FOREIGN },
	{ "application/vnd.docker.image.rootfs.diff.tar", OCI_LAYER_TAR },
	{ "application/vnd.docker.image.rootfs.foreign.diff.tar", OCI_LAYER_FOREIGN },
	{ 0 },
};

/* How the tar is compressed; the content tells it again, and is what counts. */
static const char *const layer_suffixes[] = { "", "+gzip", ".gzip", "+zstd", ".zstd",
	NULL };

static const struct json_field platform_fields[] = {
	{ "os", json_string,
		AT(oci_descriptor, platform.os) - AT(oci_descriptor, platform) },
	{ "architecture", json_string,
		AT(oci_descriptor, platform.architecture) -
			AT(oci_descriptor, platform) },
	{ "variant", json_string,
		AT(oci_descriptor, platform.variant) - AT(oci_descriptor, platform) },
	{ 0 },
};

/* One whose key has "=" cannot be kept as "key=value", and is left out. */
static int decode_annotations(
	const struct json *v, void *out, const void *arg, struct err *err)
{
	if (v->type != JSON_OBJECT)
		return err_say(err, EINVAL, " must be an object of strings");
	json_each (member, v) {
		cleanup_free char *value = NULL;
		int r;

		if (member->type == JSON_NULL || strchr(member->key, '='))
			continue;
		r = json_string(member, &value, NULL, err);
		if (r < 0)
			return r;
		if (strv_take(out, str_printf("%s=%s", member->key, value)) < 0)
			return err_oom(err);
	}
	return 0;
}

static const struct json_field descriptor_fields[] = {
	{ "mediaType", json_string, AT(oci_descriptor, media_type) },
	{ "digest", json_string, AT(oci_descriptor, digest), true },
	{ "size", json_u64, AT(oci_descriptor, size), true },
	{ "artifactType", json_string, AT(oci_descriptor, artifact_type) },
	{ "platform", json_object, AT(oci_descriptor, platform), false, platform_fields },
	{ "annotations", decode_annotations, AT(oci_descriptor, annotations) },
	{ 0 },
};

static const struct json_array_of descriptor_array = { sizeof(struct oci_descriptor),
	descriptor_fields };

static const struct json_field document_fields[] = {
	{ "schemaVersion", json_u32, AT(oci_document, schema_version) },
	{ "mediaType", json_string, AT(oci_document, media_type) },
	{ "artifactType", json_string, AT(oci_document, artifact_type) },
	{ "config", json_object, AT(oci_document, config), false, descriptor_fields },
	{ "layers", json_array, AT(oci_document, layers), false, &descriptor_array },
	{ "manifests", json_array, AT(oci_document, manifests), false,
		&descriptor_array },
	{ 0 },
};

static void descriptor_done(struct oci_descriptor *d)
{
	free(d->media_type);
	free(d->digest);
	free(d->artifact_type);
	free(d->platform.os);
	free(d->platform.architecture);
	free(d->platform.variant);
	strv_free(d->annotations);
}

static void descriptors_done(struct oci_descriptors *list)
{
	for (size_t i = 0; i < list->count; i++)
		descriptor_done(&list->items[i]);
	free(list->items);
}

void oci_document_done(struct oci_document *doc)
{
	free(doc->media_type);
	free(doc->artifact_type);
	descriptor_done(&doc->config);
	descriptors_done(&doc->layers);
	descriptors_done(&doc->manifests);
	*doc = (struct oci_document){ 0 };
}

int oci_media_kind(const char *media_type, enum oci_kind *ret)
{
	for (const struct media_row *row = media_rows; media_type && row->media_type;
		row++) {
		if (!str_eq(row->media_type, media_type))
			continue;
		*ret = row->kind;
		return 1;
	}
	return 0;
}

enum oci_layer_kind oci_layer_kind(const char *media_type)
{
	if (str_empty(media_type))
		return OCI_LAYER_UNKNOWN;
	for (const struct layer_row *row = layer_rows; row->prefix; row++) {
		const char *suffix = str_skip_prefix(media_type, row->prefix);

		for (const char *const *s = layer_suffixes; suffix && *s; s++) {
			if (str_eq(suffix, *s))
				return row->kind;
		}
		if (suffix && str_has_suffix(suffix, "+encrypted"))
			return OCI_LAYER_ENCRYPTED;
	}
	return OCI_LAYER_UNKNOWN;
}

static const char *const config_types[] = { "application/vnd.oci.image.config.v1+json",
	"application/vnd.docker.container.image.v1+json", NULL };

const char *oci_artifact_type(const struct oci_document *manifest)
{
	const char *config = manifest->config.media_type;

	if (manifest->artifact_type)
		return manifest->artifact_type;
	for (const char *const *t = config_types; *t && config; t++) {
		if (str_eq(*t, config))
			return NULL;
	}
	return config ? config : "";
}

static size_t count_elements(const struct json *array)
{
	size_t count = 0;

	json_each (item, array)
		count++;
	return count;
}

/* What the members make of the document, which must be one thing and what it is said to
 * be. */
static int find_kind(const struct json *root, const struct oci_document *doc,
	const char *media_type, enum oci_kind *ret, struct err *err)
{
	bool is_manifest = json_get(root, "layers") || json_get(root, "config");
	bool is_index = json_get(root, "manifests") != NULL;
	enum oci_kind kind = is_index ? OCI_INDEX : OCI_MANIFEST, said;

	if (json_get(root, "fsLayers"))
		return err_say(err, ENOTSUP,
			"it is a manifest of docker's schema 1, which is no longer read");
	if (is_index == is_manifest)
		return err_say(err, EINVAL,
			is_index ? "it is both an index and a manifest"
				 : "it is neither an image index nor an image manifest");
	if (oci_media_kind(media_type, &said) && said != kind)
		return err_say(err, EINVAL, "it is not what its descriptor says, %s",
			media_type);
	if (doc->media_type && (!oci_media_kind(doc->media_type, &said) || said != kind))
		return err_say(err, EINVAL, "it calls itself %.100s and is not",
			doc->media_type);
	if (doc->media_type && media_type && !str_eq(doc->media_type, media_type))
		return err_say(err, EINVAL,
			"it calls itself %.100s, its descriptor %.100s", doc->media_type,
			media_type);
	*ret = kind;
	return 0;
}

static int decode(const struct json *root, const char *media_type,
	struct oci_document *doc, struct err *err)
{
	int r;

	if (root->type != JSON_OBJECT)
		return err_say(err, EINVAL, "it is not a JSON object");
	if (count_elements(json_get(root, "layers")) > DESCRIPTORS_MAX ||
		count_elements(json_get(root, "manifests")) > DESCRIPTORS_MAX)
		return err_say(
			err, E2BIG, "it has more than %d descriptors", DESCRIPTORS_MAX);
	r = json_decode(root, document_fields, doc, err);
	if (r < 0)
		return r;
	r = find_kind(root, doc, media_type, &doc->kind, err);
	if (r < 0)
		return r;
	if (doc->kind == OCI_MANIFEST && !doc->config.digest)
		return err_say(err, EINVAL, "it is a manifest without a configuration");
	if (doc->schema_version != 2)
		return err_say(err, ENOTSUP, "its schemaVersion is %u, only 2 is known",
			doc->schema_version);
	return 0;
}

int oci_document_parse(const char *text, size_t len, const char *media_type,
	struct oci_document *ret, struct err *err)
{
	cleanup_json struct json_doc *json = NULL;
	struct oci_document doc = { 0 };
	int r;

	r = json_parse(text, len, &json, err);
	if (r < 0)
		return r;
	r = decode(json_root(json), media_type, &doc, err);
	if (r < 0) {
		oci_document_done(&doc);
		return r;
	}
	*ret = doc;
	return 0;
}
