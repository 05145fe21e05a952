/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ucr-unpack: the one program that reads bytes of images. It holds a socket and the
 * descriptors that come over it, and nothing else; see images/unpack-proto.h for what is
 * said there.
 */
#include "images/unpack.h"
#include "images/helper.h"

#include "common/json.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const struct op_row {
	const char *op;
	size_t fds_min;
	int (*run)(struct unpack_job *job, struct err *err);
} ops[] = {
	{ "import", 2, unpack_import },
	{ "copy", 2, unpack_copy },
	{ "remove", 1, unpack_remove },
	{ "extract", 2, unpack_extract },
	{ "tar", 3, unpack_tar },
	{ "export", 2, unpack_export },
	{ 0 },
};

int unpack_send(struct unpack_job *job, enum unpack_msg type, struct buf *payload,
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

int unpack_progress(struct unpack_job *job, const char *what, size_t layer, size_t layers,
	uint64_t done, uint64_t total, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_object(&w, NULL);
	jw_string(&w, "what", what);
	jw_u64(&w, "layer", layer);
	jw_u64(&w, "layers", layers);
	jw_u64(&w, "done", done);
	jw_u64(&w, "total", total);
	jw_object_end(&w);
	return unpack_send(job, UNPACK_PROGRESS, &b, NULL, 0, err);
}

int unpack_done(struct unpack_job *job, const int *fds, size_t fd_count, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_object(&w, NULL);
	notes_write(&job->notes, &w);
	jw_object_end(&w);
	return unpack_send(job, UNPACK_DONE, &b, fds, fd_count, err);
}

static int run_op(struct unpack_job *job, struct err *err)
{
	for (const struct op_row *row = ops; row->op; row++) {
		if (!str_eq(row->op, job->request.op))
			continue;
		if (job->msg->fd_count < row->fds_min)
			return err_say(
				err, EPROTO, "the request came with too few descriptors");
		return row->run(job, err);
	}
	return err_say(err, EPROTO, "the request is for something unknown");
}

/* A file that grows past what an image may be is refused by the kernel, too. */
static void limit_files(const struct unpack_limits *limits)
{
	struct rlimit size = { .rlim_cur = limits->bytes, .rlim_max = limits->bytes };

	(void)setrlimit(RLIMIT_FSIZE, &size);
}

static int serve(struct unpack_job *job, struct err *err)
{
	int r;

	r = unpack_confine(err);
	if (r < 0)
		return r;
	r = ipc_recv(job->peer_fd, job->msg);
	if (r <= 0)
		return err_say(err, EPROTO, "no request came");
	if (job->msg->type != UNPACK_REQUEST)
		return err_say(err, EPROTO, "the first message is no request");
	r = unpack_request_parse(job->msg->data, job->msg->len, &job->request, err);
	if (r < 0)
		return r;
	limit_files(&job->request.limits);
	return run_op(job, err);
}

int main(void)
{
	struct unpack_job job = { .peer_fd = HELPER_SOCKET_FD };
	struct err err = { 0 };
	int r;

	/* Modes come from the image, unmasked. Never setlocale(): names are bytes. */
	(void)umask(0);
	job.msg = calloc(1, sizeof(*job.msg));
	if (!job.msg)
		return EXIT_FAILURE;
	r = serve(&job, &err);
	if (r < 0)
		r = ipc_send_err(job.peer_fd, UNPACK_ERROR, &err);
	ipc_msg_done(job.msg);
	free(job.msg);
	unpack_request_done(&job.request);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
