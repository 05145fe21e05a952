/* SPDX-License-Identifier: Apache-2.0 */
#include "images/www-authenticate.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/str.h"

#include <errno.h>
#include <strings.h>

#define CHALLENGES_MAX 16

static const struct {
	const char *name;
	enum auth_scheme scheme;
} schemes[] = {
	{ "basic", AUTH_BASIC },
	{ "bearer", AUTH_BEARER },
};

static const struct {
	const char *name;
	size_t offset;
} params[] = {
	{ "realm", offsetof(struct auth_challenge, realm) },
	{ "service", offsetof(struct auth_challenge, service) },
	{ "scope", offsetof(struct auth_challenge, scope) },
};

void auth_challenge_done(struct auth_challenge *challenge)
{
	free(challenge->realm);
	free(challenge->service);
	free(challenge->scope);
	*challenge = (struct auth_challenge){ 0 };
}

/* RFC 9110 §5.6.2, and what token68 adds to it. */
static size_t token_len(const char *s)
{
	return strspn(s,
		"!#$%&'*+-.^_`|~/"
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

static bool is_word(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && strncasecmp(s, word, len) == 0;
}

/* A value, quoted or not; `*at` moves behind it. 0, -EINVAL or -ENOMEM. */
static int take_value(const char **at, char **ret)
{
	cleanup_buf struct buf value = BUF_INIT;
	const char *s = *at;
	size_t len;

	if (*s != '"') {
		len = token_len(s);
		buf_put(&value, s, len);
		s += len;
	} else {
		for (s++; *s && *s != '"'; s++) {
			if (*s == '\\' && s[1])
				s++;
			buf_putc(&value, *s);
		}
		if (*s++ != '"')
			return -EINVAL;
	}
	if (buf_finish(&value) < 0)
		return -ENOMEM;
	*at = s;
	free(*ret);
	*ret = buf_take(&value);
	return *ret ? 0 : -ENOMEM;
}

static int take_param(
	const char *name, size_t len, const char **at, struct auth_challenge *challenge)
{
	cleanup_free char *ignored = NULL;

	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		if (is_word(name, len, params[i].name))
			return take_value(
				at, (char **)((char *)challenge + params[i].offset));
	}
	return take_value(at, &ignored);
}

static enum auth_scheme scheme_of(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (is_word(name, len, schemes[i].name))
			return schemes[i].scheme;
	}
	return AUTH_NONE;
}

/* A finished challenge takes the place of a worse one. */
static void keep_better(struct auth_challenge *best, struct auth_challenge *challenge)
{
	bool is_usable = challenge->scheme != AUTH_BEARER || challenge->realm;

	if (is_usable && challenge->scheme > best->scheme) {
		auth_challenge_done(best);
		*best = *challenge;
		*challenge = (struct auth_challenge){ 0 };
	}
	auth_challenge_done(challenge);
}

static size_t blanks(const char *s)
{
	return strspn(s, " \t");
}

/* One word of the header: a scheme begins a challenge, NAME=VALUE belongs to the last one. */
static int take_word(const char **at, struct auth_challenge *current,
	struct auth_challenge *best, size_t *count)
{
	const char *name = *at, *s = name;
	size_t len = token_len(name);

	if (!len)
		return -EINVAL;
	s += len;
	s += blanks(s);
	if (*s != '=') {
		keep_better(best, current);
		current->scheme = scheme_of(name, len);
		*at = s;
		return ++*count > CHALLENGES_MAX ? -E2BIG : 0;
	}
	s++;
	/* The padding of a token68, as "Negotiate YWJj==". */
	if (*s == '=' || *s == ',' || !*s) {
		*at = s + strspn(s, "=");
		return *count ? 0 : -EINVAL;
	}
	s += blanks(s);
	*at = s;
	return *count ? take_param(name, len, at, current) : -EINVAL;
}

int www_authenticate_parse(
	const char *header, struct auth_challenge *ret, struct err *err)
{
	struct auth_challenge best = { 0 }, current = { 0 };
	const char *at = header;
	size_t count = 0;
	int r = 0;

	while (r == 0) {
		at += strspn(at, " \t,");
		if (!*at)
			break;
		r = take_word(&at, &current, &best, &count);
	}
	keep_better(&best, &current);
	if (r < 0) {
		auth_challenge_done(&best);
		return r == -ENOMEM ? err_oom(err)
				    : err_say(err, EINVAL,
					      "its header WWW-Authenticate is malformed");
	}
	*ret = best;
	return 0;
}
