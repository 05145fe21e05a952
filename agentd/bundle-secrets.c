/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/bundle-secrets.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/path.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/base64.h>
#include <stdlib.h>

#define SECRETS_PLACE "/run/secrets/"
#define SECRETS_MAX 64

static void wipe_and_free(char *text, size_t len)
{
	if (text)
		explicit_bzero(text, len);
	free(text);
}

void bundle_secrets_done(struct bundle_secrets *secrets)
{
	for (size_t i = 0; i < secrets->count; i++) {
		struct secret *s = &secrets->items[i];

		wipe_and_free((char *)(uintptr_t)s->data, s->len);
		free((char *)(uintptr_t)s->path);
		free((char *)(uintptr_t)s->name);
	}
	free(secrets->items);
	*secrets = (struct bundle_secrets){ .items = NULL };
}

/* "KEY=BASE64" of the i-th; what follows "=" stands in no message. */
static int decode(const char *option, size_t i, const char *text, char **ret_key,
	struct secret *ret, struct err *err)
{
	const char *equals = strchr(text, '=');
	size_t len = equals ? strlen(equals + 1) : 0, out_len = len;
	struct base64_decode_ctx ctx;
	char *data;

	if (!equals || equals == text || BASE64_DECODE_LENGTH(len) > SECRET_SIZE_MAX)
		return err_say(err, EINVAL,
			"%s[%zu]: want a name, \"=\" and at most %u bytes in base64",
			option, i, SECRET_SIZE_MAX);
	data = calloc(1, BASE64_DECODE_LENGTH(len) + 1);
	*ret_key = strndup(text, (size_t)(equals - text));
	if (!data || !*ret_key) {
		free(data);
		return err_oom(err);
	}
	base64_decode_init(&ctx);
	if (!base64_decode_update(&ctx, &out_len, (uint8_t *)data, len, equals + 1) ||
		!base64_decode_final(&ctx)) {
		wipe_and_free(data, BASE64_DECODE_LENGTH(len));
		return err_say(
			err, EINVAL, "%s[%zu]: the value is not base64", option, i);
	}
	ret->data = data;
	ret->len = out_len;
	return 0;
}

static int add_file(
	size_t i, const char *text, struct bundle_secrets *to, struct err *err)
{
	struct secret *s = &to->items[to->count++];
	cleanup_free char *key = NULL;
	int r = decode("secrets", i, text, &key, s, err);

	if (r < 0)
		return r;
	s->path = path_clean(key);
	if (!s->path)
		return err_oom(err);
	return *key == '/' && *path_base(s->path)
		       ? 0
		       : err_say(err, EINVAL,
				 "secrets[%zu]: %.80s is not the absolute path of a file",
				 i, key);
}

static int add_variable(
	size_t i, const char *text, struct bundle_secrets *to, struct err *err)
{
	struct secret *s = &to->items[to->count++];
	char *key = NULL;
	int r = decode("secret_env", i, text, &key, s, err);

	s->name = key;
	if (r == 0 && memchr(s->data, '\0', s->len))
		r = err_say(
			err, EINVAL, "secret_env[%zu]: a variable cannot hold a NUL", i);
	return r;
}

int bundle_secrets(
	const struct run_options *options, struct bundle_secrets *ret, struct err *err)
{
	size_t files = strv_len(options->secrets),
	       all = files + strv_len(options->secret_env);
	struct bundle_secrets made = { .items = NULL };
	int r = 0;

	if (all > SECRETS_MAX)
		return err_say(
			err, E2BIG, "%zu secrets are more than %d", all, SECRETS_MAX);
	made.items = calloc(all + 1, sizeof(*made.items));
	if (!made.items)
		return err_oom(err);
	for (size_t i = 0; r == 0 && i < files; i++)
		r = add_file(i, options->secrets[i], &made, err);
	for (size_t i = 0; r == 0 && i < all - files; i++)
		r = add_variable(i, options->secret_env[i], &made, err);
	if (r < 0) {
		bundle_secrets_done(&made);
		return r;
	}
	made.list = (struct secrets){ made.items, made.count };
	*ret = made;
	return 0;
}

static char *encode(const char *key, size_t key_len, const char *data, size_t len)
{
	const char *place = *key == '/' ? "" : SECRETS_PLACE;
	size_t head = strlen(place) + key_len + 1;
	char *text = calloc(1, head + BASE64_ENCODE_RAW_LENGTH(len) + 1);

	if (!text)
		return NULL;
	memcpy(text, place, strlen(place));
	memcpy(text + strlen(place), key, key_len);
	text[head - 1] = '=';
	base64_encode_raw(text + head, len, (const uint8_t *)data);
	return text;
}

int bundle_secret_read(const char *text, char **ret, struct err *err)
{
	const char *equals = strchr(text, '=');
	char *data = NULL;
	size_t len = 0;
	int r;

	if (!equals || equals == text || !equals[1])
		return err_say(
			err, EINVAL, "--secret %s: want NAME=FILE or /PATH=FILE", text);
	r = fd_read_file(AT_FDCWD, equals + 1, SECRET_SIZE_MAX, &data, &len);
	if (r < 0)
		return err_set(err, -r, "--secret %s", text);
	*ret = encode(text, (size_t)(equals - text), data, len);
	wipe_and_free(data, len);
	return *ret ? 0 : err_oom(err);
}
