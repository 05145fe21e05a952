/* SPDX-License-Identifier: Apache-2.0 */
/* The operations "get", one URL into one file, and "check", whether a registry lets us in. */
#include "images/fetch.h"

#include "common/cleanup.h"

#include <errno.h>

#define CHECK_MAX (64U << 10)

struct getting {
	struct fetch_job *job;
	int64_t progress_ms;
};

static void on_progress(const struct http_transfer *t, void *arg)
{
	struct getting *getting = arg;

	fetch_progress(getting->job, &getting->progress_ms,
		&(struct fetch_state){ .what = "download", .done = t->body.offset });
}

static int send_done(struct fetch_job *job, struct http_transfer *t, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	char digest[DIGEST_MAX];

	hash_digest(&t->body.hash, digest);
	jw_object(&w, NULL);
	jw_u64(&w, "size", t->body.offset);
	jw_string(&w, "digest", digest);
	jw_string(&w, "content_type", t->content_type);
	jw_object_end(&w);
	return fetch_send(job, FETCH_DONE, &b, NULL, 0, err);
}

int fetch_download(struct fetch_job *job, struct http_transfer *t, struct err *err)
{
	struct getting getting = { .job = job };

	job->session.on_progress = on_progress;
	job->session.arg = &getting;
	return http_run(&job->session, t, 1, 1, NULL, err);
}

int fetch_get(struct fetch_job *job, struct err *err)
{
	cleanup_close int fd = take_fd(&job->msg->fds[1]);
	struct http_transfer t = {
		.url = job->request.url,
		.body = { .fd = fd, .max = job->request.max_bytes },
	};
	int r;

	if (!t.url)
		return err_say(err, EPROTO, "the request names no URL");
	r = fetch_download(job, &t, err);
	if (r == 0)
		r = send_done(job, &t, err);
	http_transfer_done(&t);
	return r;
}

int fetch_check(struct fetch_job *job, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct http_transfer t = { .path = "/v2/",
		.body = { .text = &text, .fd = -1, .max = CHECK_MAX } };
	int r;

	/* The registry itself: a mirror knows other people. */
	t.endpoint = job->request.access.endpoints.count - 1;
	r = http_run(&job->session, &t, 1, 1, NULL, err);
	http_transfer_done(&t);
	return r < 0 ? r : fetch_send_empty(job, FETCH_DONE, err);
}
