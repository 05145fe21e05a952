/* SPDX-License-Identifier: Apache-2.0 */
#include "images/registry-auth.h"

#include "common/cleanup.h"
#include "common/url.h"
#include "images/credentials.h"

#include <errno.h>
#include <time.h>

#define LIFETIME_DEFAULT_S 60
#define RENEW_BEFORE_MS 10000
#define CLIENT_ID "ucr"

struct registry_auth {
	const struct registry_endpoint *endpoint;
	char *header;			 /* what is shown; NULL: nothing yet */
	unsigned int number;		 /* of the header */
	struct auth_challenge challenge; /* what the token was asked for by */
	int64_t renew_at_ms;		 /* 0: it does not expire */
};

struct registry_auth *registry_auth_new(const struct registry_endpoint *endpoint)
{
	struct registry_auth *auth = calloc(1, sizeof(*auth));

	if (auth)
		auth->endpoint = endpoint;
	return auth;
}

void registry_auth_free(struct registry_auth *auth)
{
	if (!auth)
		return;
	free(auth->header);
	auth_challenge_done(&auth->challenge);
	free(auth);
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int take_header(struct registry_auth *auth, char *header, struct err *err)
{
	if (!header)
		return err_oom(err);
	free(auth->header);
	auth->header = header;
	auth->number++;
	return 0;
}

unsigned int registry_auth_number(const struct registry_auth *auth)
{
	return auth->number;
}

/* ---- basic ---- */

static char *basic_header(const struct registry_endpoint *endpoint)
{
	cleanup_free char *text =
		credentials_encode(endpoint->username, endpoint->password);

	return text ? str_printf("Basic %s", text) : NULL;
}

static bool has_password(const struct registry_endpoint *endpoint)
{
	return endpoint->username && endpoint->password;
}

static int answer_basic(struct registry_auth *auth, struct err *err)
{
	if (!has_password(auth->endpoint))
		return -EACCES; /* the refusal says it already */
	if (auth->header)
		return err_say(err, EACCES, "%s: user or password are wrong",
			auth->endpoint->url);
	auth->renew_at_ms = 0;
	return take_header(auth, basic_header(auth->endpoint), err);
}

/* ---- tokens ---- */

struct token_answer {
	char *token, *access_token;
	uint64_t expires_in;
};

static const struct json_field token_fields[] = {
	{ "token", json_string, offsetof(struct token_answer, token) },
	{ "access_token", json_string, offsetof(struct token_answer, access_token) },
	{ "expires_in", json_u64, offsetof(struct token_answer, expires_in) },
	{ 0 },
};

/* A token is one word: what is none would become further header lines. */
static bool is_token(const char *text)
{
	return !str_empty(text) && text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
						     "abcdefghijklmnopqrstuvwxyz"
						     "0123456789-._~+/=")] == '\0';
}

static int take_token(
	struct registry_auth *auth, const char *text, size_t len, struct err *err)
{
	cleanup_json struct json_doc *doc = NULL;
	struct token_answer answer = { 0 };
	const char *token;
	int r;

	r = json_parse(text, len, &doc, err);
	if (r == 0)
		r = json_decode(json_root(doc), token_fields, &answer, err);
	token = answer.token ? answer.token : answer.access_token;
	if (r == 0 && !is_token(token))
		r = err_say(err, EBADMSG, "it answers without a token");
	if (r == 0)
		r = take_header(auth, str_printf("Bearer %s", token), err);
	if (!answer.expires_in || answer.expires_in > 365 * 86400)
		answer.expires_in = LIFETIME_DEFAULT_S;
	auth->renew_at_ms =
		now_ms() + (int64_t)answer.expires_in * 1000 - RENEW_BEFORE_MS;
	json_release(token_fields, &answer);
	return r;
}

static void add_param(struct buf *b, const char *name, const char *value, size_t len)
{
	char *escaped = len ? curl_easy_escape(NULL, value, (int)len) : NULL;

	if (!escaped)
		return;
	buf_printf(b, "%s%s=%s", b->len ? "&" : "", name, escaped);
	curl_free(escaped);
}

static void add_text(struct buf *b, const char *name, const char *value)
{
	if (value)
		add_param(b, name, value, strlen(value));
}

/* The words of a scope are parameters of their own. */
static void add_scopes(struct buf *b, const char *scope)
{
	for (const char *at = scope ? scope : ""; *at; at += strcspn(at, " ")) {
		at += strspn(at, " ");
		add_param(b, "scope", at, strcspn(at, " "));
	}
}

static void write_get(struct registry_auth *auth, struct buf *query)
{
	add_text(query, "service", auth->challenge.service);
	add_scopes(query, auth->challenge.scope);
	add_text(query, "client_id", CLIENT_ID);
	if (has_password(auth->endpoint))
		add_text(query, "account", auth->endpoint->username);
}

/* OAuth2 by an identity token, as `docker login` may have got one. */
static void write_post(struct registry_auth *auth, struct buf *form)
{
	add_text(form, "grant_type", "refresh_token");
	add_text(form, "service", auth->challenge.service);
	add_text(form, "client_id", CLIENT_ID);
	add_text(form, "scope", auth->challenge.scope);
	add_text(form, "refresh_token", auth->endpoint->identity_token);
}

static int check_realm(const struct registry_auth *auth, struct err *err)
{
	const char *realm = auth->challenge.realm;
	char shown[128];

	if (str_skip_prefix(realm, "https://") ||
		(str_skip_prefix(realm, "http://") && auth->endpoint->may_use_http))
		return 0;
	(void)err_say(err, EACCES,
		"the registry names %s as its token service, which is not https",
		url_shown(realm, shown, sizeof(shown)));
	return err_hint(err,
		"A registry that may use plain http is listed as \"insecure\" in "
		"registries.json.");
}

static int request_token(
	struct registry_auth *auth, struct http_session *session, struct err *err)
{
	bool is_post = auth->endpoint->identity_token != NULL;
	cleanup_buf struct buf words = BUF_INIT, body = BUF_INIT;
	cleanup_free char *url = NULL, *basic = NULL;
	struct http_transfer t = { .accept = "application/json",
		.is_untrusted = true,
		.is_quiet = true,
		.body = { .text = &body, .fd = -1, .max = HTTP_TOKEN_MAX } };
	int r;

	if (is_post)
		write_post(auth, &words);
	else
		write_get(auth, &words);
	if (!is_post && has_password(auth->endpoint))
		basic = basic_header(auth->endpoint);
	if (buf_finish(&words) < 0)
		return err_oom(err);
	url = is_post ? strdup(auth->challenge.realm)
		      : str_printf("%s%c%s", auth->challenge.realm,
				strchr(auth->challenge.realm, '?') ? '&' : '?',
				words.data);
	if (!url)
		return err_oom(err);
	t.url = url;
	t.authorization = basic;
	t.post = is_post ? words.data : NULL;
	r = http_run(session, &t, 1, 1, NULL, err);
	if (r == 0)
		r = buf_finish(&body) < 0 ? err_oom(err)
					  : take_token(auth, body.data, body.len, err);
	http_transfer_done(&t);
	return r;
}

static int renew(
	struct registry_auth *auth, struct http_session *session, struct err *err)
{
	int r = check_realm(auth, err);

	if (r == 0)
		r = request_token(auth, session, err);
	if (r == 0)
		return 0;
	return err_wrap(err, "get a token for %s", auth->endpoint->url);
}

int registry_auth_header(struct registry_auth *auth, struct http_session *session,
	const char **ret, struct err *err)
{
	int r = 0;

	if (auth->renew_at_ms && now_ms() >= auth->renew_at_ms)
		r = renew(auth, session, err);
	if (r == 0)
		*ret = auth->header;
	return r;
}

int registry_auth_answer(struct registry_auth *auth, struct http_session *session,
	struct auth_challenge *challenge, unsigned int shown, const char *scope,
	struct err *err)
{
	if (shown != auth->number)
		return 0;
	if (challenge->scheme == AUTH_BASIC)
		return answer_basic(auth, err);
	if (!challenge->scope && str_set(&challenge->scope, scope) < 0)
		return err_oom(err);
	auth_challenge_done(&auth->challenge);
	auth->challenge = *challenge;
	*challenge = (struct auth_challenge){ 0 };
	return renew(auth, session, err);
}
