/* SPDX-License-Identifier: Apache-2.0 */
/* The fetcher: URIs into a sandbox. This side opens and downloads; what is in the files is
 * read, and written, by ucr-unpack alone. */
#include "agentd/sandbox.h"

#include "agentd/fetch-cache.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/json-writer.h"
#include "common/url.h"
#include "images/fetcher.h"
#include "images/unpacker.h"
#include "isolators/passwd.h"
#include "isolators/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define DOWNLOAD_MAX (64ULL << 30)

/* ---- whose it is ---- */

/* From the topmost of the layers that has it. */
static int read_accounts(
	const struct sandbox_fill *fill, const char *path, char **ret, struct err *err)
{
	const struct launch_root *root = fill->root;
	cleanup_close int host_fd = -1;
	int r = 0;

	if (fill->is_host) {
		host_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		return host_fd < 0 ? err_set(err, errno, "open /")
				   : passwd_read(host_fd, path, ret, err);
	}
	if (root->is_copy)
		return passwd_read(root->target_fd, path, ret, err);
	for (size_t i = root->lower_count; r == 0 && i-- > 0;) {
		free(*ret);
		*ret = NULL;
		r = passwd_read(root->lowers[i], path, ret, err);
		if (r == 0 && !str_empty(*ret))
			break;
	}
	return r;
}

static int find_owner(const struct sandbox_fill *fill, uint32_t *ret_uid,
	uint32_t *ret_gid, struct err *err)
{
	cleanup_free char *passwd = NULL, *group = NULL;
	struct identity identity = { 0 };
	int r;

	r = read_accounts(fill, "etc/passwd", &passwd, err);
	if (r == 0)
		r = read_accounts(fill, "etc/group", &group, err);
	if (r == 0)
		r = passwd_resolve(passwd ? passwd : "", group ? group : "",
			fill->user ? fill->user : "", &identity, err);
	if (r < 0)
		return r;
	*ret_uid = identity.uid;
	*ret_gid = identity.gid;
	identity_done(&identity);
	return 0;
}

/* ---- one URI ---- */

static int open_local(const char *path, int *ret_fd, struct err *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, errno, "open %s", path);
	if (!S_ISREG(st.st_mode))
		return err_say(err, EINVAL, "%s is no regular file", path);
	*ret_fd = take_fd(&fd);
	return 0;
}

struct download {
	const struct sandbox_fill *fill;
	const char *url;
};

static int download(void *arg, int fd, struct err *err)
{
	const struct download *d = arg;

	return fetch_url(&(struct fetch_url_request){ .libexec_path = engine_libexec_path(
							      d->fill->engine),
				 .url = d->url,
				 .options = d->fill->pull_options,
				 .fd = fd,
				 .max_bytes = DOWNLOAD_MAX },
		err);
}

static int download_cached(const struct sandbox_fill *fill, uint32_t uid,
	struct download *d, int *ret_fd, struct err *err)
{
	return fetch_cache_get(&(struct fetch_cache_request){ .engine = fill->engine,
				       .uid = uid,
				       .uri = d->url,
				       .limit = fill->cache_bytes,
				       .download = download,
				       .arg = d },
		ret_fd, err);
}

/* Into a file without a name: what was cut short leaves nothing. */
static int download_once(
	const struct sandbox_fill *fill, struct download *d, int *ret_fd, struct err *err)
{
	cleanup_close int fd = fd_unnamed(fill->container_dirfd, ".");
	int r;

	if (fd < 0)
		return err_set(err, -fd, "make a temporary file");
	r = download(d, fd, err);
	if (r < 0)
		return r;
	*ret_fd = take_fd(&fd);
	return 0;
}

static int open_source(const struct sandbox_fill *fill, const struct sandbox_uri *uri,
	uint32_t uid, int *ret_fd, struct err *err)
{
	struct download d = { .fill = fill, .url = uri->value };
	const char *path = str_skip_prefix(uri->value, "file://");

	if (uri->is_cached)
		return download_cached(fill, uid, &d, ret_fd, err);
	if (!path && strstr(uri->value, "://"))
		return download_once(fill, &d, ret_fd, err);
	return open_local(path ? path : uri->value, ret_fd, err);
}

struct destination {
	struct import_userns userns;
	uint32_t uid, gid;
	int dirfd;
};

/* ucr-unpack copies, extracts and gives away. */
static int put(const struct sandbox_fill *fill, const struct sandbox_uri *uri,
	const struct destination *to, int source_fd, struct err *err)
{
	cleanup_helper struct helper unpacker = HELPER_NONE;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	const int fds[] = { to->dirfd, source_fd };
	struct ipc_msg msg;
	int r;

	r = unpacker_start(
		engine_libexec_path(fill->engine), &to->userns, &unpacker, err);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_string(&w, "op", "extract");
	jw_string(&w, "format", uri->kind);
	jw_string(&w, "name", uri->output_file);
	jw_bool(&w, "is_executable", uri->is_executable);
	jw_bool(&w, "is_cached", uri->is_cached);
	jw_u64(&w, "uid", to->uid);
	jw_u64(&w, "gid", to->gid);
	jw_object_end(&w);
	r = helper_send(&unpacker, UNPACK_REQUEST, &b, fds, 2, err);
	if (r == 0)
		r = unpacker_wait(&unpacker, &msg, err);
	return r;
}

static int fetch(const struct sandbox_fill *fill, const char *text,
	const struct destination *to, struct err *err)
{
	struct sandbox_uri uri = { 0 };
	cleanup_close int source_fd = -1;
	char shown[256];
	int r;

	r = sandbox_uri_parse(text, &uri, err);
	if (r < 0)
		return r;
	r = open_source(fill, &uri, to->uid, &source_fd, err);
	if (r == 0)
		r = put(fill, &uri, to, source_fd, err);
	if (r < 0)
		r = err_wrap(err, "fetch %s", url_shown(uri.value, shown, sizeof(shown)));
	sandbox_uri_done(&uri);
	return r;
}

/* ---- the whole ---- */

static int own_empty(const struct destination *to, int dirfd, struct err *err)
{
	if (to->userns.userns_fd < 0 && fchown(dirfd, to->uid, to->gid) < 0)
		return err_set(err, errno, "give the sandbox to uid %u", to->uid);
	return 0;
}

int sandbox_fill(const struct sandbox_fill *fill, struct err *err)
{
	struct destination to = { .userns.userns_fd = -1, .dirfd = -1 };
	cleanup_close int userns_fd = -1, sandbox_fd = -1, shown_fd = -1;
	int r = 0;

	sandbox_fd = fd_mkdir_open(fill->container_dirfd, SANDBOX_DIRECTORY, 0755);
	if (sandbox_fd < 0)
		return err_set(err, -sandbox_fd, "make the sandbox");
	if (engine_is_rootless(fill->engine)) {
		r = userns_open_rootless(&userns_fd, err);
		to.userns.userns_fd = userns_fd;
	}
	if (r == 0)
		r = find_owner(fill, &to.uid, &to.gid, err);
	if (r == 0)
		r = own_empty(&to, sandbox_fd, err);
	if (r == 0 && strv_len(fill->uris))
		r = unpacker_directory(fill->container_dirfd, SANDBOX_DIRECTORY,
			&to.userns, false, &shown_fd, err);
	if (r < 0)
		return r;
	to.dirfd = shown_fd;
	strv_each (text, fill->uris) {
		r = fetch(fill, *text, &to, err);
		if (r < 0)
			break;
	}
	return r;
}
