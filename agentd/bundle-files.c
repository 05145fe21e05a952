/* SPDX-License-Identifier: Apache-2.0 */
/* hosts, hostname and resolv.conf, as files of ours that are mounted over the image's. */
#include "agentd/bundle-private.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

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

static int write_hosts(int dirfd, const char *hostname, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;

	buf_printf(&b,
		"127.0.0.1\tlocalhost %s\n"
		"::1\tlocalhost ip6-localhost ip6-loopback %s\n",
		hostname, hostname);
	return write_text(dirfd, "hosts", &b, err);
}

static int write_hostname(int dirfd, const char *hostname, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;

	buf_printf(&b, "%s\n", hostname);
	return write_text(dirfd, "hostname", &b, err);
}

/* The host's own, where its network is shared. A host without one has no resolver to offer. */
static int write_resolv_conf(int dirfd, struct err *err)
{
	cleanup_close int fd =
		open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	cleanup_free char *text = NULL;
	size_t len = 0;
	int r = fd < 0 ? -errno : fd_read_all(fd, RESOLV_CONF_MAX, &text, &len);

	if (r < 0 && r != -ENOENT)
		return err_set(err, -r, "read /etc/resolv.conf");
	return write_file(dirfd, "resolv.conf", text ? text : "", len, err);
}

int bundle_write_files(const struct bundle_request *request, const struct bundle *bundle,
	int dirfd, struct err *err)
{
	const char *network = request->options->network;
	int r;

	r = write_hosts(dirfd, bundle->spec->hostname, err);
	if (r == 0)
		r = write_hostname(dirfd, bundle->spec->hostname, err);
	if (r == 0 && network && str_eq(network, "host"))
		r = write_resolv_conf(dirfd, err);
	return r;
}
