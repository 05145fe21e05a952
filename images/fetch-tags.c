/* SPDX-License-Identifier: Apache-2.0 */
/* The operation "tags": the tags of a repository, of which a registry may give a page at a time. */
#include "images/fetch.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>

#define PAGE_MAX (4U << 20)
#define PAGES_MAX 100

/* One tag a line; what is no tag is found out by who puts it into a name. */
static int write_tags(const char *text, size_t len, int fd, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_buf struct buf lines = BUF_INIT;
	int r;

	r = json_parse(text, len, &doc, err);
	if (r < 0)
		return r;
	json_each (tag, json_get(json_root(doc), "tags")) {
		if (tag->type == JSON_STRING)
			buf_printf(&lines, "%s\n", tag->string);
	}
	if (buf_finish(&lines) < 0)
		return err_oom(err);
	r = fd_write_all(fd, lines.data, lines.len);
	return r < 0 ? err_set(err, -r, "write the tags") : 0;
}

/* *path becomes that of the next page, or NULL. */
static int get_page(struct fetch_job *job, char **path, int fd, struct err *err)
{
	cleanup_buf struct buf page = BUF_INIT;
	cleanup_free char *this_path = take_ptr(*path);
	struct http_transfer t = { .path = this_path,
		.accept = "application/json",
		.body = { .text = &page,
			.fd = -1,
			.max = PAGE_MAX,
			.limit_of = "a page of tags" } };
	int r;

	/* The registry itself: a mirror has what it was asked for before. */
	t.endpoint = job->request.access.endpoints.count - 1;
	r = http_run(&job->session, &t, 1, 1, NULL, err);
	if (r == 0)
		r = buf_finish(&page) < 0 ? err_oom(err)
					  : write_tags(page.data, page.len, fd, err);
	if (r == 0)
		*path = take_ptr(t.next_page);
	http_transfer_done(&t);
	return r;
}

int fetch_tags(struct fetch_job *job, struct err *err)
{
	cleanup_close int fd = take_fd(&job->msg->fds[1]);
	cleanup_free char *path = NULL, *scope = NULL;
	int r = 0;

	if (!job->request.repository || !job->request.access.endpoints.count)
		return err_say(err, EPROTO, "the request names no repository");
	job->session.scope = scope =
		str_printf("repository:%s:pull", job->request.repository);
	path = str_printf("/v2/%s/tags/list", job->request.repository);
	if (!scope || !path)
		return err_oom(err);
	for (int i = 0; r == 0 && path && i < PAGES_MAX; i++)
		r = get_page(job, &path, fd, err);
	if (r == 0 && path)
		r = err_say(err, E2BIG, "the tags fill more than %d pages", PAGES_MAX);
	job->session.scope = NULL;
	return r < 0 ? r : fetch_send_empty(job, FETCH_DONE, err);
}
