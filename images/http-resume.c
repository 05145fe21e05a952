/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a download that was cut may be gone on with. What is named by its digest may be, from
 * wherever the rest comes: the digest tells whether the parts belong together. Anything else may
 * have been replaced meanwhile; the server then has to say by a validator that it was not, else
 * two versions would be joined to a file that never was.
 */
#include "images/http-private.h"

#include "common/cleanup.h"

#define SETTLED_S 60

void http_validator_done(struct http_validator *v)
{
	free(take_ptr(v->etag));
	free(take_ptr(v->last_modified));
	free(take_ptr(v->date));
	free(take_ptr(v->url));
}

/* RFC 9110, 8.8.1: a weak one stays the same for what is only about the same. */
static bool is_strong(const char *etag)
{
	size_t len = etag ? strlen(etag) : 0;

	return len >= 3 && etag[0] == '"' && strchr(etag + 1, '"') == etag + len - 1;
}

/* RFC 9110, 8.8.2.2: a date tells versions apart once it is well past. */
static bool is_settled(const struct http_validator *v)
{
	time_t modified = v->last_modified ? curl_getdate(v->last_modified, NULL) : -1;
	time_t now = v->date ? curl_getdate(v->date, NULL) : -1;

	return modified != -1 && now != -1 && now - modified >= SETTLED_S;
}

void http_resume_begin(struct http_transfer *t)
{
	struct http_state *s = t->state;

	http_validator_done(&s->kept);
	s->kept = s->answered;
	s->answered = (struct http_validator){ 0 };
	(void)!str_set(&s->kept.url, s->url);
	s->begun_at = t->endpoint;
}

void http_resume_go_on(struct http_transfer *t)
{
	if (t->state->begun_at != t->endpoint)
		t->state->begun_at = SIZE_MAX;
}

const char *http_resume_condition(const struct http_transfer *t)
{
	const struct http_validator *kept = &t->state->kept;

	if (t->body.is_checked)
		return NULL;
	if (is_strong(kept->etag))
		return kept->etag;
	return is_settled(kept) ? kept->last_modified : NULL;
}

uint64_t http_resume_at(const struct http_transfer *t)
{
	const struct http_validator *kept = &t->state->kept;

	if (t->body.is_checked)
		return t->body.offset;
	/* Another place may use the same marks for other things. */
	return kept->url && http_is_same_place(kept->url, t->state->url) &&
			       http_resume_condition(t)
		       ? t->body.offset
		       : 0;
}

/* RFC 9110, 15.3.7: the ETag stands in a partial answer, too; Last-Modified need not. */
bool http_resume_is_same(const struct http_transfer *t)
{
	const struct http_validator *kept = &t->state->kept, *now = &t->state->answered;

	if (t->body.is_checked)
		return true;
	if (is_strong(kept->etag))
		return now->etag && str_eq(now->etag, kept->etag);
	return !now->last_modified || str_eq(now->last_modified, kept->last_modified);
}
