/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a registry is reached: the endpoints to try, certificates, proxies, and which addresses
 * are allowed. It comes from one configuration file, registries.json:
 *
 *   { "registries": { "HOST[:PORT]": {
 *         "mirrors": ["https://mirror.example:5000"],   tried first, in this order
 *         "insecure": false,      plain http, and certificates that nobody vouches for
 *         "ca": FILE, "cert": FILE, "key": FILE } },    PEM; absolute paths
 *     "proxy": URL, "no_proxy": "host,.domain",         default: the usual variables
 *     "allow_addresses": ["10.0.0.0/8"],  private networks that redirects may lead to
 *     "max_concurrent": 3, "rate": "10m",               layers at once, bytes a second
 *     "stall_seconds": 20,                with less than 1 KB a second, before it is given up
 *     "trusted_keys": FILE }           who may sign App Container Images: then all must be signed
 *
 * Registries on this host (localhost, 127.0.0.0/8, ::1) may be spoken to in plain http without
 * being listed. Certificates are also taken from certs.d/HOST:PORT/ in docker's and podman's
 * directories: *.crt, *.cert with *.key.
 *
 * What is read here goes to ucr-fetch, which reads no configuration: registry_access_write()
 * and registry_access_parse() are the two ends of that.
 */
#ifndef UCR_IMAGES_REGISTRIES_H
#define UCR_IMAGES_REGISTRIES_H

#include "common/cleanup.h"
#include "common/err.h"
#include "common/json.h"
#include "common/str.h"

#define REGISTRY_CONCURRENT_DEFAULT 3
#define REGISTRY_CONCURRENT_MAX 16
#define REGISTRY_STALL_DEFAULT_S 20
#define REGISTRY_STALL_MAX_S 3600

struct registry_endpoint {
	char *url; /* "https://host[:port]", without a slash at the end */
	bool is_mirror;
	bool may_use_http;
	bool is_unverified; /* any certificate will do */
	char *username, *password;
	char *identity_token;  /* instead of a password, for a token service */
	char *ca, *cert, *key; /* PEM texts */
};

struct registry_access {
	char *host;	 /* as in references: "docker.io", "localhost:5000" */
	bool is_listed;	 /* the configuration has an entry for it */
	bool is_hearsay; /* only an image says its name: it may not be local */
	struct {
		struct registry_endpoint *items;
		size_t count;
	} endpoints; /* mirrors first, the registry itself last */
	char *http_proxy, *https_proxy, *no_proxy; /* by what is asked for over them */
	strv allow_addresses;
	uint32_t max_concurrent;
	uint32_t stall_seconds; /* a download that hardly moves for so long is given up */
	uint64_t rate_bytes;	/* of all layers together; 0: no limit */
};

#define cleanup_access cleanup_with(registry_access_done)
void registry_access_done(struct registry_access *access);

struct registries_paths {
	char *const *config; /* registries.json files; the first that exists counts */
	char *const *certs;  /* certs.d directories */
	/* Of the environment. Registries on this host are not reached by them, as for docker and
	 * podman; one that the configuration names is for all. */
	const char *http_proxy, *https_proxy, *no_proxy;
	bool is_config_required; /* the person named the file: it must exist */
};

/* What the host says: the file for everybody, the proxies of the environment (borrowed from it), and
 * podman's and docker's directories of certificates. */
#define REGISTRIES_CONFIG SYSCONFDIR "/ucr/registries.json"
void registries_find_proxies(struct registries_paths *ret);
int registries_add_certs(strv *ret) __attribute__((warn_unused_result));

/* How `host` (of a full reference) is reached. Without credentials. */
int registries_load(const struct registries_paths *paths, const char *host,
	struct registry_access *ret, struct err *err) __attribute__((warn_unused_result));

/* The keyring of "trusted_keys", or NULL. */
int registries_trusted_keys(const struct registries_paths *paths, char **ret,
	struct err *err) __attribute__((warn_unused_result));

/* True for localhost and addresses of this host alone; `host` may have a port. */
bool registry_host_is_loopback(const char *host);

/* The object's members; stands between jw_object() and jw_object_end(). */
void registry_access_write(struct json_writer *w, const struct registry_access *access);
int registry_access_parse(const struct json *v, struct registry_access *ret,
	struct err *err) __attribute__((warn_unused_result));

#endif
