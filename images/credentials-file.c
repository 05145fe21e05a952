/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping and forgetting credentials. Members of the file that are not ours stay as they are. */
#include "images/credentials-private.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/json-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* ---- the file written anew ---- */

static void put_entry(struct json_writer *w, const char *host, const char *auth)
{
	jw_object(w, credentials_key(host));
	jw_string(w, "auth", auth);
	jw_object_end(w);
}

/* "auths" without the host's entries, however they spell it (NULL: without any), and with a new one
 * unless `auth` is NULL. */
static void put_auths(struct json_writer *w, const struct json *auths, const char *host,
	const char *auth)
{
	jw_object(w, "auths");
	json_each (member, auths) {
		if (host && !credentials_means(member->key, host))
			jw_json(w, member->key, member);
	}
	if (auth)
		put_entry(w, host, auth);
	jw_object_end(w);
}

/* The directory is made when it is missing, as docker does for ~/.docker. */
static int open_directory(const char *file, const char **ret_base, struct err *err)
{
	const char *slash = strrchr(file, '/');
	cleanup_free char *dir =
		slash ? strndup(file, (size_t)(slash - file)) : strdup(".");
	int fd;

	if (!dir)
		return err_oom(err);
	if (mkdir(*dir ? dir : "/", 0700) < 0 && errno != EEXIST)
		return err_set(err, errno, "make directory %s", dir);
	fd = open(*dir ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*ret_base = slash ? slash + 1 : file;
	return fd < 0 ? err_set(err, errno, "open directory %s", dir) : fd;
}

static int rewrite(const char *file, const struct json *root, const char *host,
	const char *auth, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	cleanup_close int dirfd = -1;
	const char *base = NULL;
	int r;

	w.is_pretty = true;
	jw_object(&w, NULL);
	json_each (member, root) {
		if (!str_eq(member->key, "auths"))
			jw_json(&w, member->key, member);
	}
	put_auths(&w, json_get(root, "auths"), host, auth);
	jw_object_end(&w);
	buf_putc(&b, '\n');
	if (buf_finish(&b) < 0)
		return err_oom(err);
	dirfd = open_directory(file, &base, err);
	if (dirfd < 0)
		return dirfd;
	r = fd_replace_file(dirfd, base, b.data, b.len, 0600, FD_SYNC);
	explicit_bzero(b.data, b.len);
	return r < 0 ? err_set(err, -r, "write %s", file) : 0;
}

/* ---- */

static int store_by_helper(const char *helper, const char *host, const char *username,
	const char *password, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	cleanup_free char *answer = NULL;
	int r;

	jw_object(&w, NULL);
	jw_string(&w, "ServerURL", credentials_key(host));
	jw_string(&w, "Username", username);
	jw_string(&w, "Secret", password);
	jw_object_end(&w);
	if (buf_finish(&b) < 0)
		return err_oom(err);
	r = credentials_ask(helper, "store", b.data, &answer, err);
	explicit_bzero(b.data, b.len);
	return r;
}

int credentials_store(const char *file, const char *host, const char *username,
	const char *password, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_free char *auth = NULL;
	const char *helper;
	int r;

	if (strchr(username, ':'))
		return err_say(err, EINVAL, "a user name has no ':'");
	r = credentials_read(file, &doc, err);
	if (r < 0)
		return r;
	helper = doc ? credentials_helper(json_root(doc), host) : NULL;
	if (!str_empty(helper))
		return store_by_helper(helper, host, username, password, err);
	auth = credentials_encode(username, password);
	if (!auth)
		return err_oom(err);
	r = rewrite(file, doc ? json_root(doc) : NULL, host, auth, err);
	explicit_bzero(auth, strlen(auth));
	return r;
}

int credentials_erase(const char *file, const char *host, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_free char *answer = NULL;
	const char *helper;
	int r;

	r = credentials_read(file, &doc, err);
	if (r < 0 || !doc)
		return r < 0 ? r : CREDENTIALS_ABSENT;
	helper = credentials_helper(json_root(doc), host);
	if (!str_empty(helper)) {
		r = credentials_ask(helper, "erase", credentials_key(host), &answer, err);
		if (r < 0)
			return r;
	}
	if (!credentials_member(json_get(json_root(doc), "auths"), host))
		return str_empty(helper) ? CREDENTIALS_ABSENT : 0;
	return rewrite(file, json_root(doc), host, NULL, err);
}

/* What helpers keep for the hosts that are members of `object`. */
static int erase_by_helpers(const struct json *root, const struct json *object,
	bool *ret_is_any, struct err *err)
{
	int r = 0;

	json_each (member, object) {
		cleanup_free char *answer = NULL;
		const char *helper = credentials_helper(root, member->key);

		*ret_is_any = true;
		if (r >= 0 && !str_empty(helper))
			r = credentials_ask(helper, "erase", member->key, &answer, err);
	}
	return r < 0 ? r : 0;
}

int credentials_erase_all(const char *file, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	const struct json *root;
	bool is_any = false;
	int r;

	r = credentials_read(file, &doc, err);
	if (r < 0 || !doc)
		return r < 0 ? r : CREDENTIALS_ABSENT;
	root = json_root(doc);
	r = erase_by_helpers(root, json_get(root, "auths"), &is_any, err);
	if (r == 0)
		r = erase_by_helpers(root, json_get(root, "credHelpers"), &is_any, err);
	if (r < 0 || !is_any)
		return r < 0 ? r : CREDENTIALS_ABSENT;
	return rewrite(file, root, NULL, NULL, err);
}
