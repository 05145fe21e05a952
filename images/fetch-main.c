/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ucr-fetch: the one program that speaks to registries and other servers. It holds a socket
 * and the descriptors that come over it; see images/fetch-proto.h for what is said there.
 */
#include "images/fetch-confine.h"
#include "images/fetch.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "images/helper.h"

#include <errno.h>
#include <time.h>

#define REQUEST_MAX (8U << 20)

static const struct op_row {
	const char *op;
	size_t fds_min;
	int (*run)(struct fetch_job *job, struct err *err);
} ops[] = {
	{ "get", 2, fetch_get },
	{ "check", 1, fetch_check },
	{ "pull", 1, fetch_pull },
	{ "tags", 2, fetch_tags },
	{ "referrers", 2, fetch_referrers },
	{ "discover", 2, fetch_discover },
	{ 0 },
};

/* ---- answers ---- */

int fetch_send(struct fetch_job *job, enum fetch_msg type, struct buf *payload,
	const int *fds, size_t fd_count, struct err *err)
{
	int r;

	r = buf_finish(payload);
	if (r == 0)
		r = ipc_send(
			job->peer_fd, type, payload->data, payload->len, fds, fd_count);
	buf_reset(payload);
	return r < 0 ? err_set(err, -r, "answer the request") : 0;
}

int fetch_send_empty(struct fetch_job *job, enum fetch_msg type, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;

	buf_puts(&b, "{}");
	return fetch_send(job, type, &b, NULL, 0, err);
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void fetch_progress(
	struct fetch_job *job, int64_t *last_ms, const struct fetch_state *state)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int64_t now = now_ms();

	if (now - *last_ms < FETCH_PROGRESS_MS && state->done != state->total)
		return;
	*last_ms = now;
	jw_object(&w, NULL);
	jw_string(&w, "what", state->what);
	jw_u64(&w, "layer", state->layer);
	jw_u64(&w, "layers", state->layers);
	jw_u64(&w, "done", state->done);
	jw_u64(&w, "total", state->total);
	jw_object_end(&w);
	/* A client that has gone is noticed by what must reach it. */
	(void)!fetch_send(job, FETCH_PROGRESS, &b, NULL, 0, NULL);
}

static void on_note(const char *text, void *arg)
{
	struct fetch_job *job = arg;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_object(&w, NULL);
	jw_string(&w, "text", text);
	jw_object_end(&w);
	(void)!fetch_send(job, FETCH_NOTE, &b, NULL, 0, NULL);
}

/* ---- the request ---- */

static int run_op(struct fetch_job *job, struct err *err)
{
	const struct op_row *row = ops;
	int r;

	while (row->op && !str_eq(row->op, job->request.op))
		row++;
	if (!row->op)
		return err_say(err, EPROTO, "the request is for something unknown");
	if (job->msg->fd_count < row->fds_min)
		return err_say(err, EPROTO, "the request came with too few descriptors");
	r = http_session_open(&job->request.access, &job->session, err);
	if (r < 0)
		return r;
	job->session.on_note = on_note;
	job->session.note_arg = job;
	r = row->run(job, err);
	http_session_close(&job->session);
	return r;
}

static int serve(struct fetch_job *job, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = fetch_confine(err);
	if (r < 0)
		return r;
	r = ipc_recv(job->peer_fd, job->msg);
	if (r <= 0 || job->msg->type != FETCH_REQUEST || !job->msg->fd_count)
		return err_say(err, EPROTO, "no request came");
	r = fd_read_all(job->msg->fds[0], REQUEST_MAX, &text, &len);
	if (r < 0)
		return err_set(err, -r, "read the request");
	r = fetch_request_parse(text, len, &job->request, err);
	explicit_bzero(text, len);
	return r < 0 ? r : run_op(job, err);
}

int main(void)
{
	struct fetch_job job = { .peer_fd = HELPER_SOCKET_FD };
	struct err err = { 0 };
	int r;

	job.msg = calloc(1, sizeof(*job.msg));
	if (!job.msg)
		return EXIT_FAILURE;
	r = serve(&job, &err);
	if (r < 0)
		r = ipc_send_err(job.peer_fd, FETCH_ERROR, &err);
	ipc_msg_done(job.msg);
	free(job.msg);
	fetch_request_done(&job.request);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
