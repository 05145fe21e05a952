/* SPDX-License-Identifier: Apache-2.0 */
/* What the host says of registries besides registries.json. */
#include "images/registries.h"

#include <stdlib.h>

static const char *from_env(const char *name)
{
	const char *value = getenv(name);

	return str_empty(value) ? NULL : value;
}

static const char *first_from_env(const char *const *names)
{
	for (; *names; names++) {
		if (from_env(*names))
			return from_env(*names);
	}
	return NULL;
}

void registries_find_proxies(struct registries_paths *ret)
{
	static const char *const https[] = { "https_proxy", "HTTPS_PROXY", "all_proxy",
		"ALL_PROXY", NULL };
	static const char *const http[] = { "http_proxy", "HTTP_PROXY", "all_proxy",
		"ALL_PROXY", NULL };
	static const char *const cgi[] = { "http_proxy", "all_proxy", "ALL_PROXY", NULL };
	static const char *const none[] = { "no_proxy", "NO_PROXY", NULL };

	ret->https_proxy = first_from_env(https);
	/* In a CGI program HTTP_PROXY is the header "Proxy" of whoever sent the request. */
	ret->http_proxy = first_from_env(from_env("REQUEST_METHOD") ? cgi : http);
	ret->no_proxy = first_from_env(none);
}

int registries_add_certs(strv *ret)
{
	int r = strv_add(ret, "/etc/containers/certs.d");

	return r < 0 ? r : strv_add(ret, "/etc/docker/certs.d");
}
