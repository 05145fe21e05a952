/* SPDX-License-Identifier: Apache-2.0 */
/* hosts, hostname and resolv.conf, as files of ours that are mounted over the image's. */
#include "agentd/bundle-private.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#define RESOLV_CONF "/etc/resolv.conf"
#define RESOLV_CONF_MAX (1U << 20)

static int write_file(
	int dirfd, const char *name, const char *text, size_t len, struct err *err)
{
	cleanup_close int fd = -1;
	int r = 0;

	fd = openat(
		dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set(err, errno, "make %s", name);
	if (fchmod(fd, 0644) < 0)
		return err_set(err, errno, "make %s", name);
	r = fd_write_all(fd, text, len);
	return r < 0 ? err_set(err, -r, "write %s", name) : 0;
}

static int write_text(int dirfd, const char *name, struct buf *text, struct err *err)
{
	if (buf_finish(text) < 0)
		return err_oom(err);
	return write_file(dirfd, name, text->data, text->len, err);
}

static void put_host(
	struct buf *b, const struct network_address *address, const char *hostname)
{
	char text[INET6_ADDRSTRLEN];

	buf_printf(b, "%s\t%s\n", network_address_text(address, text), hostname);
}

/* On a bridge the own name is the address that others reach it by. */
static void put_hosts(struct buf *b, const char *hostname, const struct network *network)
{
	const char *blank = network ? "" : " ", *local = network ? "" : hostname;

	buf_printf(b,
		"127.0.0.1\tlocalhost%s%s\n"
		"::1\tlocalhost ip6-localhost ip6-loopback%s%s\n",
		blank, local, blank, local);
	if (!network)
		return;
	put_host(b, &network->address, hostname);
	put_host(b, &network->address6, hostname);
}

static int write_hosts(
	int dirfd, const char *hostname, const struct network *network, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;

	put_hosts(&b, hostname, network);
	return write_text(dirfd, "hosts", &b, err);
}

/* In place: the file is mounted already. */
int bundle_rewrite_hosts(
	int dirfd, const char *hostname, const struct network *network, struct err *err)
{
	cleanup_close int fd =
		openat(dirfd, "hosts", O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
	cleanup_buf struct buf b = BUF_INIT;
	int r;

	if (fd < 0)
		return err_set(err, errno, "open hosts");
	put_hosts(&b, hostname, network);
	if (buf_finish(&b) < 0)
		return err_oom(err);
	r = fd_write_all(fd, b.data, b.len);
	return r < 0 ? err_set(err, -r, "write hosts") : 0;
}

static int write_hostname(int dirfd, const char *hostname, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;

	buf_printf(&b, "%s\n", hostname);
	return write_text(dirfd, "hostname", &b, err);
}

/* A host without one has no resolver to offer. */
static int read_resolv_conf(
	const char *path, char **ret, size_t *ret_len, struct err *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r = fd < 0 ? -errno : fd_read_all(fd, RESOLV_CONF_MAX, ret, ret_len);

	return r < 0 && r != -ENOENT ? err_set(err, -r, "read %s", path) : 0;
}

/* The host's own, where its network is shared. */
static int write_resolv_conf(int dirfd, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len = 0;
	int r = read_resolv_conf(RESOLV_CONF, &text, &len, err);

	return r < 0 ? r : write_file(dirfd, "resolv.conf", text ? text : "", len, err);
}

/* Where the host asks a resolver of its own, that one knows whom to ask in turn. */
static int write_own_resolv_conf(
	const struct bundle_request *request, int dirfd, struct err *err)
{
	char gateway[INET6_ADDRSTRLEN];
	char *own[] = { gateway, NULL };
	char *const *servers = request->options->dns;
	static const char *const paths[] = { RESOLV_CONF,
		"/run/systemd/resolve/resolv.conf" };
	cleanup_buf struct buf b = BUF_INIT;
	size_t len;
	int r = 1;

	if (request->network && request->has_names && !strv_len(servers)) {
		network_address_text(&request->network->gateway, gateway);
		servers = own;
	}
	for (size_t i = 0; r == 1 && i < sizeof(paths) / sizeof(paths[0]); i++) {
		cleanup_free char *text = NULL;

		buf_reset(&b);
		r = read_resolv_conf(paths[i], &text, &len, err);
		if (r < 0)
			return r;
		r = network_resolv_conf(text ? text : "", servers, &b);
	}
	if (r == 1)
		notes_add(request->notes,
			"no name server of this host can be reached from a bridge: name "
			"one with --dns");
	return write_text(dirfd, "resolv.conf", &b, err);
}

int bundle_write_files(const struct bundle_request *request, const struct bundle *bundle,
	int dirfd, struct err *err)
{
	enum network_mode mode = bundle_network_mode(request->options);
	int r;

	r = write_hosts(dirfd, bundle->spec->hostname, request->network, err);
	if (r == 0)
		r = write_hostname(dirfd, bundle->spec->hostname, err);
	if (r == 0 && mode == NETWORK_HOST && !strv_len(request->options->dns))
		r = write_resolv_conf(dirfd, err);
	else if (r == 0 && mode != NETWORK_NONE)
		r = write_own_resolv_conf(request, dirfd, err);
	return r;
}
