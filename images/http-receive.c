/* SPDX-License-Identifier: Apache-2.0 */
/* What happens as the answer to a request comes in: its headers, and where its body goes. */
#include "images/http-private.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

/* ---- the body ---- */

static int fail(struct http_state *s, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int fail(struct http_state *s, int code, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	s->failure = err_say(&s->failure_text, code, "%s", text);
	return s->failure;
}

/* No other server would help. */
static int fail_here(struct http_state *s, int code, const char *what)
{
	s->is_our_failure = true;
	return fail(s, code, "%s: %s", what, strerror(code));
}

int http_body_restart(struct http_transfer *t)
{
	struct http_body *body = &t->body;

	http_validator_done(&t->state->kept);
	body->offset = 0;
	hash_init(&body->hash);
	if (body->text)
		buf_reset(body->text);
	else if (ftruncate(body->fd, 0) < 0 || lseek(body->fd, 0, SEEK_SET) < 0)
		return -errno;
	return 0;
}

/* The first piece decides whether the server went on where we were. */
static int place_body(struct http_transfer *t)
{
	struct http_state *s = t->state;
	int r = 0;

	if (t->status == 206 && s->asked_offset && s->has_range &&
		s->range_start == t->body.offset) {
		s->is_replaced = !http_resume_is_same(t);
		http_resume_go_on(t);
		return s->is_replaced ? fail(s, ESTALE, "it is another version now") : 0;
	}
	if (t->status == 206)
		return fail(
			s, EBADMSG, "the server sent another part than was asked for");
	if (t->body.offset)
		r = http_body_restart(t);
	http_resume_begin(t);
	return r < 0 ? fail_here(s, -r, "start the download anew") : 0;
}

static int put_body(struct http_transfer *t, const char *data, size_t len)
{
	struct http_body *body = &t->body;
	struct http_state *s = t->state;
	int r = 0;

	if (len > body->max - body->offset && body->limit_of)
		return fail(s, EFBIG, "it is larger than %s may be: %" PRIu64 " bytes",
			body->limit_of, body->max);
	if (len > body->max - body->offset)
		return fail(s, EFBIG, "it is longer than the %" PRIu64 " bytes expected",
			body->max);
	if (body->text)
		buf_put(body->text, data, len);
	else
		r = fd_write_all(body->fd, data, len);
	if (r < 0)
		return fail_here(s, -r, "write what was downloaded");
	hash_update(&body->hash, data, len);
	body->offset += len;
	if (s->session->on_progress && !t->is_quiet)
		s->session->on_progress(t, s->session->arg);
	return 0;
}

static size_t on_body(char *data, size_t one, size_t len, void *arg)
{
	struct http_transfer *t = arg;
	struct http_state *s = t->state;

	if (!t->status)
		(void)curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &t->status);
	if (t->status != 200 && t->status != 206) {
		if (s->problem.len < HTTP_ERROR_MAX)
			buf_put(&s->problem, data, len);
		return len;
	}
	if (s->progress_offset == UINT64_MAX) {
		if (place_body(t) < 0)
			return 0;
		s->progress_offset = t->body.offset;
	}
	/* Documents are small, and all else waits for them. */
	if (!t->body.text && http_rate_is_spent(&s->session->rate, http_now_us())) {
		s->is_paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	http_rate_spend(&s->session->rate, len, http_now_us());
	return put_body(t, data, len) < 0 ? 0 : len;
}

static void keep_string(char **dst, const char *value)
{
	(void)!str_set(dst, value);
}

static void on_content_type(struct http_transfer *t, const char *value)
{
	keep_string(&t->content_type, value);
	if (t->content_type)
		t->content_type[strcspn(t->content_type, "; \t")] = '\0';
}

static void on_content_digest(struct http_transfer *t, const char *value)
{
	keep_string(&t->content_digest, value);
}

static void on_location(struct http_transfer *t, const char *value)
{
	keep_string(&t->state->location, value);
}

static void on_etag(struct http_transfer *t, const char *value)
{
	keep_string(&t->state->answered.etag, value);
}

static void on_last_modified(struct http_transfer *t, const char *value)
{
	keep_string(&t->state->answered.last_modified, value);
}

static void on_date(struct http_transfer *t, const char *value)
{
	keep_string(&t->state->answered.date, value);
}

/* "bytes 100-199/200" */
static void on_content_range(struct http_transfer *t, const char *value)
{
	const char *start = str_skip_prefix(value, "bytes ");
	char digits[24];
	size_t len = start ? strspn(start, "0123456789") : 0;

	if (!len || len >= sizeof(digits) || start[len] != '-')
		return;
	memcpy(digits, start, len);
	digits[len] = '\0';
	t->state->has_range = str_to_u64(digits, &t->state->range_start) == 0;
}

/* Seconds, or a date by the server's clock, which Date shows. */
static void on_retry_after(struct http_transfer *t, const char *value)
{
	struct http_state *s = t->state;
	time_t at, now;

	if (str_to_u32(value, &s->retry_after_s) == 0)
		return;
	at = curl_getdate(value, NULL);
	now = s->answered.date ? curl_getdate(s->answered.date, NULL) : -1;
	if (now == -1)
		now = time(NULL);
	s->retry_after_s = 0;
	if (at != -1 && at > now)
		s->retry_after_s =
			at - now > UINT32_MAX ? UINT32_MAX : (uint32_t)(at - now);
}

static void on_challenge(struct http_transfer *t, const char *value)
{
	struct auth_challenge challenge;

	if (www_authenticate_parse(value, &challenge, NULL) < 0)
		return;
	if (challenge.scheme <= t->state->challenge.scheme) {
		auth_challenge_done(&challenge);
		return;
	}
	auth_challenge_done(&t->state->challenge);
	t->state->challenge = challenge;
}

/* RFC 8288: <URL>; rel="next". Only its path counts: the page is the same server's. */
static void on_link(struct http_transfer *t, const char *value)
{
	const char *end = strchr(value, '>'), *mark = strstr(value, "://");
	const char *path = value + 1;

	if (*value != '<' || !end || !strstr(end, "next"))
		return;
	if (mark && mark < end)
		path = mark + strlen("://") + strcspn(mark + strlen("://"), "/>");
	if (*path != '/')
		return;
	free(t->next_page);
	t->next_page = strndup(path, (size_t)(end - path));
}

/* RFC 7234 §5.5: 299 - "text" */
static void on_warning(struct http_transfer *t, const char *value)
{
	const char *text = strchr(value, '"');
	char shown[256];

	if (!str_skip_prefix(value, "299 ") || !text)
		return;
	str_printable(text + 1, shown, sizeof(shown));
	shown[strcspn(shown, "\"")] = '\0';
	http_note(t->state->session, "the registry says: %s", shown);
}

static const struct {
	const char *name;
	void (*take)(struct http_transfer *t, const char *value);
} headers[] = {
	{ "content-type", on_content_type },
	{ "docker-content-digest", on_content_digest },
	{ "link", on_link },
	{ "location", on_location },
	{ "content-range", on_content_range },
	{ "etag", on_etag },
	{ "last-modified", on_last_modified },
	{ "date", on_date },
	{ "retry-after", on_retry_after },
	{ "www-authenticate", on_challenge },
	{ "warning", on_warning },
};

static void take_header(struct http_transfer *t, char *line)
{
	char *value = strchr(line, ':');

	if (!value)
		return;
	*value++ = '\0';
	value += strspn(value, " \t");
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		if (strcasecmp(line, headers[i].name) == 0)
			headers[i].take(t, value);
	}
}

static size_t on_header(char *data, size_t one, size_t len, void *arg)
{
	struct http_transfer *t = arg;
	cleanup_free char *line = NULL;

	t->state->header_bytes += len;
	if (t->state->header_bytes > HTTP_HEADERS_MAX) {
		(void)fail(t->state, EMSGSIZE,
			"the answer has more than %u bytes of headers", HTTP_HEADERS_MAX);
		return 0;
	}
	line = strndup(data, len);
	if (line) {
		line[strcspn(line, "\r\n")] = '\0';
		take_header(t, line);
	}
	return len;
}

/* ---- a new answer ---- */

static void forget_answer(struct http_transfer *t)
{
	struct http_state *s = t->state;

	t->status = 0;
	free(take_ptr(t->content_type));
	free(take_ptr(t->content_digest));
	free(take_ptr(t->next_page));
	free(take_ptr(s->location));
	http_validator_done(&s->answered);
	auth_challenge_done(&s->challenge);
	buf_reset(&s->problem);
	s->refused[0] = s->curl_text[0] = '\0';
	s->is_let_through = s->is_paused = false;
	s->header_bytes = 0;
	s->retry_after_s = 0;
	s->has_range = s->is_replaced = false;
	s->failure = 0;
	s->is_our_failure = false;
	s->progress_offset = UINT64_MAX;
	if (!t->body.offset)
		hash_init(&t->body.hash);
}

void http_receive(struct http_transfer *t)
{
	CURL *easy = t->state->easy;

	forget_answer(t);
	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->state->curl_text);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
}
