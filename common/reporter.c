/* SPDX-License-Identifier: Apache-2.0 */
#include "common/reporter.h"

#include "common/cleanup.h"
#include "common/str.h"

#include <errno.h>
#include <inttypes.h>

#define SCHEME "graphite=tcp://"
#define PORT_DEFAULT "2003"
#define INTERVAL_MS_DEFAULT 10000
#define INTERVAL_MS_MIN 1000
#define INTERVAL_MS_MAX 86400000
#define PREFIX_MAX 200
#define NODE_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

void reporter_done(struct reporter *reporter)
{
	free(reporter->host);
	free(reporter->port);
	free(reporter->prefix);
	*reporter = (struct reporter){ 0 };
}

static int take_prefix(const char *text, struct reporter *to)
{
	for (const char *node = text;; node++) {
		size_t len = strspn(node, NODE_CHARS);

		if (!len || (node[len] && node[len] != '.'))
			return -EINVAL;
		node += len;
		if (!*node)
			break;
	}
	return strlen(text) > PREFIX_MAX ? -EINVAL : str_set(&to->prefix, text);
}

static int take_interval(const char *text, struct reporter *to)
{
	if (str_to_ms(text, &to->interval_ms) < 0 || to->interval_ms < INTERVAL_MS_MIN ||
		to->interval_ms > INTERVAL_MS_MAX)
		return -EINVAL;
	return 0;
}

static const struct {
	const char *key; /* with its "=" */
	int (*take)(const char *text, struct reporter *to);
	const char *want;
} keys[] = {
	{ "prefix=", take_prefix,
		"names of letters, digits, _ and - with dots between, at most 200 characters" },
	{ "interval=", take_interval, "a time from 1 second to a day, as 10 or 1m" },
};

static int take_pair(const char *pair, struct reporter *to, struct err *err)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *value = str_skip_prefix(pair, keys[i].key);
		int r;

		if (!value)
			continue;
		r = keys[i].take(value, to);
		return r == -EINVAL
			       ? err_say(err, EINVAL, "%s: want %s", pair, keys[i].want)
			       : r;
	}
	return err_say(err, EINVAL, "%s: want prefix=PREFIX or interval=TIME", pair);
}

static int take_pairs(const char *text, struct reporter *to, struct err *err)
{
	int r = 0;

	while (r == 0 && *text) {
		size_t len = strcspn(text, "&");
		cleanup_free char *pair = strndup(text, len);

		r = pair ? take_pair(pair, to, err) : -ENOMEM;
		text += len + (text[len] == '&');
	}
	return r;
}

static bool is_port(const char *text)
{
	uint32_t port;

	return str_to_u32(text, &port) == 0 && port > 0 && port <= 65535;
}

/* "name:port", "192.0.2.1", "[2001:db8::1]:port". */
static int take_address(
	const char *text, size_t len, struct reporter *to, struct err *err)
{
	cleanup_free char *address = strndup(text, len);
	char *host = address, *port;

	if (!address)
		return -ENOMEM;
	if (*host == '[') {
		host++;
		port = strchr(host, ']');
		if (!port || (port[1] && port[1] != ':'))
			return err_say(err, EINVAL, "%s: want [ADDRESS]:PORT", address);
		*port++ = '\0';
	} else {
		port = host + strcspn(host, ":");
	}
	if (*port == ':')
		*port++ = '\0';
	else
		port = NULL;
	if (!*host || host[strcspn(host, " \t\r\n/?#@")] || (port && !is_port(port)))
		return err_say(err, EINVAL, "want HOST or HOST:PORT after tcp://");
	return str_set(&to->host, host) < 0
		       ? -ENOMEM
		       : str_set(&to->port, port ? port : PORT_DEFAULT);
}

static int set_default_prefix(const char *host_name, struct reporter *to)
{
	to->prefix = str_printf("ucr.%s", host_name);
	if (!to->prefix)
		return -ENOMEM;
	for (char *c = to->prefix + 4; *c; c++) {
		if (!strchr(NODE_CHARS, *c))
			*c = '_';
	}
	return 0;
}

static int parse(
	const char *text, const char *host_name, struct reporter *to, struct err *err)
{
	const char *address = str_skip_prefix(text, SCHEME);
	size_t len;
	int r;

	if (!address)
		return err_say(err, EINVAL,
			"want " SCHEME "HOST:2003/prefix=PREFIX&interval=10");
	len = strcspn(address, "/");
	to->interval_ms = INTERVAL_MS_DEFAULT;
	r = take_address(address, len, to, err);
	if (r == 0 && address[len])
		r = take_pairs(address + len + 1, to, err);
	if (r == 0 && !to->prefix)
		r = set_default_prefix(host_name, to);
	return r;
}

int reporter_parse(
	const char *text, const char *host_name, struct reporter *ret, struct err *err)
{
	struct reporter reporter = { 0 };
	int r = parse(text, host_name, &reporter, err);

	if (r == 0)
		*ret = reporter;
	else
		reporter_done(&reporter);
	return r == -ENOMEM ? err_oom(err) : r;
}

void reporter_write(
	struct json_writer *w, const char *key, const struct reporter *reporter)
{
	bool has_colon = strchr(reporter->host, ':');
	cleanup_free char *text = str_printf(
		SCHEME "%s%s%s:%s/prefix=%s&interval=%" PRIu64 "%s", has_colon ? "[" : "",
		reporter->host, has_colon ? "]" : "", reporter->port, reporter->prefix,
		reporter->interval_ms % 1000 ? reporter->interval_ms
					     : reporter->interval_ms / 1000,
		reporter->interval_ms % 1000 ? "ms" : "");

	jw_string(w, key, text);
}
