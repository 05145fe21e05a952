/* SPDX-License-Identifier: Apache-2.0 */
#include "images/registries.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/json-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define CONFIG_MAX (1U << 20)
#define PEM_MAX (1U << 20)
#define DOCKER_HUB "docker.io"
#define DOCKER_HUB_HOST "registry-1.docker.io"

/* ---- what goes to ucr-fetch ---- */

#define ENDPOINT(member) offsetof(struct registry_endpoint, member)
#define ACCESS(member) offsetof(struct registry_access, member)

static const struct json_field endpoint_fields[] = {
	{ "url", json_string, ENDPOINT(url), true },
	{ "is_mirror", json_bool, ENDPOINT(is_mirror) },
	{ "may_use_http", json_bool, ENDPOINT(may_use_http) },
	{ "is_unverified", json_bool, ENDPOINT(is_unverified) },
	{ "username", json_string, ENDPOINT(username) },
	{ "password", json_string, ENDPOINT(password) },
	{ "identity_token", json_string, ENDPOINT(identity_token) },
	{ "ca", json_string, ENDPOINT(ca) },
	{ "cert", json_string, ENDPOINT(cert) },
	{ "key", json_string, ENDPOINT(key) },
	{ 0 },
};
static const struct json_array_of endpoint_array = { sizeof(struct registry_endpoint),
	endpoint_fields, NULL };

static const struct json_field access_fields[] = {
	{ "host", json_string, ACCESS(host) },
	{ "is_hearsay", json_bool, ACCESS(is_hearsay) },
	{ "endpoints", json_array, ACCESS(endpoints), false, &endpoint_array },
	{ "http_proxy", json_string, ACCESS(http_proxy) },
	{ "https_proxy", json_string, ACCESS(https_proxy) },
	{ "no_proxy", json_string, ACCESS(no_proxy) },
	{ "allow_addresses", json_strv, ACCESS(allow_addresses) },
	{ "max_concurrent", json_u32, ACCESS(max_concurrent) },
	{ "stall_seconds", json_u32, ACCESS(stall_seconds) },
	{ "rate_bytes", json_u64, ACCESS(rate_bytes) },
	{ 0 },
};

void registry_access_write(struct json_writer *w, const struct registry_access *access)
{
	json_encode(w, access_fields, access);
}

int registry_access_parse(
	const struct json *v, struct registry_access *ret, struct err *err)
{
	int r = json_decode(v, access_fields, ret, err);

	if (r < 0)
		registry_access_done(ret);
	return r;
}

void registry_access_done(struct registry_access *access)
{
	json_release(access_fields, access);
}

/* ---- the configuration file ---- */

struct registry_entry {
	char *host;
	strv mirrors;
	bool is_insecure;
	char *ca, *cert, *key; /* files */
};

struct registries {
	struct {
		struct registry_entry *items;
		size_t count;
	} entries;
	char *proxy, *no_proxy, *rate, *trusted_keys;
	strv allow_addresses;
	uint32_t max_concurrent, stall_seconds;
	const char *path; /* where it was read; NULL: nowhere */
};

#define ENTRY(member) offsetof(struct registry_entry, member)
#define FILE_AT(member) offsetof(struct registries, member)

static const struct json_field entry_fields[] = {
	{ "mirrors", json_strv, ENTRY(mirrors) },
	{ "insecure", json_bool, ENTRY(is_insecure) },
	{ "ca", json_string, ENTRY(ca) },
	{ "cert", json_string, ENTRY(cert) },
	{ "key", json_string, ENTRY(key) },
	{ 0 },
};
static const struct json_array_of entry_members = { sizeof(struct registry_entry),
	entry_fields, NULL };

static const struct json_field file_fields[] = {
	{ "registries", json_members, FILE_AT(entries), false, &entry_members },
	{ "proxy", json_string, FILE_AT(proxy) },
	{ "no_proxy", json_string, FILE_AT(no_proxy) },
	{ "allow_addresses", json_strv, FILE_AT(allow_addresses) },
	{ "max_concurrent", json_u32, FILE_AT(max_concurrent) },
	{ "stall_seconds", json_u32, FILE_AT(stall_seconds) },
	{ "rate", json_string, FILE_AT(rate) },
	{ "trusted_keys", json_string, FILE_AT(trusted_keys) },
	{ 0 },
};

static void registries_done(struct registries *file)
{
	json_release(file_fields, file);
}

static int read_config(const char *path, struct registries *ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = fd_read_file(AT_FDCWD, path, CONFIG_MAX, &text, &len);
	if (r < 0)
		return err_set(err, -r, "read %s", path);
	r = json_parse(text, len, &doc, err);
	if (r == 0)
		r = json_decode(json_root(doc), file_fields, ret, err);
	return r < 0 ? err_wrap(err, "%s", path) : 0;
}

/* A place that the user cannot look into, as another one's home, has nothing for them. A file
 * that is there and cannot be read is an error. */
static bool is_absent(const char *path)
{
	return faccessat(AT_FDCWD, path, F_OK, 0) < 0 &&
	       (errno == ENOENT || errno == EACCES);
}

static int find_config(
	const struct registries_paths *paths, struct registries *ret, struct err *err)
{
	strv_each (path, paths->config) {
		if (!paths->is_config_required && is_absent(*path))
			continue;
		ret->path = *path;
		return read_config(*path, ret, err);
	}
	return 0;
}

static const struct registry_entry *find_entry(
	const struct registries *file, const char *host)
{
	for (size_t i = 0; i < file->entries.count; i++) {
		if (str_eq(file->entries.items[i].host, host))
			return &file->entries.items[i];
	}
	return NULL;
}

/* ---- certificates ---- */

static int read_pem(int dirfd, const char *path, char **ret, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = fd_read_file(dirfd, path, PEM_MAX, &text, &len);
	if (r < 0)
		return err_set(err, -r, "read the certificate or key %s", path);
	if (memchr(text, '\0', len) || !strstr(text, "-----BEGIN "))
		return err_say(err, EINVAL,
			"%s is no certificate or key in PEM form (-----BEGIN …)", path);
	free(*ret);
	*ret = take_ptr(text);
	return 0;
}

static int read_entry_files(const struct registry_entry *entry,
	struct registry_endpoint *ret, struct err *err)
{
	const struct {
		const char *path;
		char **text;
	} files[] = { { entry->ca, &ret->ca }, { entry->cert, &ret->cert },
		{ entry->key, &ret->key } };
	int r = 0;

	if (!entry->cert != !entry->key)
		return err_say(err, EINVAL,
			"registry %s: a client certificate needs both cert and key",
			entry->host);
	for (size_t i = 0; r == 0 && i < sizeof(files) / sizeof(files[0]); i++) {
		if (files[i].path)
			r = read_pem(AT_FDCWD, files[i].path, files[i].text, err);
	}
	return r < 0 ? err_wrap(err, "registry %s", entry->host) : 0;
}

static int append_pem(int dirfd, const char *name, char **pem, struct err *err)
{
	cleanup_free char *more = NULL, *before = take_ptr(*pem);
	int r = read_pem(dirfd, name, &more, err);

	if (r < 0)
		return r;
	*pem = str_printf("%s%s\n", before ? before : "", more);
	return *pem ? 0 : err_oom(err);
}

/* One file of certs.d/HOST: "x.crt" is an authority's, "x.cert" and "x.key" are ours. */
static int take_certs_file(
	int dirfd, const char *name, struct registry_endpoint *ret, struct err *err)
{
	cleanup_free char *key = NULL;
	int r;

	if (str_has_suffix(name, ".crt"))
		return append_pem(dirfd, name, &ret->ca, err);
	if (!str_has_suffix(name, ".cert") || ret->cert)
		return 0;
	key = str_printf("%.*s.key", (int)(strlen(name) - strlen(".cert")), name);
	if (!key)
		return err_oom(err);
	r = read_pem(dirfd, name, &ret->cert, err);
	return r < 0 ? r : read_pem(dirfd, key, &ret->key, err);
}

static int read_certs_dir(const char *path, const char *host,
	struct registry_endpoint *ret, struct err *err)
{
	cleanup_close int dirfd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_closedir DIR *dir = NULL;
	struct dirent *e;
	int fd, r = 0;

	fd = dirfd < 0 ? -1 : openat(dirfd, host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return 0;
	while (r == 0 && (e = readdir(dir)))
		r = take_certs_file(fd, e->d_name, ret, err);
	return r < 0 ? err_wrap(err, "%s/%s", path, host) : 0;
}

/* ---- endpoints ---- */

bool registry_host_is_loopback(const char *host)
{
	size_t name = strcspn(host, ":");

	if (str_skip_prefix(host, "[::1]"))
		return true;
	if (name == strlen("localhost") && strncmp(host, "localhost", name) == 0)
		return true;
	return str_skip_prefix(host, "127.") && strspn(host, "0123456789.") == name;
}

static struct registry_endpoint *grow(struct registry_access *access)
{
	struct registry_endpoint *grown = reallocarray(
		access->endpoints.items, access->endpoints.count + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	access->endpoints.items = grown;
	grown += access->endpoints.count++;
	*grown = (struct registry_endpoint){ 0 };
	return grown;
}

static int add_endpoint(const struct registries_paths *paths,
	const struct registries *file, const char *host, char *url, bool is_mirror,
	struct registry_access *access, struct err *err)
{
	const struct registry_entry *entry = find_entry(file, host);
	struct registry_endpoint *endpoint = url ? grow(access) : NULL;
	int r = 0;

	if (!endpoint) {
		free(url);
		return err_oom(err);
	}
	endpoint->url = url;
	endpoint->is_mirror = is_mirror;
	endpoint->is_unverified = entry && entry->is_insecure;
	endpoint->may_use_http = endpoint->is_unverified ||
				 registry_host_is_loopback(host) ||
				 str_skip_prefix(url, "http://");
	if (entry)
		r = read_entry_files(entry, endpoint, err);
	strv_each (path, paths->certs) {
		if (r == 0 && !(entry && entry->ca))
			r = read_certs_dir(*path, host, endpoint, err);
	}
	return r;
}

static int add_mirror(const struct registries_paths *paths, const struct registries *file,
	const char *mirror, struct registry_access *access, struct err *err)
{
	const char *host = str_skip_prefix(mirror, "https://");
	cleanup_free char *name = NULL;
	size_t len = strlen(mirror);

	if (!host)
		host = str_skip_prefix(mirror, "http://");
	while (len && mirror[len - 1] == '/')
		len--;
	if (!host || strcspn(host, "/?#@") != strlen(host) - (strlen(mirror) - len)) {
		(void)err_say(err, EINVAL, "%s: mirror %s of registry %s", file->path,
			mirror, access->host);
		return err_hint(
			err, "A mirror is https://HOST[:PORT] or http://HOST[:PORT].");
	}
	name = strndup(host, len - (size_t)(host - mirror));
	if (!name)
		return err_oom(err);
	return add_endpoint(paths, file, name, strndup(mirror, len), true, access, err);
}

static int add_endpoints(const struct registries_paths *paths,
	const struct registries *file, struct registry_access *access, struct err *err)
{
	const struct registry_entry *entry = find_entry(file, access->host);
	bool is_hub = str_eq(access->host, DOCKER_HUB);
	int r = 0;

	access->is_listed = entry != NULL;
	strv_each (mirror, entry ? entry->mirrors : NULL) {
		r = add_mirror(paths, file, *mirror, access, err);
		if (r < 0)
			return r;
	}
	return add_endpoint(paths, file, access->host,
		str_printf("https://%s", is_hub ? DOCKER_HUB_HOST : access->host), false,
		access, err);
}

/* Go's proxies, which docker and podman use, leave these out. */
#define THIS_HOST "localhost,127.0.0.1,127.0.0.0/8,::1"

static int join_no_proxy(const char *listed, char **ret)
{
	if (str_empty(listed) || str_eq(listed, "*"))
		return str_set(ret, str_empty(listed) ? THIS_HOST : listed);
	free(*ret);
	*ret = str_printf("%s," THIS_HOST, listed);
	return *ret ? 0 : -ENOMEM;
}

static int take_proxies(const struct registries_paths *paths,
	const struct registries *file, struct registry_access *access)
{
	const char *no_proxy = file->no_proxy ? file->no_proxy : paths->no_proxy;
	int r;

	r = str_set(&access->http_proxy, file->proxy ? file->proxy : paths->http_proxy);
	if (r == 0)
		r = str_set(&access->https_proxy,
			file->proxy ? file->proxy : paths->https_proxy);
	if (r < 0)
		return r;
	return file->proxy ? str_set(&access->no_proxy, no_proxy)
			   : join_no_proxy(no_proxy, &access->no_proxy);
}

static int take_settings(const struct registries_paths *paths, struct registries *file,
	struct registry_access *access, struct err *err)
{
	access->max_concurrent =
		file->max_concurrent ? file->max_concurrent : REGISTRY_CONCURRENT_DEFAULT;
	if (access->max_concurrent > REGISTRY_CONCURRENT_MAX)
		access->max_concurrent = REGISTRY_CONCURRENT_MAX;
	if (file->rate && str_to_bytes(file->rate, &access->rate_bytes) < 0)
		return err_say(err, EINVAL,
			"%s: rate \"%s\": want bytes a second, as 10m", file->path,
			file->rate);
	access->stall_seconds =
		file->stall_seconds ? file->stall_seconds : REGISTRY_STALL_DEFAULT_S;
	if (access->stall_seconds > REGISTRY_STALL_MAX_S)
		return err_say(err, EINVAL, "%s: stall_seconds %u: want 1 to %d",
			file->path, access->stall_seconds, REGISTRY_STALL_MAX_S);
	if (take_proxies(paths, file, access) < 0)
		return err_oom(err);
	access->allow_addresses = take_ptr(file->allow_addresses);
	return 0;
}

int registries_load(const struct registries_paths *paths, const char *host,
	struct registry_access *ret, struct err *err)
{
	cleanup_with(registries_done) struct registries file = { 0 };
	struct registry_access access = { 0 };
	int r;

	r = find_config(paths, &file, err);
	if (r == 0 && str_set(&access.host, host) < 0)
		r = err_oom(err);
	if (r == 0)
		r = add_endpoints(paths, &file, &access, err);
	if (r == 0)
		r = take_settings(paths, &file, &access, err);
	if (r < 0) {
		registry_access_done(&access);
		return r;
	}
	*ret = access;
	return 0;
}

int registries_trusted_keys(
	const struct registries_paths *paths, char **ret, struct err *err)
{
	struct registries file = { 0 };
	int r = find_config(paths, &file, err);

	if (r == 0 && file.trusted_keys && *file.trusted_keys != '/')
		r = err_say(err, EINVAL, "trusted_keys %s is no absolute path",
			file.trusted_keys);
	if (r == 0)
		*ret = take_ptr(file.trusted_keys);
	registries_done(&file);
	return r;
}
