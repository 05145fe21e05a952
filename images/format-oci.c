/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OCI image layout, as a directory or in an archive: oci-layout, index.json, and
 * blobs named by their digest. Every blob is checked against size and digest before it is
 * believed.
 */
#include "images/format.h"

#include "common/json.h"
#include "images/oci-choose.h"

#include <errno.h>
#include <inttypes.h>

#define LAYOUT "oci-layout"
#define INDEX "index.json"
#define BLOBS "blobs/sha256/"
#define REF_NAME "org.opencontainers.image.ref.name"
#define CONTAINERD_NAME "io.containerd.image.name"

static bool oci_probe(const struct bundle *b)
{
	return b && bundle_has(b, LAYOUT) && bundle_has(b, INDEX);
}

static int check_layout(const struct bundle *b, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_free char *text = NULL;
	const char *version;
	size_t len = 0;
	int r;

	r = bundle_read(b, LAYOUT, MANIFEST_MAX, &text, &len, err);
	if (r == BUNDLE_ABSENT)
		return err_say(
			err, ENOENT, "this is no OCI layout: it has no file " LAYOUT);
	if (r < 0)
		return r;
	r = json_parse(text, len, &doc, err);
	if (r < 0)
		return err_wrap(err, LAYOUT);
	version = json_get_string(json_root(doc), "imageLayoutVersion");
	if (!version || !str_skip_prefix(version, "1."))
		return err_say(err, ENOTSUP, LAYOUT ": imageLayoutVersion is not 1.0.0");
	return 0;
}

static int check_digest(const char *digest, struct err *err)
{
	char show[SHOWN_MAX];

	if (digest_is_valid(digest))
		return 0;
	if (str_skip_prefix(digest, "sha256:") || !strchr(digest, ':'))
		return err_say(
			err, EINVAL, "%s is not a valid digest", shown(digest, show));
	return err_say(err, ENOTSUP, "%s: only sha256 digests can be checked here",
		shown(digest, show));
}

/* A document named by a descriptor. */
static int read_blob(const struct bundle *b, const struct oci_descriptor *d, size_t max,
	char **ret, size_t *ret_len, struct err *err)
{
	cleanup_free char *text = NULL;
	char name[sizeof(BLOBS) + HASH_HEX_MAX], digest[DIGEST_MAX];
	size_t len = 0;
	int r;

	r = check_digest(d->digest, err);
	if (r < 0)
		return r;
	(void)stpcpy(stpcpy(name, BLOBS), digest_hex(d->digest));
	r = bundle_read(b, name, max, &text, &len, err);
	if (r == BUNDLE_ABSENT)
		return err_say(err, ENOENT, "blob %s is not in the layout", d->digest);
	if (r < 0)
		return r;
	if (len != d->size)
		return err_say(err, EBADMSG,
			"blob %s has %zu bytes, not the %" PRIu64 " of its descriptor",
			d->digest, len, d->size);
	hash_of(text, len, digest);
	if (!str_eq(digest, d->digest))
		return err_say(err, EBADMSG, "blob %s is corrupt: its digest is %s",
			d->digest, digest);
	*ret = take_ptr(text);
	*ret_len = len;
	return 0;
}

static const char *names_of[] = { REF_NAME, CONTAINERD_NAME, NULL };

static bool is_named(const struct oci_descriptor *d, const char *tag)
{
	for (const char *const *key = names_of; *key; key++) {
		const char *name = strv_env_get(d->annotations, *key);

		if (name && (str_eq(name, tag) || format_name_matches(name, tag)))
			return true;
	}
	return str_eq(d->digest, tag);
}

static bool is_wanted(const struct oci_descriptor *d, const void *tag)
{
	return !tag || is_named(d, tag);
}

/* How many different images match, and under which names all are known. Those for
 * different platforms that have no name are one image. */
static int count_images(const struct oci_document *index, const char *tag,
	strv *ret_names, size_t *ret_matches, struct err *err)
{
	const struct oci_descriptor *first = NULL;
	size_t matches = 0;

	for (size_t i = 0; i < index->manifests.count; i++) {
		const struct oci_descriptor *d = &index->manifests.items[i];
		const char *name = strv_env_get(d->annotations, REF_NAME);

		if (!oci_is_image(d))
			continue;
		if (!name)
			name = strv_env_get(d->annotations, CONTAINERD_NAME);
		if (name && strv_add(ret_names, name) < 0)
			return err_oom(err);
		if (tag && !is_named(d, tag))
			continue;
		if (first && (str_eq(first->digest, d->digest) ||
				     (d->platform.os && (tag || !name))))
			continue;
		first = first ? first : d;
		matches++;
	}
	*ret_matches = matches;
	return 0;
}

static int choose(const struct oci_document *index, const struct find_request *request,
	const struct oci_descriptor **ret, struct err *err)
{
	cleanup_strv strv names = NULL;
	size_t matches = 0;
	int r;

	r = count_images(index, request->tag, &names, &matches, err);
	if (r < 0)
		return r;
	if (matches != 1)
		return format_choice_error(request->tag, names, matches, err);
	*ret = oci_choose(index, &request->platform, is_wanted, request->tag);
	return *ret ? 0 : oci_platform_error(index, &request->platform, err);
}

/* Every name that index.json has for the chosen descriptor. */
static int take_names(const struct oci_document *index,
	const struct oci_descriptor *chosen, struct found_image *ret, struct err *err)
{
	for (size_t i = 0; i < index->manifests.count; i++) {
		const struct oci_descriptor *d = &index->manifests.items[i];
		const char *name;

		if (!str_eq(d->digest, chosen->digest))
			continue;
		/* containerd's is the full name, where the other is the tag alone. */
		name = strv_env_get(d->annotations, CONTAINERD_NAME);
		if (!name)
			name = strv_env_get(d->annotations, REF_NAME);
		if (name && strv_len(ret->names) < IMAGE_NAMES_MAX &&
			strv_add(&ret->names, name) < 0)
			return err_oom(err);
	}
	return 0;
}

static int check_kind(const struct oci_descriptor *d, size_t n, struct err *err)
{
	enum oci_layer_kind kind = oci_layer_kind(d->media_type);
	char show[SHOWN_MAX];

	if (kind == OCI_LAYER_ENCRYPTED)
		return err_say(err, ENOTSUP,
			"layer %zu is encrypted, and cannot be decrypted here", n);
	if (kind == OCI_LAYER_UNKNOWN)
		return err_say(err, ENOTSUP, "layer %zu is of an unknown kind: %s", n,
			d->media_type ? shown(d->media_type, show) : "no media type");
	return 0;
}

static int check_presence(const struct bundle *b, const struct oci_descriptor *d,
	size_t n, const char *member, struct err *err)
{
	if (bundle_has(b, member))
		return 0;
	if (oci_layer_kind(d->media_type) == OCI_LAYER_FOREIGN)
		return err_say(err, ENOENT,
			"layer %zu, %s, is kept elsewhere and is not in the layout", n,
			d->digest);
	return err_say(
		err, ENOENT, "layer %zu, blob %s, is not in the layout", n, d->digest);
}

static int add_layer(const struct bundle *b, const struct oci_descriptor *d,
	struct found_image *ret, struct err *err)
{
	struct format_layer *layer;
	size_t n = ret->layer_count;
	int r;

	r = check_digest(d->digest, err);
	if (r < 0)
		return err_wrap(err, "layer %zu", n);
	layer = found_image_add_layer(ret, err);
	if (!layer)
		return -E2BIG;
	layer->member = str_printf(BLOBS "%s", digest_hex(d->digest));
	/* An artifact's is nobody's matter, and as long as it likes. */
	if (!layer->member ||
		(!ret->is_artifact && str_set(&layer->media_type, d->media_type) < 0))
		return err_oom(err);
	layer->size = d->size;
	(void)stpcpy(layer->digest, d->digest);
	r = ret->is_artifact ? 0 : check_kind(d, n, err);
	return r == 0 ? check_presence(b, d, n, layer->member, err) : r;
}

static int take_manifest(const struct bundle *b, const struct oci_document *doc,
	struct found_image *ret, struct err *err)
{
	int r;

	ret->is_artifact = oci_artifact_type(doc) != NULL;
	r = read_blob(
		b, &doc->config, IMAGE_CONFIG_MAX, &ret->config, &ret->config_len, err);
	if (r < 0)
		return err_wrap(err, "the configuration");
	for (size_t i = 0; i < doc->layers.count; i++) {
		r = add_layer(b, &doc->layers.items[i], ret, err);
		if (r < 0)
			return r;
	}
	return ret->is_artifact ? 0 : found_image_check_config(ret, err);
}

/* Follows one descriptor to a manifest, through at most INDEX_DEPTH_MAX indexes. */
static int follow(const struct bundle *b, const struct oci_descriptor *d,
	const struct find_request *request, int depth, struct found_image *ret,
	struct err *err)
{
	struct oci_document doc = { 0 };
	cleanup_free char *text = NULL;
	const struct oci_descriptor *next;
	size_t len = 0;
	int r;

	if (depth > INDEX_DEPTH_MAX)
		return err_say(err, ELOOP, "image indexes are nested more than %d deep",
			INDEX_DEPTH_MAX);
	r = read_blob(b, d, MANIFEST_MAX, &text, &len, err);
	if (r < 0)
		return r;
	r = oci_document_parse(text, len, d->media_type, &doc, err);
	if (r < 0)
		return err_wrap(err, "manifest %s", d->digest);
	if (doc.kind == OCI_INDEX) {
		next = oci_choose(&doc, &request->platform, NULL, NULL);
		r = next ? follow(b, next, request, depth + 1, ret, err)
			 : oci_platform_error(&doc, &request->platform, err);
	} else {
		(void)stpcpy(ret->manifest_digest, d->digest);
		ret->manifest = take_ptr(text);
		ret->manifest_len = len;
		r = take_manifest(b, &doc, ret, err);
	}
	oci_document_done(&doc);
	return r;
}

static int oci_find(const struct bundle *b, const struct find_request *request,
	struct found_image *ret, struct err *err)
{
	const struct oci_descriptor *chosen;
	struct oci_document index = { 0 };
	cleanup_free char *text = NULL;
	size_t len = 0;
	int r;

	r = check_layout(b, err);
	if (r < 0)
		return r;
	r = bundle_read(b, INDEX, MANIFEST_MAX, &text, &len, err);
	if (r == BUNDLE_ABSENT)
		return err_say(
			err, ENOENT, "this is no OCI layout: it has no file " INDEX);
	if (r < 0)
		return r;
	r = oci_document_parse(text, len, NULL, &index, err);
	if (r == 0 && index.kind != OCI_INDEX)
		r = err_say(err, EINVAL, "it is a manifest, not an index");
	if (r < 0) {
		oci_document_done(&index);
		return err_wrap(err, INDEX);
	}
	r = choose(&index, request, &chosen, err);
	if (r == 0)
		r = take_names(&index, chosen, ret, err);
	if (r == 0)
		r = follow(b, chosen, request, 1, ret, err);
	oci_document_done(&index);
	return r;
}

const struct image_format format_oci = {
	.name = "oci",
	.archive_name = "oci-archive",
	.probe = oci_probe,
	.find = oci_find,
};
