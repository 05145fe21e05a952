/* SPDX-License-Identifier: Apache-2.0 */
#include "images/fetcher.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/json-writer.h"
#include "images/credentials.h"
#include "images/helper-progress.h"
#include "images/reference.h"

#include <errno.h>
#include <sys/mman.h>

#define TAGS_MAX (16U << 20)

static const struct helper_program fetch_program = {
	.name = FETCH_PROGRAM,
	.done = FETCH_DONE,
	.error = FETCH_ERROR,
	.leaves_root = true,
};

int fetcher_start(const char *libexec_path, struct buf *request, int more_fd,
	struct helper *ret, struct err *err)
{
	cleanup_buf struct buf empty = BUF_INIT;
	cleanup_close int request_fd = -1;
	int fds[2], r;

	if (buf_finish(request) < 0)
		return err_oom(err);
	request_fd = fd_memfd_sealed("request", request->data, request->len);
	explicit_bzero(request->data, request->len);
	if (request_fd < 0)
		return err_set(err, -request_fd, "hand the request to " FETCH_PROGRAM);
	r = helper_start(&fetch_program, libexec_path, -1, ret, err);
	if (r < 0)
		return r;
	fds[0] = request_fd;
	fds[1] = more_fd;
	buf_puts(&empty, "{}");
	return helper_send(ret, FETCH_REQUEST, &empty, fds, more_fd < 0 ? 1 : 2, err);
}

int fetcher_access(const struct pull_options *options, const char *host,
	struct registry_access *ret, struct err *err)
{
	static const struct pull_options none = { 0 };
	cleanup_access struct registry_access access = { 0 };
	int r;

	options = options ? options : &none;
	r = registries_load(&options->registries, host, &access, err);
	if (r == 0)
		r = options->credentials
			    ? credentials_use(options->credentials, &access, err)
			    : credentials_find(options->auth_files, &access, err);
	if (r < 0)
		return r;
	access.is_hearsay = options->is_hearsay && !access.is_listed;
	*ret = access;
	access = (struct registry_access){ 0 };
	return 0;
}

int fetcher_note(const struct ipc_msg *msg, strv *notes, struct err *err)
{
	static const struct json_field fields[] = { { "text", json_string, 0, true },
		{ 0 } };
	cleanup_json struct json_doc *doc = NULL;
	cleanup_free char *text = NULL;
	char shown[512];
	int r;

	r = json_parse(msg->data, msg->len, &doc, err);
	if (r == 0)
		r = json_decode(json_root(doc), fields, &text, err);
	if (r < 0 || !notes)
		return r;
	str_printable(text, shown, sizeof(shown));
	/* A courtesy: without memory for it all goes on. */
	(void)!strv_add(notes, shown);
	return 0;
}

/* Until DONE. */
static int wait_done(
	const struct fetch_url_request *request, struct helper *fetcher, struct err *err)
{
	struct ipc_msg msg;
	bool is_done = false;
	int r = 0;

	while (r == 0 && !is_done) {
		r = helper_recv(fetcher, &msg, err);
		if (r < 0)
			return r;
		is_done = msg.type == FETCH_DONE;
		if (msg.type == FETCH_PROGRESS)
			r = helper_progress(
				&msg, request->progress, request->progress_arg, err);
		else if (msg.type == FETCH_NOTE)
			r = fetcher_note(&msg, request->notes, err);
		ipc_msg_done(&msg);
	}
	return r;
}

int fetcher_write_name(struct json_writer *w, const char *full_name)
{
	const char *path = strchr(full_name, '/') + 1;
	const char *mark = reference_tag_of(full_name);
	cleanup_free char *repository = strndup(path, (size_t)(mark - path));

	if (!repository)
		return -ENOMEM;
	jw_string(w, "repository", repository);
	jw_string(w, "reference", mark + 1);
	return 0;
}

int fetcher_run(const struct fetch_url_request *request,
	const struct registry_access *access, struct json_writer *w, struct err *err)
{
	cleanup_helper struct helper fetcher = HELPER_NONE;
	int r;

	jw_object(w, "access");
	registry_access_write(w, access);
	jw_object_end(w);
	jw_object_end(w);
	r = fetcher_start(request->libexec_path, w->buf, request->fd, &fetcher, err);
	return r < 0 ? r : wait_done(request, &fetcher, err);
}

/* The configuration has an entry for each registry; a URL is only under its general rules. */
int fetch_url(const struct fetch_url_request *request, struct err *err)
{
	cleanup_access struct registry_access access = { 0 };
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	const char *host = strstr(request->url, "://");
	cleanup_free char *name =
		host ? strndup(host + 3, strcspn(host + 3, "/?#")) : NULL;
	int r;

	if (!name)
		return host ? err_oom(err)
			    : err_say(err, EINVAL, "%.200s is no URL", request->url);
	if (strchr(name, '@'))
		return err_say(err, EINVAL,
			"a URL with a user or password would be shown in lists and messages; "
			"download the file by other means");
	r = fetcher_access(request->options, name, &access, err);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_string(&w, "op", "get");
	jw_string(&w, "url", request->url);
	jw_u64(&w, "max_bytes", request->max_bytes);
	return fetcher_run(request, &access, &w, err);
}

int fetch_aci(const struct fetch_url_request *request,
	const struct fetch_aci_request *image, struct err *err)
{
	cleanup_access struct registry_access access = { 0 };
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	cleanup_free char *host = strndup(image->name, strcspn(image->name, "/"));
	int r;

	if (!host)
		return err_oom(err);
	r = fetcher_access(request->options, host, &access, err);
	if (r < 0)
		return r;
	access.is_hearsay |= !image->is_named && !access.is_listed;
	jw_object(&w, NULL);
	jw_string(&w, "op", "discover");
	jw_string(&w, "name", image->name);
	jw_string(&w, "ext", image->ext);
	jw_string_map(&w, "labels", image->labels);
	jw_u64(&w, "max_bytes", request->max_bytes);
	return fetcher_run(request, &access, &w, err);
}

int fetch_check_login(
	const char *libexec_path, const struct registry_access *access, struct err *err)
{
	const struct fetch_url_request request = { .libexec_path = libexec_path,
		.fd = -1 };
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_object(&w, NULL);
	jw_string(&w, "op", "check");
	return fetcher_run(&request, access, &w, err);
}

static int read_lines(int fd, strv *ret, struct err *err)
{
	cleanup_free char *text = NULL;
	char *rest, *line;
	size_t len;
	int r;

	r = lseek(fd, 0, SEEK_SET) < 0 ? -errno : fd_read_all(fd, TAGS_MAX, &text, &len);
	if (r < 0)
		return err_set(err, -r, "read the tags");
	rest = text;
	while (r == 0 && (line = strsep(&rest, "\n"))) {
		if (*line)
			r = strv_add(ret, line);
	}
	return r < 0 ? err_oom(err) : 0;
}

int fetch_tag_list(const char *libexec_path, const struct pull_options *options,
	const char *repository, strv *ret, struct err *err)
{
	cleanup_close int fd = memfd_create("tags", MFD_CLOEXEC);
	const struct fetch_url_request request = { .libexec_path = libexec_path,
		.fd = fd };
	cleanup_free char *host = strndup(repository, strcspn(repository, "/"));
	cleanup_access struct registry_access access = { 0 };
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int r;

	if (fd < 0 || !host)
		return err_oom(err);
	r = fetcher_access(options, host, &access, err);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_string(&w, "op", "tags");
	jw_string(&w, "repository", repository + strlen(host) + 1);
	r = fetcher_run(&request, &access, &w, err);
	return r < 0 ? r : read_lines(fd, ret, err);
}
