/* SPDX-License-Identifier: Apache-2.0 */
/* What came of a request: it is done, or to be made again (elsewhere, later, with a token), or
 * there is no hope and a sentence that says why. */
#include "images/http-private.h"
#include "images/registry-auth.h"

#include "common/cleanup.h"
#include "common/url.h"

#include <errno.h>
#include <stdio.h>

#define WORTH_BYTES (1U << 20)
#define TRIES_MAX 6	 /* in a row that bring nothing new */
#define CHALLENGES_MAX 2 /* in a row */
#define BACKOFF_MS 250	 /* doubled at each try */
#define BACKOFF_MAX_MS 8000
#define RETRY_AFTER_MAX_S 60

static enum http_verdict failed(struct http_transfer *t)
{
	t->result = t->err.code ? -t->err.code : -EIO;
	return HTTP_FAILED;
}

/* ---- what the server says about it ---- */

/* {"errors":[{"code":…,"message":…}]} of a registry; otherwise nothing. */
static void problem_text(struct http_state *s, char *ret, size_t room)
{
	cleanup_json struct json_doc *doc = NULL;
	const struct json *errors, *first;
	const char *text;

	*ret = '\0';
	if (buf_finish(&s->problem) < 0 || !s->problem.len ||
		json_parse(s->problem.data, s->problem.len, &doc, NULL) < 0)
		return;
	errors = json_get(json_root(doc), "errors");
	first = errors ? errors->first : json_root(doc);
	text = json_get_string(first, "message");
	if (str_empty(text))
		text = json_get_string(first, "code");
	if (str_empty(text))
		text = json_get_string(first, "details");
	if (!str_empty(text))
		str_printable(text, ret, room);
}

static const struct {
	long status;
	int code;
	const char *text;
} meanings[] = {
	{ 401, EACCES, "access is denied without the right credentials" },
	{ 403, EACCES, "access is denied" },
	{ 404, ENOENT, "it is not there" },
	{ 407, EACCES, "the proxy wants another login" },
	{ 410, ENOENT, "it is not there any more" },
	{ 429, EBUSY, "too many requests" },
};

static void say_status(struct http_transfer *t)
{
	struct http_state *s = t->state;
	const char *text = t->status >= 500 ? "the server has a fault" : "it was refused";
	char problem[256];
	int code = EPROTO;

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (meanings[i].status == t->status) {
			text = meanings[i].text;
			code = meanings[i].code;
		}
	}
	problem_text(s, problem, sizeof(problem));
	(void)err_say(&t->err, code, "%s: %s (status %ld%s%s)", s->url_text, text,
		t->status, *problem ? ", " : "", problem);
	if (t->status == 401 && t->path)
		(void)err_hint(&t->err, "Log in with `ucrctl login %s`.",
			s->session->access->host);
}

/* No address of the host might be connected to. One that was may fail for other reasons. */
static bool is_refused(const struct http_state *s)
{
	return *s->refused && !s->is_let_through;
}

static int code_of(CURLcode code)
{
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT: return ETIMEDOUT;
	case CURLE_COULDNT_CONNECT: return ECONNREFUSED;
	case CURLE_COULDNT_RESOLVE_HOST: return EHOSTUNREACH;
	default: return EIO;
	}
}

static void say_curl(struct http_transfer *t, CURLcode code)
{
	struct http_state *s = t->state;

	if (s->failure) {
		(void)err_say(&t->err, s->failure_text.code, "%s: %s", s->url_text,
			s->failure_text.text);
		return;
	}
	if (is_refused(s)) {
		(void)err_say(&t->err, EACCES,
			"%s leads to %s, an address that is not public", s->url_text,
			s->refused);
		(void)err_hint(&t->err,
			"If that is meant, list the network in allow_addresses of "
			"registries.json.");
		return;
	}
	(void)err_say(&t->err, code_of(code), "%s: %s", s->url_text,
		*s->curl_text ? s->curl_text : curl_easy_strerror(code));
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		(void)err_hint(&t->err,
			"Give the authority's certificate as \"ca\" in registries.json.");
}

/* ---- again ---- */

/* From the beginning: what a redirect led to may be good for once only. */
static void start_over(struct http_transfer *t)
{
	struct http_state *s = t->state;

	free(take_ptr(s->url));
	s->hops = 0;
}

/* A mirror that has it not, or is ill, is passed over. */
static enum http_verdict next_endpoint(struct http_transfer *t)
{
	const struct registry_access *access = t->state->session->access;

	if (!t->path || t->endpoint + 1 >= access->endpoints.count)
		return failed(t);
	t->endpoint++;
	t->state->tries = t->state->challenges = 0;
	t->state->not_before_ms = 0;
	start_over(t);
	return HTTP_AGAIN;
}

/* So is one that lies, of which the person should know. */
static enum http_verdict pass_over(struct http_transfer *t)
{
	const struct registry_endpoint *endpoint = http_endpoint(t);
	enum http_verdict verdict;

	if (t->body.offset && http_body_restart(t) < 0)
		return failed(t);
	verdict = next_endpoint(t);
	if (verdict == HTTP_AGAIN)
		http_note(t->state->session, "%.100s is passed over: %s", endpoint->url,
			t->err.text);
	return verdict;
}

static enum http_verdict again_later(struct http_transfer *t, unsigned int tries_max)
{
	struct http_state *s = t->state;
	int64_t wait_ms = s->retry_after_s ? (int64_t)s->retry_after_s * 1000
					   : (int64_t)BACKOFF_MS << s->tries;

	/* Enough came to be worth another row of tries. */
	if (t->body.offset > s->furthest + WORTH_BYTES)
		s->tries = 0;
	if (t->body.offset > s->furthest)
		s->furthest = t->body.offset;
	if (++s->tries >= tries_max)
		return next_endpoint(t);
	if (s->retry_after_s > RETRY_AFTER_MAX_S) {
		(void)err_hint(
			&t->err, "The server asks to wait %u seconds.", s->retry_after_s);
		return next_endpoint(t);
	}
	if (!s->retry_after_s && wait_ms > BACKOFF_MAX_MS)
		wait_ms = BACKOFF_MAX_MS;
	s->not_before_ms = http_now_us() / 1000 + wait_ms;
	start_over(t);
	return HTTP_AGAIN;
}

/* The host speaks http, and may. Known from now on. */
static bool try_plain(struct http_transfer *t, CURLcode code)
{
	const struct registry_endpoint *endpoint = http_endpoint(t);
	struct http_state *s = t->state;

	/* Another transfer may have found it out while this one was asking by https. */
	if (!endpoint || !endpoint->may_use_http ||
		!str_skip_prefix(s->url, "https://") ||
		!http_is_same_origin(s->url, endpoint->url))
		return false;
	if (code != CURLE_SSL_CONNECT_ERROR && code != CURLE_COULDNT_CONNECT)
		return false;
	s->session->endpoints[t->endpoint].is_plain = true;
	start_over(t);
	return true;
}

static const struct {
	CURLcode code;
	unsigned int tries_max;
} passing[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, 2 },
	{ CURLE_COULDNT_CONNECT, 2 },
	{ CURLE_OPERATION_TIMEDOUT, 2 },
	{ CURLE_PARTIAL_FILE, TRIES_MAX },
	{ CURLE_RECV_ERROR, TRIES_MAX },
	{ CURLE_SEND_ERROR, TRIES_MAX },
	{ CURLE_GOT_NOTHING, TRIES_MAX },
	{ CURLE_HTTP2, TRIES_MAX },
	{ CURLE_HTTP2_STREAM, TRIES_MAX },
	{ CURLE_HTTP3, TRIES_MAX },
};

static enum http_verdict judge_failure(struct http_transfer *t, CURLcode code)
{
	say_curl(t, code);
	if (t->state->is_replaced && http_body_restart(t) == 0)
		return again_later(t, TRIES_MAX);
	if (t->state->failure && t->state->is_our_failure)
		return failed(t);
	if (t->state->failure || is_refused(t->state))
		return pass_over(t);
	if (try_plain(t, code))
		return HTTP_AGAIN;
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
		if (passing[i].code == code)
			return again_later(t, passing[i].tries_max);
	}
	return next_endpoint(t);
}

/* ---- redirects and challenges ---- */

/* Where it may lead to. */
static int check_redirect(struct http_transfer *t, const char *next)
{
	struct http_state *s = t->state;
	char to[HTTP_URL_TEXT_MAX];

	(void)url_shown(next, to, sizeof(to));
	if (!str_skip_prefix(next, "https://") && !str_skip_prefix(next, "http://"))
		return err_say(&t->err, EACCES,
			"%s: a redirect to %s, which is not http or https", s->url_text,
			to);
	if (str_skip_prefix(s->url, "https://") && !str_skip_prefix(next, "https://"))
		return err_say(&t->err, EACCES,
			"%s: a redirect from https to %s, which anybody could read",
			s->url_text, to);
	/* Without its headers a request can go elsewhere; a form is the secret itself. */
	if (t->post && !http_is_same_origin(s->url, next))
		return err_say(&t->err, EACCES,
			"%s: a redirect to %s would send the login there", s->url_text,
			to);
	return 0;
}

static int follow(struct http_transfer *t)
{
	struct http_state *s = t->state;
	const char *next = NULL;
	int r;

	(void)curl_easy_getinfo(s->easy, CURLINFO_REDIRECT_URL, (char **)&next);
	if (str_empty(s->location) || str_empty(next))
		return err_say(
			&t->err, EBADMSG, "%s: a redirect to nowhere", s->url_text);
	r = check_redirect(t, next);
	if (r < 0)
		return r;
	if (++s->hops > HTTP_HOPS_MAX)
		return err_say(&t->err, ELOOP, "%s: more than %d redirects", s->url_text,
			HTTP_HOPS_MAX);
	if (str_set(&s->url, next) < 0)
		return err_oom(&t->err);
	return http_check_literal(t, &t->err);
}

static enum http_verdict judge_redirect(struct http_transfer *t)
{
	return follow(t) < 0 ? pass_over(t) : HTTP_AGAIN;
}

static enum http_verdict judge_challenge(struct http_transfer *t)
{
	struct http_state *s = t->state;
	int r;

	say_status(t);
	if (!http_is_at_endpoint(t) || s->challenge.scheme == AUTH_NONE ||
		++s->challenges > CHALLENGES_MAX)
		return next_endpoint(t);
	r = registry_auth_answer(s->session->endpoints[t->endpoint].auth, s->session,
		&s->challenge, s->shown, s->session->scope, &t->err);
	if (r < 0)
		return next_endpoint(t);
	return HTTP_AGAIN;
}

/* ---- by status ---- */

/* All of it is here. What was joined of parts from several servers is got once more from this
 * one, before it is said to lie. */
static enum http_verdict judge_whole(struct http_transfer *t)
{
	if (!t->check || t->check(t, &t->err) == 0)
		return HTTP_DONE;
	if (t->state->begun_at == t->endpoint)
		return pass_over(t);
	if (http_body_restart(t) < 0)
		return failed(t);
	t->state->begun_at = t->endpoint;
	start_over(t);
	return HTTP_AGAIN;
}

static enum http_verdict judge_good(struct http_transfer *t)
{
	struct http_state *s = t->state;

	/* An empty body brings no piece that would have placed it. */
	if (s->progress_offset != UINT64_MAX || t->status != 200)
		return judge_whole(t);
	if (t->body.offset && t->body.is_checked) {
		(void)err_say(&t->err, EBADMSG, "%s: an empty answer", s->url_text);
		return again_later(t, TRIES_MAX);
	}
	if (http_body_restart(t) < 0)
		return failed(t);
	s->begun_at = t->endpoint;
	return judge_whole(t);
}

/* All of it had come already, or the file is another one now. */
static enum http_verdict judge_range(struct http_transfer *t)
{
	struct http_state *s = t->state;

	say_status(t);
	if (!t->body.offset)
		return failed(t);
	if (http_body_restart(t) < 0)
		return failed(t);
	if (++s->tries >= TRIES_MAX)
		return next_endpoint(t);
	start_over(t);
	return HTTP_AGAIN;
}

static enum http_verdict judge_busy(struct http_transfer *t)
{
	say_status(t);
	return again_later(t, TRIES_MAX);
}

static enum http_verdict judge_other(struct http_transfer *t)
{
	say_status(t);
	return next_endpoint(t);
}

static const struct {
	long first, last;
	enum http_verdict (*judge)(struct http_transfer *t);
} judges[] = {
	{ 200, 200, judge_good },
	{ 206, 206, judge_good },
	{ 301, 303, judge_redirect },
	{ 307, 308, judge_redirect },
	{ 401, 401, judge_challenge },
	{ 408, 408, judge_busy },
	{ 416, 416, judge_range },
	{ 425, 425, judge_busy },
	{ 429, 429, judge_busy },
	{ 500, 599, judge_busy },
	{ 0, 999, judge_other },
};

enum http_verdict http_judge(struct http_transfer *t, CURLcode code)
{
	size_t i = 0;

	t->err = (struct err){ 0 };
	(void)curl_easy_getinfo(t->state->easy, CURLINFO_RESPONSE_CODE, &t->status);
	if (code != CURLE_OK)
		return judge_failure(t, code);
	while (t->status < judges[i].first || t->status > judges[i].last)
		i++;
	if (t->status != 401)
		t->state->challenges = 0;
	return judges[i].judge(t);
}
