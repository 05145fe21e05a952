/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operation "referrers": the manifests that say they belong to another one. A registry that
 * does not keep that list itself has it under a tag made of the digest, where those who push keep
 * it; without the tag there are none.
 */
#include "images/fetch.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "images/oci-document.h"
#include "images/referrers.h"
#include "images/unpack-limits.h"

#include <errno.h>

#define ACCEPT_INDEX "application/vnd.oci.image.index.v1+json"
#define PAGES_MAX 100
#define STATUS_NOT_FOUND 404

struct referring {
	struct fetch_job *job;
	char digest[DIGEST_MAX];
	strv paths; /* of the pages asked for so far */
	struct buf text;
	struct json_writer writer;
	size_t count;
};

/* ---- what is referred to ---- */

static int check_subject(struct http_transfer *t, struct err *err)
{
	struct referring *referring = t->check_arg;
	struct oci_document doc = { 0 };
	enum oci_kind kind;
	const char *type =
		oci_media_kind(t->content_type, &kind) ? t->content_type : NULL;
	int r;

	if (buf_finish(t->body.text) < 0)
		return err_oom(err);
	r = oci_document_parse(t->body.text->data, t->body.text->len, type, &doc, err);
	oci_document_done(&doc);
	hash_of(t->body.text->data, t->body.text->len, referring->digest);
	return r;
}

/* By a tag it is whatever the tag names: an index is not followed, as others list those who
 * refer to the whole of it. */
static int find_subject(struct referring *referring, struct err *err)
{
	const struct fetch_request *request = &referring->job->request;
	cleanup_free char *path = str_printf(
		"/v2/%s/manifests/%s", request->repository, request->reference);
	cleanup_buf struct buf text = BUF_INIT;
	struct http_transfer t = { .path = path,
		.accept = FETCH_ACCEPT_MANIFEST,
		.endpoint = request->access.endpoints.count - 1,
		.check = check_subject,
		.check_arg = referring,
		.body = { .text = &text,
			.fd = -1,
			.max = MANIFEST_MAX,
			.limit_of = "a manifest or index" } };
	int r;

	if (digest_is_valid(request->reference)) {
		(void)stpcpy(referring->digest, request->reference);
		return 0;
	}
	if (!path)
		return err_oom(err);
	r = http_run(&referring->job->session, &t, 1, 1, NULL, err);
	http_transfer_done(&t);
	return r < 0 ? err_wrap(err, "manifest %s", request->reference) : 0;
}

/* ---- the list ---- */

static bool is_wanted(const struct referring *referring, const struct oci_descriptor *d)
{
	const char *wanted = referring->job->request.artifact_type;

	return !wanted || (d->artifact_type && str_eq(d->artifact_type, wanted));
}

static int add_referrer(
	struct referring *referring, const struct oci_descriptor *d, struct err *err)
{
	struct json_writer *w = &referring->writer;
	char show[SHOWN_MAX];

	if (!is_wanted(referring, d))
		return 0;
	if (++referring->count > REFERRERS_MAX || w->buf->len > REFERRERS_TEXT_MAX)
		return err_say(err, E2BIG,
			"there are more than %d, or more is said of them than %u bytes",
			REFERRERS_MAX, REFERRERS_TEXT_MAX);
	/* Nobody can pull it here; one such must not hide the others. */
	if (!digest_is_valid(d->digest)) {
		http_note(&referring->job->session,
			"%s is left out: only sha256 digests can be checked here",
			shown(d->digest, show));
		return 0;
	}
	jw_object(w, NULL);
	jw_string(w, "digest", d->digest);
	jw_u64(w, "size", d->size);
	jw_string(w, "media_type", d->media_type);
	jw_string(w, "artifact_type", d->artifact_type);
	jw_string_map(w, "annotations", d->annotations);
	jw_object_end(w);
	return 0;
}

/* Whether the registry says that it has filtered (OCI-Filters-Applied) makes no difference: it is
 * done here in any case. */
static int add_page(
	struct referring *referring, const struct http_transfer *t, struct err *err)
{
	struct oci_document doc = { 0 };
	char show[SHOWN_MAX];
	int r;

	if (!t->content_type || !str_eq(t->content_type, ACCEPT_INDEX))
		return err_say(err, EBADMSG, "the server calls it %s, not an image index",
			t->content_type ? shown(t->content_type, show) : "nothing");
	r = oci_document_parse(
		t->body.text->data, t->body.text->len, t->content_type, &doc, err);
	for (size_t i = 0; r == 0 && i < doc.manifests.count; i++)
		r = add_referrer(referring, &doc.manifests.items[i], err);
	oci_document_done(&doc);
	return r;
}

/* *ret_next becomes the path of the next page, or NULL. 1: it is not there. */
static int get_page(
	struct referring *referring, const char *path, char **ret_next, struct err *err)
{
	struct fetch_job *job = referring->job;
	cleanup_buf struct buf page = BUF_INIT;
	struct http_transfer t = { .path = path,
		.accept = ACCEPT_INDEX,
		/* The registry itself: a mirror has what it was asked for before. */
		.endpoint = job->request.access.endpoints.count - 1,
		.body = { .text = &page,
			.fd = -1,
			.max = MANIFEST_MAX,
			.limit_of = "a page of referrers" } };
	int r;

	r = http_run(&job->session, &t, 1, 1, NULL, err);
	if (r < 0 && t.status == STATUS_NOT_FOUND)
		r = 1;
	if (r == 0)
		r = buf_finish(&page) < 0 ? err_oom(err) : add_page(referring, &t, err);
	if (r == 0)
		*ret_next = take_ptr(t.next_page);
	http_transfer_done(&t);
	return r < 0 ? err_wrap(err, "referrers of %s", referring->digest) : r;
}

static int note_path(struct referring *referring, const char *path, struct err *err)
{
	char show[SHOWN_MAX];

	strv_each (before, referring->paths) {
		if (str_eq(*before, path))
			return err_say(err, ELOOP,
				"the pages of the list lead back to %s",
				shown(path, show));
	}
	if (strv_len(referring->paths) >= PAGES_MAX)
		return err_say(
			err, E2BIG, "the list fills more than %d pages", PAGES_MAX);
	return strv_add(&referring->paths, path) < 0 ? err_oom(err) : 0;
}

/* From this page on, to the last. 1: the first is not there. */
static int get_pages(struct referring *referring, char *first, struct err *err)
{
	cleanup_free char *path = first;
	int r = path ? 0 : err_oom(err);

	while (r == 0 && path) {
		cleanup_free char *this_path = take_ptr(path);
		bool is_first = !referring->paths;

		r = note_path(referring, this_path, err);
		if (r == 0)
			r = get_page(referring, this_path, &path, err);
		if (r == 1 && !is_first)
			return err_say(err, EBADMSG, "a page of the list is not there");
	}
	return r;
}

static char *list_path(const struct referring *referring)
{
	const struct fetch_request *request = &referring->job->request;
	const char *type = request->artifact_type;
	char *escaped, *path;

	if (!type)
		return str_printf(
			"/v2/%s/referrers/%s", request->repository, referring->digest);
	escaped = curl_easy_escape(NULL, type, (int)strlen(type));
	path = escaped ? str_printf("/v2/%s/referrers/%s?artifactType=%s",
				 request->repository, referring->digest, escaped)
		       : NULL;
	curl_free(escaped);
	return path;
}

static int list(struct referring *referring, struct err *err)
{
	const char *repository = referring->job->request.repository;
	char *next = NULL;
	int r;

	r = get_pages(referring, list_path(referring), err);
	if (r == 1) {
		cleanup_free char *path = str_printf("/v2/%s/manifests/sha256-%s",
			repository, digest_hex(referring->digest));

		r = path ? get_page(referring, path, &next, err) : err_oom(err);
		free(next); /* a manifest is whole */
	}
	return r < 0 ? r : 0;
}

static int send_list(struct referring *referring, int fd, struct err *err)
{
	struct json_writer *w = &referring->writer;
	int r;

	jw_object(w, NULL);
	jw_string(w, "digest", referring->digest);
	jw_array(w, "referrers");
	r = list(referring, err);
	jw_array_end(w);
	jw_object_end(w);
	if (r < 0)
		return r;
	if (buf_finish(w->buf) < 0)
		return err_oom(err);
	r = fd_write_all(fd, w->buf->data, w->buf->len);
	return r < 0 ? err_set(err, -r, "write the list") : 0;
}

int fetch_referrers(struct fetch_job *job, struct err *err)
{
	cleanup_close int fd = take_fd(&job->msg->fds[1]);
	struct referring referring = { .job = job };
	const struct fetch_request *request = &job->request;
	cleanup_free char *scope = NULL;
	int r;

	if (!request->repository || !request->reference ||
		!request->access.endpoints.count)
		return err_say(err, EPROTO, "the request names no manifest");
	job->session.scope = scope =
		str_printf("repository:%s:pull", request->repository);
	if (!scope)
		return err_oom(err);
	referring.writer.buf = &referring.text;
	r = find_subject(&referring, err);
	if (r == 0)
		r = send_list(&referring, fd, err);
	job->session.scope = NULL;
	buf_done(&referring.text);
	strv_free(referring.paths);
	return r < 0 ? r : fetch_send_empty(job, FETCH_DONE, err);
}
