/* SPDX-License-Identifier: Apache-2.0 */
#include "images/credentials-private.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/base64.h>

#define FILE_MAX (4U << 20)
#define DOCKER_HUB "docker.io"
#define DOCKER_HUB_KEY "https://index.docker.io/v1/"
#define TOKEN_USER "<token>" /* the user that helpers give with an identity token */

const char *credentials_key(const char *host)
{
	return str_eq(host, DOCKER_HUB) ? DOCKER_HUB_KEY : host;
}

int credentials_read(const char *file, struct json_doc **ret, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	*ret = NULL;
	r = fd_read_file(AT_FDCWD, file, FILE_MAX, &text, &len);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return err_set(err, -r, "read %s", file);
	r = len ? json_parse(text, len, ret, err) : 0;
	explicit_bzero(text, len);
	return r < 0 ? err_wrap(err, "%s", file) : 0;
}

/* "https://host/v1/" means "host". */
bool credentials_means(const char *key, const char *host)
{
	const char *rest = str_skip_prefix(key, "https://");
	size_t len;

	if (str_eq(key, credentials_key(host)))
		return true;
	if (!rest)
		rest = str_skip_prefix(key, "http://");
	rest = rest ? rest : key;
	len = strcspn(rest, "/");
	return strlen(host) == len && strncmp(rest, host, len) == 0;
}

const struct json *credentials_member(const struct json *object, const char *host)
{
	const struct json *exact = json_get(object, credentials_key(host));

	if (exact)
		return exact;
	json_each (member, object) {
		if (credentials_means(member->key, host))
			return member;
	}
	return NULL;
}

const char *credentials_helper(const struct json *root, const char *host)
{
	const struct json *own = credentials_member(json_get(root, "credHelpers"), host);

	if (own && own->type == JSON_STRING)
		return own->string;
	return json_get_string(root, "credsStore");
}

static int set_pair(struct registry_endpoint *endpoint, const char *user, size_t user_len,
	const char *password, struct err *err)
{
	cleanup_free char *name = strndup(user, user_len);

	if (!name || str_set(&endpoint->username, name) < 0 ||
		str_set(&endpoint->password, password) < 0)
		return err_oom(err);
	return 0;
}

char *credentials_encode(const char *username, const char *password)
{
	cleanup_free char *pair = str_printf("%s:%s", username, password);
	size_t len = pair ? strlen(pair) : 0;
	char *text = pair ? calloc(1, BASE64_ENCODE_RAW_LENGTH(len) + 1) : NULL;

	if (text)
		base64_encode_raw(text, len, (const uint8_t *)pair);
	if (pair)
		explicit_bzero(pair, len);
	return text;
}

/* What credentials_encode() makes. */
static int decode_pair(
	const char *text, struct registry_endpoint *endpoint, struct err *err)
{
	size_t len = strlen(text), out_len = BASE64_DECODE_LENGTH(len);
	cleanup_free char *out = calloc(1, out_len + 1);
	struct base64_decode_ctx ctx;
	const char *colon;
	int r;

	if (!out)
		return err_oom(err);
	base64_decode_init(&ctx);
	if (!base64_decode_update(&ctx, &out_len, (uint8_t *)out, len, text) ||
		!base64_decode_final(&ctx))
		return err_say(err, EINVAL, "its \"auth\" is not base64");
	out[out_len] = '\0';
	colon = strchr(out, ':');
	if (!colon || strlen(out) != out_len)
		return err_say(err, EINVAL, "its \"auth\" is not USER:PASSWORD");
	r = set_pair(endpoint, out, (size_t)(colon - out), colon + 1, err);
	explicit_bzero(out, out_len);
	return r;
}

static int take_entry(
	const struct json *entry, struct registry_endpoint *endpoint, struct err *err)
{
	const char *auth = json_get_string(entry, "auth");
	const char *user = json_get_string(entry, "username");
	const char *password = json_get_string(entry, "password");

	if (str_set(&endpoint->identity_token, json_get_string(entry, "identitytoken")) <
		0)
		return err_oom(err);
	if (!str_empty(auth))
		return decode_pair(auth, endpoint, err);
	if (user && password)
		return set_pair(endpoint, user, strlen(user), password, err);
	return endpoint->identity_token ? 0 : CREDENTIALS_ABSENT;
}

static int take_answer(
	const char *text, struct registry_endpoint *endpoint, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	const char *user, *secret;
	int r;

	r = json_parse(text, strlen(text), &doc, err);
	if (r < 0)
		return r;
	user = json_get_string(json_root(doc), "Username");
	secret = json_get_string(json_root(doc), "Secret");
	if (str_empty(user) || !secret)
		return CREDENTIALS_ABSENT;
	if (str_eq(user, TOKEN_USER))
		return str_set(&endpoint->identity_token, secret) < 0 ? err_oom(err) : 0;
	return set_pair(endpoint, user, strlen(user), secret, err);
}

static int find_in(const char *file, const char *host, struct registry_endpoint *endpoint,
	struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	cleanup_free char *answer = NULL;
	const struct json *entry;
	const char *helper;
	int r;

	r = credentials_read(file, &doc, err);
	if (r < 0 || !doc)
		return r < 0 ? r : CREDENTIALS_ABSENT;
	helper = credentials_helper(json_root(doc), host);
	if (!str_empty(helper)) {
		r = credentials_ask(helper, "get", credentials_key(host), &answer, err);
		if (r == 0)
			r = take_answer(answer, endpoint, err);
		if (answer)
			explicit_bzero(answer, strlen(answer));
		if (r != CREDENTIALS_ABSENT)
			return r < 0 ? err_wrap(err, "%s: credential helper", file) : r;
	}
	entry = credentials_member(json_get(json_root(doc), "auths"), host);
	r = entry ? take_entry(entry, endpoint, err) : CREDENTIALS_ABSENT;
	return r < 0 ? err_wrap(err, "%s: %s", file, host) : r;
}

/* The host in an endpoint's URL, or the name in references for the registry itself. */
static const char *host_of(
	const struct registry_access *access, const struct registry_endpoint *endpoint)
{
	return endpoint->is_mirror ? strstr(endpoint->url, "://") + 3 : access->host;
}

int credentials_find(char *const *files, struct registry_access *access, struct err *err)
{
	int r;

	for (size_t i = 0; i < access->endpoints.count; i++) {
		struct registry_endpoint *endpoint = &access->endpoints.items[i];

		r = CREDENTIALS_ABSENT;
		strv_each (file, files) {
			if (r == CREDENTIALS_ABSENT)
				r = find_in(
					*file, host_of(access, endpoint), endpoint, err);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

int credentials_use(const char *pair, struct registry_access *access, struct err *err)
{
	struct registry_endpoint *own =
		&access->endpoints.items[access->endpoints.count - 1];
	const char *colon = strchr(pair, ':');

	if (!colon || colon == pair)
		return err_say(err, EINVAL, "credentials are USER:PASSWORD");
	(void)!str_set(&own->identity_token, NULL);
	return set_pair(own, pair, (size_t)(colon - pair), colon + 1, err);
}
