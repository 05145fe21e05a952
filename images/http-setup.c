/* SPDX-License-Identifier: Apache-2.0 */
/* One request: its URL, headers, certificates, and what happens as its answer comes in. */
#include "images/http-private.h"
#include "images/registry-auth.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#define CONNECT_SECONDS 15L
#define STALLED_SECONDS 20L
#define STALLED_BYTES 100L /* a second, or less */
#define DOCUMENT_SECONDS 60L
#define BUFFER_BYTES (256L << 10)

/* ---- as the answer comes in ---- */

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

static int restart_body(struct http_body *body)
{
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
	int r;

	if (t->status == 206 && s->has_range && s->range_start == t->body.offset)
		return 0;
	if (t->status == 206)
		return fail(
			s, EBADMSG, "the server sent another part than was asked for");
	if (!t->body.offset)
		return 0;
	r = restart_body(&t->body);
	return r < 0 ? fail(s, -r, "start the download anew: %s", strerror(-r)) : 0;
}

static int put_body(struct http_transfer *t, const char *data, size_t len)
{
	struct http_body *body = &t->body;
	struct http_state *s = t->state;
	int r = 0;

	if (len > body->max - body->offset)
		return fail(s, EFBIG, "it is longer than the %" PRIu64 " bytes expected",
			body->max);
	if (body->text)
		buf_put(body->text, data, len);
	else
		r = fd_write_all(body->fd, data, len);
	if (r < 0)
		return fail(s, -r, "write what was downloaded: %s", strerror(-r));
	hash_update(&body->hash, data, len);
	body->offset += len;
	/* Not of a token that is got meanwhile. */
	if (s->session->on_progress && s->session->depth == 1)
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

/* Seconds; a date is as good as none. */
static void on_retry_after(struct http_transfer *t, const char *value)
{
	if (str_to_u32(value, &t->state->retry_after_s) < 0)
		t->state->retry_after_s = 0;
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

/* RFC 7234 §5.5: 299 - "text" */
static void on_warning(struct http_transfer *t, const char *value)
{
	const char *text = strchr(value, '"');
	char shown[256];

	if (!str_skip_prefix(value, "299 ") || !text || !t->state->session->on_note)
		return;
	str_printable(text + 1, shown, sizeof(shown));
	shown[strcspn(shown, "\"")] = '\0';
	t->state->session->on_note(shown, t->state->session->arg);
}

static const struct {
	const char *name;
	void (*take)(struct http_transfer *t, const char *value);
} headers[] = {
	{ "content-type", on_content_type },
	{ "docker-content-digest", on_content_digest },
	{ "location", on_location },
	{ "content-range", on_content_range },
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

/* ---- whom it connects to ---- */

static char *url_part(const char *url, CURLUPart part)
{
	char *text = NULL, *copy = NULL;
	CURLU *u = curl_url();

	if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
		curl_url_get(u, part, &text, CURLU_DEFAULT_PORT) == CURLUE_OK)
		copy = strdup(text);
	curl_free(text);
	curl_url_cleanup(u);
	return copy;
}

static bool is_same_part(const char *a, const char *b, CURLUPart part)
{
	cleanup_free char *of_a = url_part(a, part), *of_b = url_part(b, part);

	return of_a && of_b && strcasecmp(of_a, of_b) == 0;
}

bool http_is_same_origin(const char *a, const char *b)
{
	return is_same_part(a, b, CURLUPART_SCHEME) &&
	       is_same_part(a, b, CURLUPART_HOST) && is_same_part(a, b, CURLUPART_PORT);
}

bool http_is_at_endpoint(const struct http_transfer *t)
{
	const struct registry_endpoint *endpoint = http_endpoint(t);
	cleanup_free char *plain = NULL;

	if (!endpoint)
		return false;
	if (t->state->session->endpoints[t->endpoint].is_plain &&
		!str_skip_prefix(endpoint->url, "http://")) {
		plain = str_printf("http://%s", strstr(endpoint->url, "://") + 3);
		return plain && http_is_same_origin(t->state->url, plain);
	}
	return http_is_same_origin(t->state->url, endpoint->url);
}

/* A host that the person named, in the reference or in the configuration. */
static bool is_named_host(const struct http_transfer *t)
{
	const struct registry_access *access = t->state->session->access;

	if (t->url && !t->is_untrusted &&
		is_same_part(t->state->url, t->url, CURLUPART_HOST))
		return true;
	for (size_t i = 0; i < access->endpoints.count; i++) {
		if (is_same_part(t->state->url, access->endpoints.items[i].url,
			    CURLUPART_HOST))
			return true;
	}
	return false;
}

static bool may_connect(const struct http_transfer *t, const struct sockaddr *address)
{
	const struct registry_access *access = t->state->session->access;

	return is_named_host(t) || !address_is_local(address) ||
	       address_is_in(address, access->allow_addresses);
}

static curl_socket_t on_socket(
	void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_transfer *t = arg;
	bool is_proxied = !str_empty(t->state->session->access->proxy);

	if (!is_proxied && !may_connect(t, &address->addr)) {
		(void)address_text(&address->addr, t->state->refused);
		return CURL_SOCKET_BAD;
	}
	return socket(
		address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* A proxy connects for us: then only what the URL itself says can be checked. */
static int check_literal(struct http_transfer *t, struct err *err)
{
	cleanup_free char *host = url_part(t->state->url, CURLUPART_HOST);
	struct sockaddr_storage address;

	if (!host)
		return err_say(err, EINVAL, "%.200s is no URL", t->state->url);
	if (!address_of_literal(host, &address) ||
		may_connect(t, (const struct sockaddr *)&address))
		return 0;
	(void)err_say(err, EACCES, "it leads to %s, an address that is not public", host);
	return err_hint(err,
		"If that is meant, list the network in allow_addresses of registries.json.");
}

/* ---- the request ---- */

static int make_url(struct http_transfer *t, struct err *err)
{
	const struct registry_endpoint *endpoint = http_endpoint(t);
	struct http_state *s = t->state;
	const char *base;

	if (s->url)
		return 0;
	if (!endpoint)
		return str_set(&s->url, t->url) < 0 ? err_oom(err) : 0;
	base = endpoint->url;
	if (s->session->endpoints[t->endpoint].is_plain)
		s->url = str_printf("http://%s%s", strstr(base, "://") + 3, t->path);
	else
		s->url = str_printf("%s%s", base, t->path);
	if (s->url && endpoint->is_mirror) {
		cleanup_free char *bare = take_ptr(s->url);

		s->url = str_printf("%s?ns=%s", bare, s->session->access->host);
	}
	return s->url ? 0 : err_oom(err);
}

static int add_header(struct http_state *s, const char *name, const char *value)
{
	cleanup_free char *line = value ? str_printf("%s: %s", name, value) : NULL;
	struct curl_slist *grown;

	if (!value)
		return 0;
	grown = line ? curl_slist_append(s->headers, line) : NULL;
	if (!grown)
		return -ENOMEM;
	s->headers = grown;
	return 0;
}

static int add_headers(struct http_transfer *t, struct err *err)
{
	struct http_state *s = t->state;
	const char *authorization = t->authorization;
	int r = 0;

	curl_slist_free_all(take_ptr(s->headers));
	if (!authorization && http_is_at_endpoint(t))
		r = registry_auth_header(s->session->endpoints[t->endpoint].auth,
			s->session, &authorization, err);
	if (r < 0)
		return r;
	if (t->authorization && t->url && !http_is_same_origin(s->url, t->url))
		authorization = NULL;
	if (add_header(s, "Accept", t->accept) < 0 ||
		add_header(s, "Authorization", authorization) < 0)
		return err_oom(err);
	return 0;
}

static void set_pem(struct http_transfer *t, size_t n, CURLoption option)
{
	int fd = t->state->session->endpoints[t->endpoint].pem_fds[n];
	char path[48];

	if (fd < 0)
		return;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	(void)curl_easy_setopt(t->state->easy, option, path);
}

static void set_tls(struct http_transfer *t)
{
	const struct registry_endpoint *endpoint = http_endpoint(t);
	struct http_state *s = t->state;

	if (!endpoint || !http_is_at_endpoint(t))
		return;
	set_pem(t, 0, CURLOPT_CAINFO);
	set_pem(t, 1, CURLOPT_SSLCERT);
	set_pem(t, 2, CURLOPT_SSLKEY);
	if (!endpoint->is_unverified)
		return;
	(void)curl_easy_setopt(s->easy, CURLOPT_SSL_VERIFYPEER, 0L);
	(void)curl_easy_setopt(s->easy, CURLOPT_SSL_VERIFYHOST, 0L);
}

static void set_transport(struct http_transfer *t)
{
	const struct registry_access *access = t->state->session->access;
	const struct registry_endpoint *endpoint = http_endpoint(t);
	CURL *easy = t->state->easy;
	bool may_use_http = endpoint ? endpoint->may_use_http
				     : !t->url || str_skip_prefix(t->url, "http://");

	(void)curl_easy_setopt(
		easy, CURLOPT_PROTOCOLS_STR, may_use_http ? "http,https" : "https");
	(void)curl_easy_setopt(easy, CURLOPT_PROXY, access->proxy ? access->proxy : "");
	/* Hosts that nobody named are not reached around the proxy. */
	(void)curl_easy_setopt(easy, CURLOPT_NOPROXY,
		access->no_proxy && is_named_host(t) ? access->no_proxy : "");
	(void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	(void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t);
	(void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	(void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, STALLED_BYTES);
	(void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, STALLED_SECONDS);
	if (t->body.text)
		(void)curl_easy_setopt(easy, CURLOPT_TIMEOUT, DOCUMENT_SECONDS);
	(void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
	(void)curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L); /* for a stream of HTTP/2 */
	if (access->rate_bytes)
		(void)curl_easy_setopt(easy, CURLOPT_MAX_RECV_SPEED_LARGE,
			(curl_off_t)(access->rate_bytes / access->max_concurrent + 1));
	set_tls(t);
}

static void set_request(struct http_transfer *t)
{
	struct http_state *s = t->state;
	char range[32];

	(void)curl_easy_setopt(s->easy, CURLOPT_URL, s->url);
	(void)curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers);
	(void)curl_easy_setopt(s->easy, CURLOPT_USERAGENT, "ucr/" PACKAGE_VERSION);
	(void)curl_easy_setopt(s->easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(s->easy, CURLOPT_ERRORBUFFER, s->curl_text);
	(void)curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, t);
	(void)curl_easy_setopt(s->easy, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(s->easy, CURLOPT_HEADERDATA, t);
	if (t->post)
		(void)curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, t->post);
	if (!t->body.offset)
		return;
	(void)snprintf(range, sizeof(range), "%" PRIu64 "-", t->body.offset);
	(void)curl_easy_setopt(s->easy, CURLOPT_RANGE, range);
}

static void forget_answer(struct http_transfer *t)
{
	struct http_state *s = t->state;

	t->status = 0;
	free(take_ptr(t->content_type));
	free(take_ptr(t->content_digest));
	free(take_ptr(s->location));
	auth_challenge_done(&s->challenge);
	buf_reset(&s->problem);
	s->refused[0] = s->curl_text[0] = '\0';
	s->header_bytes = 0;
	s->retry_after_s = 0;
	s->has_range = false;
	s->failure = 0;
	s->progress_offset = UINT64_MAX;
	if (!t->body.offset)
		hash_init(&t->body.hash);
}

int http_setup(struct http_transfer *t, struct err *err)
{
	struct http_state *s = t->state;
	int r;

	r = make_url(t, err);
	if (r == 0)
		r = check_literal(t, err);
	if (r == 0)
		r = add_headers(t, err);
	if (r < 0)
		return r;
	forget_answer(t);
	s->asked_offset = t->body.offset;
	curl_easy_reset(s->easy);
	(void)curl_easy_setopt(s->easy, CURLOPT_PRIVATE, (char *)t);
	set_request(t);
	set_transport(t);
	return 0;
}
