/* SPDX-License-Identifier: Apache-2.0 */
#include "images/reference.h"

#include "common/str.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define DEFAULT_HOST "docker.io"
#define DEFAULT_REPOSITORY "library/"
#define DEFAULT_TAG "latest"
#define REPOSITORY_MAX 255
#define TAG_LEN_MAX 128

static const struct {
	const char *prefix;
	const char *format;
	bool has_tag;
} forced_formats[] = {
	{ "docker-archive:", "docker-archive", true },
	{ "oci-archive:", "oci-archive", true },
	{ "oci:", "oci", true },
	{ "tar:", "tar", false },
	{ "aci:", "aci", false },
};

/* ---- names ---- */

/* A name taken apart; each part is a range of the text, absent when `len` is 0. */
struct range {
	const char *at;
	size_t len;
};

struct name_parts {
	struct range host, path, tag;
	const char *digest;
};

static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* The length of a mark between words at `s`: one '.', one or two '_', any number of '-'.
 */
static size_t separator_len(const char *s, size_t len)
{
	size_t n = 0;

	if (len && *s == '.')
		return 1;
	if (len && *s == '_')
		return len > 1 && s[1] == '_' ? 2 : 1;
	while (n < len && s[n] == '-')
		n++;
	return n;
}

/* [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)* */
static bool is_component(const char *s, size_t len)
{
	size_t at = 0, words, mark;

	for (;;) {
		for (words = 0; at < len && is_lower_alnum(s[at]); at++)
			words++;
		if (!words)
			return false;
		if (at == len)
			return true;
		mark = separator_len(s + at, len - at);
		if (!mark)
			return false;
		at += mark;
	}
}

static bool is_path(struct range path)
{
	const char *end = path.at + path.len;
	const char *at = path.at;
	const char *slash;

	for (;;) {
		slash = memchr(at, '/', (size_t)(end - at));
		if (!is_component(at, (size_t)((slash ? slash : end) - at)))
			return false;
		if (!slash)
			return true;
		at = slash + 1;
	}
}

static bool is_tag(struct range tag)
{
	if (!tag.len || tag.len > TAG_LEN_MAX || *tag.at == '.' || *tag.at == '-')
		return false;
	for (size_t i = 0; i < tag.len; i++) {
		if (!isalnum((unsigned char)tag.at[i]) && !strchr("._-", tag.at[i]))
			return false;
	}
	return true;
}

/* Labels of letters, digits and inner '-', joined by '.', or [IPv6]; then maybe ":PORT".
 */
static bool is_host(struct range host)
{
	static const char v6[] = "0123456789abcdefABCDEF:";
	size_t at = 0;

	if (host.len && *host.at == '[') {
		for (at = 1; at < host.len && strchr(v6, host.at[at]); at++)
			;
		if (at < 3 || at == host.len || host.at[at++] != ']')
			return false;
	} else {
		for (; at < host.len && host.at[at] != ':'; at++) {
			char c = host.at[at];
			bool is_edge = at == 0 || at + 1 == host.len ||
				       strchr(".:", host.at[at + 1]) ||
				       host.at[at - 1] == '.';

			if (!isalnum((unsigned char)c) && (is_edge || !strchr(".-", c)))
				return false;
		}
	}
	if (at == host.len)
		return at > 0;
	if (host.at[at++] != ':' || at == host.len || host.len - at > 5)
		return false;
	for (; at < host.len; at++) {
		if (!isdigit((unsigned char)host.at[at]))
			return false;
	}
	return true;
}

/* The first component is a host when it could not be a path: '.', ':', upper case,
 * localhost. */
static bool looks_like_host(struct range first)
{
	if (first.len == 9 && memcmp(first.at, "localhost", 9) == 0)
		return true;
	for (size_t i = 0; i < first.len; i++) {
		if (strchr(".:[", first.at[i]) || isupper((unsigned char)first.at[i]))
			return true;
	}
	return false;
}

static void split_name(const char *name, struct name_parts *ret)
{
	const char *at_sign = strchr(name, '@');
	const char *end = at_sign ? at_sign : name + strlen(name);
	const char *slash = memchr(name, '/', (size_t)(end - name));
	const char *last_slash = memrchr(name, '/', (size_t)(end - name));
	const char *path = name;
	const char *colon;

	*ret = (struct name_parts){ .digest = at_sign ? at_sign + 1 : NULL };
	colon = last_slash ? last_slash : name;
	colon = memchr(colon, ':', (size_t)(end - colon));
	if (colon) {
		ret->tag = (struct range){ colon + 1, (size_t)(end - colon - 1) };
		end = colon;
	}
	if (slash) {
		ret->host = (struct range){ name, (size_t)(slash - name) };
		if (looks_like_host(ret->host))
			path = slash + 1;
		else
			ret->host.len = 0;
	}
	ret->path = (struct range){ path, (size_t)(end - path) };
	if (colon && !ret->tag.len)
		ret->path.len = 0;
}

static int check_parts(const char *name, const struct name_parts *parts, struct err *err)
{
	char shown[128];

	str_printable(name, shown, sizeof(shown));
	if (parts->host.len && !is_host(parts->host))
		return err_say(
			err, EINVAL, "'%s' is no image name: bad host name", shown);
	if (!parts->path.len || !is_path(parts->path)) {
		(void)err_say(err, EINVAL, "'%s' is no image name", shown);
		return err_hint(err,
			"A name is [HOST[:PORT]/]PATH[:TAG][@sha256:DIGEST]; the path has lower-case "
			"letters, digits and single '.', '_', '-' between them.");
	}
	if (parts->tag.len && !is_tag(parts->tag))
		return err_say(err, EINVAL,
			"'%s' is no image name: a tag has at most 128 letters, digits and '.', '_', '-'",
			shown);
	if (parts->digest && !digest_is_valid(parts->digest))
		return err_say(err, EINVAL,
			"'%s' is no image name: a digest is sha256: and 64 lower-case hexadecimal digits",
			shown);
	return 0;
}

static bool range_is(struct range r, const char *text)
{
	return r.len == strlen(text) && memcmp(r.at, text, r.len) == 0;
}

int reference_normalize(const char *name, char ret[REFERENCE_NAME_MAX], struct err *err)
{
	struct name_parts parts;
	struct range host;
	const char *repository = "";
	char full[REFERENCE_NAME_MAX];
	int n, r;

	split_name(name, &parts);
	r = check_parts(name, &parts, err);
	if (r < 0)
		return r;
	host = parts.host;
	if (!host.len || range_is(host, "index.docker.io"))
		host = (struct range){ DEFAULT_HOST, strlen(DEFAULT_HOST) };
	if (range_is(host, DEFAULT_HOST) && !memchr(parts.path.at, '/', parts.path.len))
		repository = DEFAULT_REPOSITORY;
	if (host.len + strlen(repository) + parts.path.len > REPOSITORY_MAX)
		return err_say(err, ENAMETOOLONG, "the image name is too long");
	if (!parts.tag.len)
		parts.tag = (struct range){ DEFAULT_TAG, strlen(DEFAULT_TAG) };
	if (parts.digest)
		parts.tag = (struct range){ parts.digest, strlen(parts.digest) };
	n = snprintf(full, sizeof(full), "%.*s/%s%.*s%c%.*s", (int)host.len, host.at,
		repository, (int)parts.path.len, parts.path.at, parts.digest ? '@' : ':',
		(int)parts.tag.len, parts.tag.at);
	if (n < 0 || (size_t)n >= sizeof(full))
		return err_say(err, ENAMETOOLONG, "the image name is too long");
	memcpy(ret, full, (size_t)n + 1);
	return 0;
}

const char *reference_familiar(const char *full_name)
{
	const char *rest = str_skip_prefix(full_name, DEFAULT_HOST "/");
	const char *shorter = rest ? str_skip_prefix(rest, DEFAULT_REPOSITORY) : NULL;

	return shorter ? shorter : rest ? rest : full_name;
}

const char *reference_tag_of(const char *full_name)
{
	const char *slash = strrchr(full_name, '/');
	const char *base = slash ? slash : full_name;

	return base + strcspn(base, ":@");
}

const char *reference_digest_of(const char *name)
{
	const char *at_sign = strchr(name, '@');

	return at_sign ? at_sign + 1 : NULL;
}

/* ---- what a person wrote ---- */

/* Written as a path, so that it is never a name in the store. */
static bool is_written_as_path(const char *text)
{
	return *text == '/' || str_eq(text, ".") || str_eq(text, "..") ||
	       str_skip_prefix(text, "./") || str_skip_prefix(text, "../");
}

/* A file, or a directory that holds an OCI layout (any directory when `any_dir`). A
 * directory that happens to have the name of an image does not hide the image. */
static bool is_source(int cwd_fd, const char *path, bool any_dir)
{
	cleanup_close int fd = -1;
	struct stat st;

	if (fstatat(cwd_fd, path, &st, 0) < 0)
		return false;
	if (!S_ISDIR(st.st_mode) || any_dir)
		return true;
	fd = openat(cwd_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && faccessat(fd, "oci-layout", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Sets path and tag when `text`, or what is before one of its colons, exists. */
static int find_source(
	const char *text, int cwd_fd, bool any_dir, bool has_tag, struct reference *ref)
{
	if (is_source(cwd_fd, text, any_dir))
		return str_set(&ref->path, text);
	for (const char *colon = has_tag ? strchr(text, ':') : NULL; colon;
		colon = strchr(colon + 1, ':')) {
		cleanup_free char *path = strndup(text, (size_t)(colon - text));

		if (!path)
			return -ENOMEM;
		if (!*path || !colon[1] || !is_source(cwd_fd, path, any_dir))
			continue;
		ref->path = take_ptr(path);
		return str_set(&ref->tag, colon + 1);
	}
	return 0;
}

static int parse_path(const char *text, int cwd_fd, bool is_forced, bool has_tag,
	struct reference *ref, struct err *err)
{
	bool must_exist = is_forced || is_written_as_path(text);
	char shown[256];

	if (find_source(text, cwd_fd, must_exist, has_tag, ref) < 0)
		return err_oom(err);
	if (ref->path) {
		ref->kind = REFERENCE_PATH;
		return 0;
	}
	if (!must_exist)
		return 0;
	str_printable(text, shown, sizeof(shown));
	return err_say(err, ENOENT, "%s: no such file or directory", shown);
}

/* "example.com/app": what could be the name of a host and of something there, and is not plainly
 * a file's. */
static bool is_aci_name(const char *text)
{
	size_t len = strcspn(text, ":,");
	cleanup_free char *name = strndup(text, len);

	return name && *name != '.' && *name != '/' && strchr(name, '/') &&
	       !str_has_suffix(name, ".aci") &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-._~/") == len;
}

static int add_labels(const char *text, struct reference *ref, struct err *err)
{
	while (*text) {
		size_t len = strcspn(++text, ",");
		char *label = strndup(text, len);

		if (!label || strv_take(&ref->labels, label) < 0)
			return err_oom(err);
		if (!strchr(label, '=') || *label == '=')
			return err_say(
				err, EINVAL, "'%s' is no label as os=linux", label);
		text += len;
	}
	return 0;
}

/* NAME[:VERSION][,LABEL=VALUE…] */
static int parse_aci(const char *text, struct reference *ref, struct err *err)
{
	size_t name_len = strcspn(text, ":,"), len = strcspn(text, ",");
	char *version;

	ref->kind = REFERENCE_ACI;
	ref->aci_name = strndup(text, name_len);
	ref->name = strndup(text, len);
	if (!ref->aci_name || !ref->name)
		return err_oom(err);
	if (name_len < len) {
		version = str_printf(
			"version=%.*s", (int)(len - name_len - 1), text + name_len + 1);
		if (strv_take(&ref->labels, version) < 0)
			return err_oom(err);
	}
	return add_labels(text + len, ref, err);
}

/* "-" or "-:TAG". 0: it is neither. */
static int parse_stdin(
	const char *text, bool has_tag, struct reference *ref, struct err *err)
{
	const char *tag = has_tag ? str_skip_prefix(text, "-:") : NULL;

	if (!str_eq(text, "-") && !(tag && *tag))
		return 0;
	ref->kind = REFERENCE_STDIN;
	return tag && str_set(&ref->tag, tag) < 0 ? err_oom(err) : 1;
}

static int parse_forced(
	const char *text, int cwd_fd, struct reference *ref, struct err *err)
{
	for (size_t i = 0; i < sizeof(forced_formats) / sizeof(forced_formats[0]); i++) {
		const char *rest = str_skip_prefix(text, forced_formats[i].prefix);
		int r;

		if (!rest)
			continue;
		if (str_set(&ref->format, forced_formats[i].format) < 0)
			return err_oom(err);
		if (!*rest)
			return err_say(
				err, EINVAL, "%s needs a file after the colon", text);
		r = parse_stdin(rest, forced_formats[i].has_tag, ref, err);
		if (r != 0)
			return r < 0 ? r : 0;
		if (str_eq(ref->format, "aci") && !is_source(cwd_fd, rest, true) &&
			is_aci_name(rest))
			return parse_aci(rest, ref, err);
		return parse_path(
			rest, cwd_fd, true, forced_formats[i].has_tag, ref, err);
	}
	return 0;
}

static int parse_text(
	const char *text, int cwd_fd, struct reference *ref, struct err *err)
{
	int r;

	if (!*text)
		return err_say(err, EINVAL, "the image reference is empty");
	r = parse_stdin(text, true, ref, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (str_skip_prefix(text, "http://") || str_skip_prefix(text, "https://")) {
		ref->kind = REFERENCE_URL;
		return str_set(&ref->path, text) < 0 ? err_oom(err) : 0;
	}
	if (str_skip_prefix(text, "docker://")) {
		ref->kind = REFERENCE_STORE;
		return str_set(&ref->name, str_skip_prefix(text, "docker://")) < 0
			       ? err_oom(err)
			       : 0;
	}
	r = parse_forced(text, cwd_fd, ref, err);
	if (r < 0 || ref->format)
		return r;
	r = parse_path(text, cwd_fd, false, true, ref, err);
	if (r < 0 || ref->path)
		return r;
	ref->kind = REFERENCE_STORE;
	return str_set(&ref->name, text) < 0 ? err_oom(err) : 0;
}

int reference_parse(const char *text, int cwd_fd, struct reference *ret, struct err *err)
{
	cleanup_reference struct reference ref = { 0 };
	int r;

	r = parse_text(text, cwd_fd, &ref, err);
	if (r < 0)
		return r;
	*ret = ref;
	ref = (struct reference){ 0 };
	return 0;
}

void reference_done(struct reference *ref)
{
	free(ref->format);
	free(ref->path);
	free(ref->tag);
	free(ref->name);
	free(ref->aci_name);
	strv_free(ref->labels);
}
