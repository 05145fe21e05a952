/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operation "pull": from a tag or digest through indexes to one manifest and its
 * configuration, every document checked against the digest and size that led to it, then the
 * layers that the client asks for.
 */
#include "images/fetch.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "images/image.h"
#include "images/oci-choose.h"
#include "images/unpack-limits.h"

#include <errno.h>
#include <inttypes.h>

#define SCHEMA_1 "application/vnd.docker.distribution.manifest.v1+"

/* A document of the registry, as it came. */
struct document {
	struct buf text;
	char digest[DIGEST_MAX];
	char *media_type; /* what led to it says, or the server; NULL: neither */
};

struct pull {
	struct fetch_job *job;
	size_t endpoint; /* which one had the manifest */
	struct platform platform;
	char index_digest[DIGEST_MAX];
	struct document manifest, config;
	struct oci_document parsed;
};

static void document_done(struct document *d)
{
	buf_done(&d->text);
	free(d->media_type);
}

/* ---- one document ---- */

/* What a document has to be; what is not makes its endpoint be passed over. */
struct wanted {
	struct pull *pull;
	const char *digest;			 /* NULL: it was a tag */
	const struct oci_descriptor *descriptor; /* what led to it, or NULL */
	struct document *document;
};

static int check_digest(
	const char *expected, const char *got, const char *who, struct err *err)
{
	if (str_eq(expected, got))
		return 0;
	return err_say(
		err, EBADMSG, "its digest is wrong: %s %s, got %s", who, expected, got);
}

static int check_document(
	const struct wanted *wanted, const struct http_transfer *t, struct err *err)
{
	const struct oci_descriptor *d = wanted->descriptor;
	struct document *got = wanted->document;

	if (buf_finish(&got->text) < 0)
		return err_oom(err);
	hash_of(got->text.data, got->text.len, got->digest);
	if (wanted->digest &&
		check_digest(wanted->digest, got->digest, "expected", err) < 0)
		return -EBADMSG;
	if (t->content_digest && str_skip_prefix(t->content_digest, "sha256:") &&
		check_digest(t->content_digest, got->digest, "the registry says", err) <
			0)
		return -EBADMSG;
	if (!d || d->size == got->text.len)
		return 0;
	return err_say(err, EBADMSG,
		"%s has %zu bytes, not the %" PRIu64 " of its descriptor", d->digest,
		got->text.len, d->size);
}

/* A document that is one thing by what led to it and another by what the server calls it could
 * be taken for either. */
static int take_media_type(
	const struct wanted *wanted, const struct http_transfer *t, struct err *err)
{
	const char *led = wanted->descriptor ? wanted->descriptor->media_type : NULL;
	char show[SHOWN_MAX], show_led[SHOWN_MAX];
	enum oci_kind kind;
	bool is_known = oci_media_kind(t->content_type, &kind);

	if (t->content_type && str_skip_prefix(t->content_type, SCHEMA_1))
		return err_say(err, ENOTSUP,
			"the registry has it only in docker's schema 1, which is no longer "
			"read; push it again with a current tool");
	if (t->content_type && str_eq(t->content_type, "text/html"))
		return err_say(
			err, EBADMSG, "the server sent a web page: it is no registry");
	if (is_known && oci_media_kind(led, &kind) && !str_eq(led, t->content_type))
		return err_say(err, EBADMSG,
			"the server calls it %s, but the index that leads to it %s",
			shown(t->content_type, show), shown(led, show_led));
	if (!led && is_known)
		led = shown(t->content_type, show);
	return str_set(&wanted->document->media_type, led) < 0 ? err_oom(err) : 0;
}

static int check_manifest(struct http_transfer *t, struct err *err)
{
	const struct wanted *wanted = t->check_arg;
	struct document *got = wanted->document;
	struct oci_document *parsed = &wanted->pull->parsed;
	int r;

	r = check_document(wanted, t, err);
	if (r == 0)
		r = take_media_type(wanted, t, err);
	oci_document_done(parsed);
	*parsed = (struct oci_document){ 0 };
	return r < 0 ? r
		     : oci_document_parse(got->text.data, got->text.len, got->media_type,
			       parsed, err);
}

static int check_config(struct http_transfer *t, struct err *err)
{
	return check_document(t->check_arg, t, err);
}

static int run_one(struct pull *pull, struct http_transfer *t, struct err *err)
{
	int r = http_run(&pull->job->session, t, 1, 1, NULL, err);

	pull->endpoint = t->endpoint;
	http_transfer_done(t);
	return r;
}

/* Into pull->manifest and pull->parsed. */
static int get_manifest(struct pull *pull, const char *reference,
	const struct oci_descriptor *d, struct err *err)
{
	cleanup_free char *path = str_printf(
		"/v2/%s/manifests/%s", pull->job->request.repository, reference);
	struct wanted wanted = { pull, digest_is_valid(reference) ? reference : NULL, d,
		&pull->manifest };
	struct http_transfer t = { .path = path,
		.accept = FETCH_ACCEPT_MANIFEST,
		.endpoint = pull->endpoint,
		.check = check_manifest,
		.check_arg = &wanted,
		.body = { .text = &pull->manifest.text,
			.fd = -1,
			.max = MANIFEST_MAX,
			.limit_of = "a manifest or index" } };

	return path ? run_one(pull, &t, err) : err_oom(err);
}

static int check_descriptor(const struct oci_descriptor *d, uint64_t max, struct err *err)
{
	char show[SHOWN_MAX];

	if (!digest_is_valid(d->digest))
		return err_say(err, ENOTSUP,
			"%s: only sha256 digests can be checked here",
			shown(d->digest, show));
	if (d->size > max)
		return err_say(err, EFBIG,
			"%s has %" PRIu64 " bytes, the limit is %" PRIu64, d->digest,
			d->size, max);
	return 0;
}

/* ---- from a tag to a manifest ---- */

/* Reads `d` (NULL: what the request names) into pull->manifest and pull->parsed. */
static int read_manifest(
	struct pull *pull, const struct oci_descriptor *d, struct err *err)
{
	const char *reference = d ? d->digest : pull->job->request.reference;
	int r = 0;

	document_done(&pull->manifest);
	pull->manifest = (struct document){ 0 };
	if (d)
		r = check_descriptor(d, MANIFEST_MAX, err);
	if (r == 0)
		r = get_manifest(pull, reference, d, err);
	return r < 0 ? err_wrap(err, "manifest %s", reference) : 0;
}

static int resolve(struct pull *pull, struct err *err)
{
	struct oci_document index;
	const struct oci_descriptor *next;
	int r;

	r = read_manifest(pull, NULL, err);
	for (int depth = 0; r == 0 && pull->parsed.kind == OCI_INDEX; depth++) {
		if (depth >= INDEX_DEPTH_MAX)
			return err_say(err, ELOOP,
				"image indexes are nested more than %d deep",
				INDEX_DEPTH_MAX);
		if (!depth)
			(void)stpcpy(pull->index_digest, pull->manifest.digest);
		index = pull->parsed;
		pull->parsed = (struct oci_document){ 0 };
		next = oci_choose(&index, &pull->platform, NULL, NULL);
		r = next ? read_manifest(pull, next, err)
			 : oci_platform_error(&index, &pull->platform, err);
		oci_document_done(&index);
	}
	return r;
}

static int get_config(struct pull *pull, struct err *err)
{
	const struct oci_descriptor *d = &pull->parsed.config;
	struct wanted wanted = { pull, d->digest, d, &pull->config };
	struct http_transfer t = { .endpoint = pull->endpoint,
		.check = check_config,
		.check_arg = &wanted,
		.body = { .text = &pull->config.text,
			.fd = -1,
			.max = IMAGE_CONFIG_MAX,
			.limit_of = "an image's configuration" } };
	cleanup_free char *path = NULL;
	int r;

	r = check_descriptor(d, IMAGE_CONFIG_MAX, err);
	if (r < 0)
		return r;
	t.path = path =
		str_printf("/v2/%s/blobs/%s", pull->job->request.repository, d->digest);
	return path ? run_one(pull, &t, err) : err_oom(err);
}

/* ---- the answer ---- */

/* One digest has one size. */
static int check_size(const struct oci_descriptors *layers, size_t n, struct err *err)
{
	const struct oci_descriptor *d = &layers->items[n];

	for (size_t i = 0; i < n; i++) {
		if (str_eq(layers->items[i].digest, d->digest) &&
			layers->items[i].size != d->size)
			return err_say(
				err, EBADMSG, "%s is there with two sizes", d->digest);
	}
	return 0;
}

static int check_layers(const struct pull *pull, struct err *err)
{
	const struct oci_descriptors *layers = &pull->parsed.layers;
	int r;

	if (layers->count > IMAGE_LAYERS_MAX)
		return err_say(err, E2BIG, "the image has %zu layers, more than %d",
			layers->count, IMAGE_LAYERS_MAX);
	for (size_t i = 0; i < layers->count; i++) {
		r = check_descriptor(&layers->items[i], INT64_MAX, err);
		if (r == 0)
			r = check_size(layers, i, err);
		if (r < 0)
			return err_wrap(err, "layer %zu", i);
	}
	return 0;
}

static int send_image(struct pull *pull, struct err *err)
{
	const struct oci_descriptors *layers = &pull->parsed.layers;
	bool is_artifact = oci_artifact_type(&pull->parsed);
	cleanup_close int manifest_fd = -1, config_fd = -1;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int fds[2];

	manifest_fd = fd_memfd_sealed(
		"manifest", pull->manifest.text.data, pull->manifest.text.len);
	config_fd =
		fd_memfd_sealed("config", pull->config.text.data, pull->config.text.len);
	if (manifest_fd < 0 || config_fd < 0)
		return err_say(err, ENOMEM, "no memory for the image's configuration");
	jw_object(&w, NULL);
	jw_string(&w, "manifest_digest", pull->manifest.digest);
	jw_string(&w, "index_digest", *pull->index_digest ? pull->index_digest : NULL);
	jw_string(&w, "media_type",
		pull->parsed.media_type ? pull->parsed.media_type
					: pull->manifest.media_type);
	jw_bool(&w, "is_artifact", is_artifact);
	jw_array(&w, "layers");
	for (size_t i = 0; i < layers->count; i++) {
		jw_object(&w, NULL);
		jw_string(&w, "digest", layers->items[i].digest);
		jw_u64(&w, "size", layers->items[i].size);
		/* An artifact's is nobody's matter, and as long as it likes. */
		if (!is_artifact)
			jw_string(&w, "media_type", layers->items[i].media_type);
		jw_object_end(&w);
	}
	jw_array_end(&w);
	jw_object_end(&w);
	fds[0] = manifest_fd;
	fds[1] = config_fd;
	return fetch_send(pull->job, FETCH_IMAGE, &b, fds, 2, err);
}

int fetch_pull(struct fetch_job *job, struct err *err)
{
	const struct fetch_request *request = &job->request;
	cleanup_free char *scope = NULL;
	struct pull pull = { .job = job,
		.platform = { .os = request->platform.os,
			.architecture = request->platform.architecture,
			.variant = request->platform.variant } };
	int r = 0;

	if (!request->repository || !request->reference ||
		!request->access.endpoints.count)
		return err_say(err, EPROTO, "the request names no image");
	job->session.scope = scope =
		str_printf("repository:%s:pull", request->repository);
	if (!scope)
		return err_oom(err);
	pull.platform = platform_resolve(&pull.platform);
	r = resolve(&pull, err);
	if (r == 0)
		r = check_layers(&pull, err);
	if (r == 0)
		r = get_config(&pull, err);
	if (r == 0)
		r = send_image(&pull, err);
	if (r == 0)
		r = fetch_blobs(job, &pull.parsed.layers, pull.endpoint, err);
	document_done(&pull.manifest);
	document_done(&pull.config);
	oci_document_done(&pull.parsed);
	return r < 0 ? r : fetch_send_empty(job, FETCH_DONE, err);
}
