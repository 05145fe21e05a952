/* SPDX-License-Identifier: Apache-2.0 */
#include "images/http-private.h"
#include "images/registry-auth.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#define POLL_MS 500

int64_t http_now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void http_note(const struct http_session *session, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!session->on_note)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	session->on_note(text, session->note_arg);
}

/* ---- the session ---- */

/* libcurl with GnuTLS takes certificates as files; these have no name. */
static int keep_pem(const char *text, int *ret_fd, struct err *err)
{
	*ret_fd = text ? fd_memfd_sealed("pem", text, strlen(text)) : -1;
	return text && *ret_fd < 0 ? err_set(err, -*ret_fd, "keep a certificate") : 0;
}

static int open_endpoint(const struct registry_endpoint *endpoint,
	struct http_endpoint *ret, struct err *err)
{
	const char *const pems[] = { endpoint->ca, endpoint->cert, endpoint->key };
	int r = 0;

	for (size_t i = 0; i < 3; i++)
		ret->pem_fds[i] = -1;
	ret->is_plain = str_skip_prefix(endpoint->url, "http://");
	ret->auth = registry_auth_new(endpoint);
	if (!ret->auth)
		return err_oom(err);
	for (size_t i = 0; r == 0 && i < 3; i++)
		r = keep_pem(pems[i], &ret->pem_fds[i], err);
	return r;
}

int http_session_open(
	const struct registry_access *access, struct http_session *ret, struct err *err)
{
	struct http_session session = { .access = access,
		.rate.bytes = access->rate_bytes };
	int r = 0;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_say(err, ENOMEM, "cannot start the HTTP library");
	session.endpoints =
		calloc(access->endpoints.count + 1, sizeof(*session.endpoints));
	session.multi = curl_multi_init();
	if (!session.endpoints || !session.multi)
		r = err_oom(err);
	for (size_t i = 0; r == 0 && i < access->endpoints.count; i++)
		r = open_endpoint(
			&access->endpoints.items[i], &session.endpoints[i], err);
	if (r < 0) {
		http_session_close(&session);
		return r;
	}
	*ret = session;
	return 0;
}

void http_session_close(struct http_session *session)
{
	size_t count = session->endpoints ? session->access->endpoints.count : 0;

	for (size_t i = 0; i < count; i++) {
		registry_auth_free(session->endpoints[i].auth);
		for (size_t n = 0; n < 3; n++) {
			if (session->endpoints[i].auth &&
				session->endpoints[i].pem_fds[n] >= 0)
				(void)close(session->endpoints[i].pem_fds[n]);
		}
	}
	free(session->endpoints);
	(void)curl_multi_cleanup(session->multi);
}

/* ---- transfers ---- */

static void state_free(struct http_state *s)
{
	if (!s)
		return;
	curl_easy_cleanup(s->easy);
	curl_slist_free_all(s->headers);
	free(s->url);
	free(s->location);
	buf_done(&s->problem);
	auth_challenge_done(&s->challenge);
	http_validator_done(&s->answered);
	http_validator_done(&s->kept);
	free(s);
}

void http_transfer_done(struct http_transfer *t)
{
	state_free(t->state);
	t->state = NULL;
	free(take_ptr(t->content_type));
	free(take_ptr(t->content_digest));
	free(take_ptr(t->next_page));
}

static int prepare(struct http_session *session, struct http_transfer *t, struct err *err)
{
	struct http_state *s = calloc(1, sizeof(*s));

	if (!s)
		return err_oom(err);
	t->state = s;
	s->session = session;
	s->furthest = t->body.offset;
	s->begun_at = SIZE_MAX;
	s->easy = curl_easy_init();
	return s->easy ? 0 : err_oom(err);
}

/* An earlier download may have brought all of it. */
static int take_whole(struct http_transfer *t, http_done_fn on_done, struct err *err)
{
	if (!t->body.is_checked || t->body.offset < t->body.max)
		return 0;
	if (t->check(t, NULL) < 0)
		return http_body_restart(t) < 0
			       ? err_set(err, EIO, "empty a download that is wrong")
			       : 0;
	t->state->phase = HTTP_OVER;
	return on_done ? on_done(t, t->state->session->arg, err) : 0;
}

static int begin(struct http_transfer *t, struct err *err)
{
	struct http_state *s = t->state;
	int r;

	r = http_setup(t, err);
	if (r < 0)
		return r;
	s->phase = HTTP_RUNNING;
	if (curl_multi_add_handle(s->session->multi, s->easy) != CURLM_OK)
		return err_say(err, ENOMEM, "cannot start a download");
	return 0;
}

static int end(struct http_transfer *t, http_done_fn on_done, void *arg, struct err *err)
{
	struct http_state *s = t->state;

	switch (http_judge(t, s->code)) {
	case HTTP_AGAIN: s->phase = HTTP_WAITING; return 0;
	case HTTP_DONE: s->phase = HTTP_OVER; return on_done ? on_done(t, arg, err) : 0;
	default:
		s->phase = HTTP_OVER;
		if (err)
			*err = t->err;
		return t->result;
	}
}

struct http_run {
	struct http_run *outer;
	struct http_session *session;
	struct http_transfer *transfers;
	size_t count, at_once, turn;
	http_done_fn on_done;
};

/* Starts what may run now. How many are not over yet, and how long until the next may. */
static int start_some(
	struct http_run *run, size_t *ret_left, int *ret_wait_ms, struct err *err)
{
	int64_t now = http_now_us() / 1000;
	size_t running = 0;
	int r;

	*ret_left = 0;
	*ret_wait_ms = POLL_MS;
	for (size_t i = 0; i < run->count; i++)
		running += run->transfers[i].state->phase == HTTP_RUNNING;
	for (size_t i = 0; i < run->count; i++) {
		struct http_state *s = run->transfers[i].state;

		*ret_left += s->phase != HTTP_OVER;
		if (s->phase != HTTP_WAITING || running >= run->at_once)
			continue;
		if (s->not_before_ms > now) {
			if (s->not_before_ms - now < *ret_wait_ms)
				*ret_wait_ms = (int)(s->not_before_ms - now);
			continue;
		}
		running++;
		r = begin(&run->transfers[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Of this run and of the outer one, which looks at its own later. */
static void mark_ended(CURLM *multi)
{
	struct http_transfer *t = NULL;
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(multi, &left))) {
		CURL *easy = msg->easy_handle;
		CURLcode code = msg->data.result;

		if (msg->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t);
		(void)curl_multi_remove_handle(multi, easy);
		t->state->phase = HTTP_ENDED;
		t->state->code = code;
	}
}

/* 1 when some have ended. */
static int take_ended(struct http_run *run, struct err *err)
{
	int ended = 0, r = 0;

	for (size_t i = 0; r == 0 && i < run->count; i++) {
		struct http_transfer *t = &run->transfers[i];

		if (t->state->phase != HTTP_ENDED)
			continue;
		ended = 1;
		r = end(t, run->on_done, run->session->arg, err);
	}
	return r < 0 ? r : ended;
}

/* What paused goes on when all that has come is paid for, each time another one first. */
static void resume_paused(struct http_run *run)
{
	run->turn++;
	for (size_t i = 0; i < run->count; i++) {
		struct http_state *s = run->transfers[(run->turn + i) % run->count].state;

		if (s->phase != HTTP_RUNNING || !s->is_paused)
			continue;
		s->is_paused = false;
		(void)curl_easy_pause(s->easy, CURLPAUSE_CONT);
	}
}

static int wait_for_more(struct http_run *run, int wait_ms)
{
	const struct http_rate *rate = &run->session->rate;
	int owed_ms = http_rate_wait_ms(rate, http_now_us());
	CURLM *multi = run->session->multi;

	if (owed_ms && owed_ms < wait_ms)
		wait_ms = owed_ms;
	if (curl_multi_poll(multi, NULL, 0, wait_ms, NULL) != CURLM_OK)
		return -EIO;
	if (http_rate_wait_ms(rate, http_now_us()))
		return 0;
	for (; run; run = run->outer)
		resume_paused(run);
	return 0;
}

static int loop(struct http_run *run, struct err *err)
{
	CURLM *multi = run->session->multi;
	int running, wait_ms, r = 0;
	size_t left;

	for (;;) {
		r = start_some(run, &left, &wait_ms, err);
		if (r < 0 || !left)
			return r;
		if (curl_multi_perform(multi, &running) != CURLM_OK)
			break;
		mark_ended(multi);
		r = take_ended(run, err);
		if (r < 0)
			return r;
		if (r == 0 && wait_for_more(run, wait_ms) < 0)
			break;
	}
	return err_say(err, EIO, "the HTTP library failed");
}

int http_run(struct http_session *session, struct http_transfer *transfers, size_t count,
	size_t at_once, http_done_fn on_done, struct err *err)
{
	struct http_run run = { session->run, session, transfers, count, at_once, 0,
		on_done };
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = prepare(session, &transfers[i], err);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = take_whole(&transfers[i], on_done, err);
	session->run = &run;
	if (r == 0)
		r = loop(&run, err);
	session->run = run.outer;
	for (size_t i = 0; i < count; i++) {
		struct http_state *s = transfers[i].state;

		if (s && s->phase == HTTP_RUNNING)
			(void)curl_multi_remove_handle(session->multi, s->easy);
		state_free(s);
		transfers[i].state = NULL;
	}
	return r;
}
