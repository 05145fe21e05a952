/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/docker-body.h"

#include "common/cleanup.h"

#include <errno.h>
#include <nettle/base64.h>

#define LOGIN_MAX 4096

struct login {
	char *username, *password, *token;
};

static const struct json_field fields[] = {
	{ "username", json_string, offsetof(struct login, username) },
	{ "password", json_string, offsetof(struct login, password) },
	{ "identitytoken", json_string, offsetof(struct login, token) },
	{ 0 },
};

static int parse(const char *text, size_t len, char **ret, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	struct login login = { 0 };
	int r = json_parse(text, len, &doc, err);

	if (r == 0 && json_root(doc)->type == JSON_OBJECT)
		r = json_decode(json_root(doc), fields, &login, err);
	if (r == 0 && !str_empty(login.token))
		r = err_say(err, EINVAL, "identity tokens are not taken by this agent");
	if (r == 0 && !str_empty(login.username)) {
		*ret = str_printf(
			"%s:%s", login.username, login.password ? login.password : "");
		r = *ret ? 0 : err_oom(err);
	}
	json_release(fields, &login);
	return r < 0 ? err_wrap(err, "X-Registry-Auth") : 0;
}

/* docker writes the alphabet for URLs; with or without padding. */
int docker_login_parse(const char *header, char **ret, struct err *err)
{
	struct base64_decode_ctx base64;
	uint8_t text[BASE64_DECODE_LENGTH(LOGIN_MAX)];
	size_t len = strlen(header), written = sizeof(text);

	while (len && header[len - 1] == '=')
		len--;
	if (!len)
		return 0;
	base64url_decode_init(&base64);
	if (len > LOGIN_MAX ||
		!base64_decode_update(&base64, &written, text, len, header))
		return err_say(err, EINVAL, "X-Registry-Auth: want base64 of an object");
	return parse((const char *)text, written, ret, err);
}
