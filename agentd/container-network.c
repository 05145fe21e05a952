/* SPDX-License-Identifier: Apache-2.0 */
/* network.json: there as long as a container holds something of the host's network. */
#include "agentd/container-network.h"

#include "agentd/container-private.h"
#include "agentd/network-client.h"
#include "agentd/network.h"
#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>

#define NETWORK_FILE "network.json"

bool container_has_network(const struct container *container)
{
	return faccessat(container->dirfd, NETWORK_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int container_network(
	const struct container *container, struct network *ret, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	if (container->dirfd < 0)
		return container->network ? network_parse(container->network,
						    strlen(container->network), ret, err)
					  : -ENOENT;
	r = fd_read_file(container->dirfd, NETWORK_FILE, CONTAINER_FILE_MAX, &text, &len);
	if (r == -ENOENT)
		return r;
	if (r < 0)
		return err_set(err, -r, "read " NETWORK_FILE);
	return network_parse(text, len, ret, err);
}

int container_save_network(
	const struct container *container, const struct network *network, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int r;

	jw_object(&w, NULL);
	network_write(&w, network);
	jw_object_end(&w);
	buf_putc(&b, '\n');
	if (buf_finish(&b) < 0)
		return err_oom(err);
	r = fd_replace_file(
		container->dirfd, NETWORK_FILE, b.data, b.len, 0600, FD_NO_SYNC);
	return r < 0 ? err_set(err, -r, "write " NETWORK_FILE) : 0;
}

void container_forget_network(struct engine *engine, const struct container *container,
	const struct network *network)
{
	network_lease_release(engine, network, container->id);
	(void)unlinkat(container->dirfd, NETWORK_FILE, 0);
}

static int detach(
	const struct engine *engine, const struct network *network, struct err *err)
{
	cleanup_network_client struct network_client client = NETWORK_CLIENT_NONE;
	int r;

	r = network_client_start(engine, &client, err);
	return r < 0 ? r
		     : network_client_ask(&client, NET_DETACH, network, -1, NULL, err);
}

int container_release_network(
	struct engine *engine, const struct container *container, struct err *err)
{
	cleanup_network struct network network = { 0 };
	int r;

	r = container_network(container, &network, err);
	if (r == -ENOENT)
		return 0;
	/* Written unflushed, so a power cut may have torn it: nothing is attached then, and the
	 * address is free once the directory is gone. */
	if (r == -EINVAL || r == -ERANGE) {
		(void)unlinkat(container->dirfd, NETWORK_FILE, 0);
		return 0;
	}
	if (r == 0)
		r = detach(engine, &network, err);
	if (r < 0)
		return err_wrap(err, "take the container off the network");
	container_forget_network(engine, container, &network);
	return 0;
}
