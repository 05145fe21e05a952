/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/sandbox.h"

#include "common/cleanup.h"
#include "common/path.h"

#include <errno.h>

/* The suffix alone decides, as in Mesos; the longer before the shorter. */
static const struct {
	const char *suffix, *kind;
} suffixes[] = {
	{ ".tar", "tar" },
	{ ".tgz", "tar" },
	{ ".tar.gz", "tar" },
	{ ".tbz2", "tar" },
	{ ".tar.bz2", "tar" },
	{ ".txz", "tar" },
	{ ".tar.xz", "tar" },
	{ ".tar.zst", "tar" },
	{ ".zip", "zip" },
	{ ".gz", "gzip" },
	{ NULL, "file" },
};

static const char *kind_of(const char *name)
{
	size_t i = 0;

	while (suffixes[i].suffix && (!str_has_suffix(name, suffixes[i].suffix) ||
					     str_eq(name, suffixes[i].suffix)))
		i++;
	return suffixes[i].kind;
}

struct settings {
	const char *extract, *executable, *cache, *output_file; /* point into the text */
};

static const struct {
	const char *prefix;
	size_t offset;
} keys[] = {
	{ "extract=", offsetof(struct settings, extract) },
	{ "executable=", offsetof(struct settings, executable) },
	{ "cache=", offsetof(struct settings, cache) },
	{ "output_file=", offsetof(struct settings, output_file) },
};

static bool take_setting(const char *text, struct settings *ret)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const char *value = str_skip_prefix(text, keys[i].prefix);

		if (!value)
			continue;
		*(const char **)((char *)ret + keys[i].offset) = value;
		return true;
	}
	return false;
}

static int parse_bool(
	const char *key, const char *text, bool otherwise, bool *ret, struct err *err)
{
	*ret = text ? str_eq(text, "true") : otherwise;
	if (!text || *ret || str_eq(text, "false"))
		return 0;
	return err_say(err, EINVAL, "%s=%s: want true or false", key, text);
}

/* Fetching writes below the sandbox and nowhere else. */
static int check_output(const char *path, struct err *err)
{
	const char *p = path;

	if (!*path || *path == '/' || str_has_suffix(path, "/"))
		return err_say(err, EINVAL,
			"output_file=%s: want a file's path relative to the sandbox",
			path);
	for (; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL) {
		size_t len = strcspn(p, "/");

		if (!len || (len == 1 && *p == '.') ||
			(len == 2 && memcmp(p, "..", 2) == 0))
			return err_say(err, EINVAL,
				"output_file=%s: \"..\", \".\" and empty parts are not allowed",
				path);
	}
	return 0;
}

static bool is_web(const char *value)
{
	return str_skip_prefix(value, "http://") || str_skip_prefix(value, "https://");
}

static int check_scheme(const char *value, struct err *err)
{
	const char *mark = strstr(value, "://");

	if (!mark || is_web(value) || str_skip_prefix(value, "file:///"))
		return 0;
	(void)err_say(err, EPROTONOSUPPORT, "URIs of %.*s:// cannot be fetched",
		(int)(mark - value), value);
	return err_hint(err, "http://, https://, file:/// and paths can");
}

/* The last part, without what a web server would not call the name. */
static char *name_of(const char *value)
{
	size_t len = is_web(value) ? strcspn(value, "?#") : strlen(value);
	cleanup_free char *path = strndup(value, len);

	return path ? strdup(path_base(path)) : NULL;
}

static int finish(struct sandbox_uri *uri, const struct settings *s, struct err *err)
{
	bool extracts;
	int r;

	r = check_scheme(uri->value, err);
	if (r == 0)
		r = parse_bool("extract", s->extract, true, &extracts, err);
	if (r == 0)
		r = parse_bool(
			"executable", s->executable, false, &uri->is_executable, err);
	if (r == 0)
		r = parse_bool("cache", s->cache, false, &uri->is_cached, err);
	if (r < 0)
		return r;
	uri->output_file = s->output_file ? strdup(s->output_file) : name_of(uri->value);
	if (!uri->output_file)
		return err_oom(err);
	r = check_output(uri->output_file, err);
	/* What lies on this host is here already. */
	uri->is_cached = uri->is_cached && is_web(uri->value);
	uri->kind = extracts && !uri->is_executable ? kind_of(uri->output_file) : "file";
	return r;
}

int sandbox_uri_parse(const char *text, struct sandbox_uri *ret, struct err *err)
{
	struct sandbox_uri uri = { .value = strdup(text) };
	struct settings settings = { 0 };
	char *comma;
	int r;

	if (!uri.value)
		return err_oom(err);
	/* From the end: an URI may have commas of its own. */
	while ((comma = strrchr(uri.value, ',')) && take_setting(comma + 1, &settings))
		*comma = '\0';
	r = finish(&uri, &settings, err);
	if (r < 0) {
		sandbox_uri_done(&uri);
		return err_wrap(err, "--uri %s", text);
	}
	*ret = uri;
	return 0;
}

void sandbox_uri_done(struct sandbox_uri *uri)
{
	free(uri->value);
	free(uri->output_file);
	*uri = (struct sandbox_uri){ 0 };
}
