/* SPDX-License-Identifier: Apache-2.0 */
/* One request: its URL, headers, certificates, and whom it connects to. */
#include "images/http-private.h"
#include "images/registry-auth.h"

#include "common/cleanup.h"
#include "common/url.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#define CONNECT_SECONDS 15L
#define STALLED_BYTES 1000L /* a second, or less */
#define DOCUMENT_SECONDS 60L
#define BUFFER_BYTES (256L << 10)

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

bool http_is_same_place(const char *a, const char *b)
{
	return http_is_same_origin(a, b) && is_same_part(a, b, CURLUPART_PATH);
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

	if (access->is_hearsay)
		return false;
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

/* "": none. */
static const char *proxy_of(const struct http_transfer *t)
{
	const struct registry_access *access = t->state->session->access;
	const char *proxy = str_skip_prefix(t->state->url, "https://")
				    ? access->https_proxy
				    : access->http_proxy;

	return proxy ? proxy : "";
}

static curl_socket_t on_socket(
	void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_transfer *t = arg;
	bool is_proxied = !str_empty(proxy_of(t));

	if (!is_proxied && !may_connect(t, &address->addr)) {
		(void)address_text(&address->addr, t->state->refused);
		return CURL_SOCKET_BAD;
	}
	t->state->is_let_through = true;
	return socket(
		address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

int http_check_literal(struct http_transfer *t, struct err *err)
{
	cleanup_free char *host = url_part(t->state->url, CURLUPART_HOST);
	struct sockaddr_storage address;

	if (!host)
		return err_say(err, EINVAL, "%s is no URL", t->state->url_text);
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

		s->url = str_printf("%s%cns=%s", bare, strchr(bare, '?') ? '&' : '?',
			s->session->access->host);
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
	struct registry_auth *auth;
	int r = 0;

	curl_slist_free_all(take_ptr(s->headers));
	if (!authorization && http_is_at_endpoint(t)) {
		auth = s->session->endpoints[t->endpoint].auth;
		r = registry_auth_header(auth, s->session, &authorization, err);
		s->shown = registry_auth_number(auth);
	}
	if (r < 0)
		return r;
	if (t->authorization && t->url && !http_is_same_origin(s->url, t->url))
		authorization = NULL;
	if (add_header(s, "Accept", t->accept) < 0 ||
		add_header(s, "Authorization", authorization) < 0 ||
		add_header(s, "If-Range",
			s->asked_offset ? http_resume_condition(t) : NULL) < 0)
		return err_oom(err);
	return 0;
}

static void set_pem(struct http_transfer *t, size_t endpoint, size_t n, CURLoption option)
{
	int fd = t->state->session->endpoints[endpoint].pem_fds[n];
	char path[48];

	if (fd < 0)
		return;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	(void)curl_easy_setopt(t->state->easy, option, path);
}

/* The endpoint that is spoken to. A whole URL gets no credentials of one, but who vouches for a
 * host is the host's matter. False: another host. */
static bool find_endpoint(const struct http_transfer *t, size_t *ret)
{
	const struct registry_access *access = t->state->session->access;

	*ret = t->endpoint;
	if (!t->url)
		return http_is_at_endpoint(t);
	for (*ret = 0; *ret < access->endpoints.count; ++*ret) {
		if (http_is_same_origin(t->state->url, access->endpoints.items[*ret].url))
			return true;
	}
	return false;
}

static void set_tls(struct http_transfer *t)
{
	struct http_state *s = t->state;
	size_t endpoint;

	if (!find_endpoint(t, &endpoint))
		return;
	set_pem(t, endpoint, 0, CURLOPT_CAINFO);
	set_pem(t, endpoint, 1, CURLOPT_SSLCERT);
	set_pem(t, endpoint, 2, CURLOPT_SSLKEY);
	if (!s->session->access->endpoints.items[endpoint].is_unverified)
		return;
	(void)curl_easy_setopt(s->easy, CURLOPT_SSL_VERIFYPEER, 0L);
	(void)curl_easy_setopt(s->easy, CURLOPT_SSL_VERIFYHOST, 0L);
}

/* Slower than that is no link, unless it is slow because it was told to be. */
static long stalled_bytes(const struct registry_access *access)
{
	uint64_t share = access->rate_bytes / (2 * access->max_concurrent) + 1;

	return access->rate_bytes && share < STALLED_BYTES ? (long)share : STALLED_BYTES;
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
	(void)curl_easy_setopt(easy, CURLOPT_PROXY, proxy_of(t));
	(void)curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	/* Hosts that nobody named are not reached around the proxy. */
	(void)curl_easy_setopt(easy, CURLOPT_NOPROXY,
		access->no_proxy && is_named_host(t) ? access->no_proxy : "");
	(void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	(void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t);
	(void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	(void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, stalled_bytes(access));
	(void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)access->stall_seconds);
	if (t->body.text)
		(void)curl_easy_setopt(easy, CURLOPT_TIMEOUT, DOCUMENT_SECONDS);
	(void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
	(void)curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L); /* for a stream of HTTP/2 */
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
	if (t->post)
		(void)curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, t->post);
	if (!s->asked_offset)
		return;
	(void)snprintf(range, sizeof(range), "%" PRIu64 "-", s->asked_offset);
	(void)curl_easy_setopt(s->easy, CURLOPT_RANGE, range);
}

int http_setup(struct http_transfer *t, struct err *err)
{
	struct http_state *s = t->state;
	int r;

	r = make_url(t, err);
	if (r == 0)
		(void)url_shown(s->url, s->url_text, sizeof(s->url_text));
	if (r == 0)
		r = http_check_literal(t, err);
	if (r < 0)
		return r;
	s->asked_offset = http_resume_at(t);
	r = add_headers(t, err);
	if (r < 0)
		return r;
	curl_easy_reset(s->easy);
	http_receive(t);
	(void)curl_easy_setopt(s->easy, CURLOPT_PRIVATE, (char *)t);
	set_request(t);
	set_transport(t);
	return 0;
}
