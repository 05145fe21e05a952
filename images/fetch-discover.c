/* SPDX-License-Identifier: Apache-2.0 */
/* The operation "discover": an App Container Image by its name. */
#include "images/fetch.h"

#include "common/cleanup.h"
#include "images/aci-discovery.h"

#include <errno.h>
#include <unistd.h>

static bool is_client_error(const struct http_transfer *t)
{
	return t->status >= 400 && t->status < 500;
}

/* The page of one path. A refusal means no URLs. */
static int read_page(struct fetch_job *job, const char *path, strv *ret, struct err *err)
{
	cleanup_free char *url = str_printf("https://%s?ac-discovery=1", path);
	cleanup_buf struct buf page = BUF_INIT;
	struct http_transfer t = { .url = url,
		.is_quiet = true,
		.body = { .text = &page, .fd = -1, .max = ACI_PAGE_MAX } };
	int r;

	if (!url)
		return err_oom(err);
	r = http_run(&job->session, &t, 1, 1, NULL, err);
	if (r < 0 && is_client_error(&t))
		r = 1;
	http_transfer_done(&t);
	if (r != 0)
		return r < 0 ? r : 0;
	if (buf_finish(&page) < 0)
		return err_oom(err);
	return aci_discovery_urls(page.data, job->request.name, job->request.labels,
		job->request.ext ? job->request.ext : "aci", ret, err);
}

/* Of the name, and when that has none of what is before its last slash. */
static int find_urls(struct fetch_job *job, strv *ret, struct err *err)
{
	cleanup_free char *path = strdup(job->request.name);
	char *slash;
	int r;

	for (;;) {
		if (!path)
			return err_oom(err);
		r = read_page(job, path, ret, err);
		slash = strrchr(path, '/');
		if (r < 0 || *ret || !slash)
			break;
		*slash = '\0';
	}
	if (r < 0 || *ret)
		return r;
	return err_say(err, ENOENT,
		"no page of %s says by ac-discovery where image %s is, in the version and for "
		"the platform asked for",
		path, job->request.name);
}

static int download(struct fetch_job *job, int fd, const char *url, struct err *err)
{
	struct http_transfer t = { .url = url,
		.is_untrusted = true,
		.body = { .fd = fd, .max = job->request.max_bytes } };
	int r;

	if (ftruncate(fd, 0) < 0)
		return err_set(err, errno, "empty the file");
	r = fetch_download(job, &t, err);
	http_transfer_done(&t);
	return r;
}

int fetch_discover(struct fetch_job *job, struct err *err)
{
	cleanup_close int fd = take_fd(&job->msg->fds[1]);
	cleanup_strv strv urls = NULL;
	int r;

	if (!job->request.name)
		return err_say(err, EPROTO, "the request names no image");
	r = find_urls(job, &urls, err);
	if (r < 0)
		return r;
	r = -ENOENT;
	strv_each (url, urls) {
		if (r < 0)
			r = download(job, fd, *url, err);
	}
	return r < 0 ? r : fetch_send_empty(job, FETCH_DONE, err);
}
