/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ucr-net: the one program that configures the host's network; see agentd/net-proto.h for what
 * is said to it. It holds a socket, its netlink sockets and /proc/sys/net, and nothing else.
 */
#include "agentd/net-confine.h"
#include "agentd/net-proto.h"
#include "common/cleanup.h"
#include "common/ipc.h"
#include "images/helper.h"
#include "isolators/network-host.h"

#include <errno.h>
#include <string.h>

static int attach(struct network_host *host, const struct network *network,
	const struct ipc_msg *msg, struct notes *notes, struct err *err)
{
	if (msg->fd_count != 1)
		return err_say(
			err, EPROTO, "the request came without a network namespace");
	return network_attach(host, network, msg->fds[0], notes, err);
}

static int detach(struct network_host *host, const struct network *network,
	const struct ipc_msg *msg, struct notes *notes, struct err *err)
{
	(void)msg;
	(void)notes;
	return network_detach(host, network, err);
}

static const struct op {
	uint32_t type;
	int (*run)(struct network_host *host, const struct network *network,
		const struct ipc_msg *msg, struct notes *notes, struct err *err);
} ops[] = {
	{ NET_ATTACH, attach },
	{ NET_DETACH, detach },
	{ 0 },
};

static int run_op(struct network_host *host, const struct ipc_msg *msg,
	struct notes *notes, struct err *err)
{
	cleanup_network struct network network = { 0 };
	int r;

	for (const struct op *op = ops; op->run; op++) {
		if (op->type != msg->type)
			continue;
		r = network_parse(msg->data, msg->len, &network, err);
		return r < 0 ? r : op->run(host, &network, msg, notes, err);
	}
	return err_say(err, EPROTO, "the request is for something unknown");
}

static int send_done(const struct notes *notes)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_object(&w, NULL);
	jw_strv(&w, "notes", notes->lines);
	jw_object_end(&w);
	if (buf_finish(&b) < 0)
		return -ENOMEM;
	return ipc_send(HELPER_SOCKET_FD, NET_DONE, b.data, b.len, NULL, 0);
}

static int answer(struct network_host *host, struct ipc_msg *msg)
{
	struct notes notes = { 0 };
	struct err err = { 0 };
	int r;

	r = run_op(host, msg, &notes, &err);
	ipc_msg_done(msg);
	r = r < 0 ? ipc_send_err(HELPER_SOCKET_FD, NET_ERROR, &err) : send_done(&notes);
	notes_done(&notes);
	return r;
}

static int serve(struct network_host *host, struct ipc_msg *msg)
{
	int r;

	do {
		r = ipc_recv(HELPER_SOCKET_FD, msg);
		if (r > 0)
			r = answer(host, msg) < 0 ? -EPIPE : 1;
	} while (r > 0);
	return r;
}

int main(void)
{
	cleanup_network_host struct network_host host = NETWORK_HOST_INIT;
	cleanup_free struct ipc_msg *msg = calloc(1, sizeof(*msg));
	struct err err = { 0 };
	int r;

	if (!msg)
		return EXIT_FAILURE;
	(void)close_range(HELPER_SOCKET_FD + 1, ~0U, 0);
	r = network_host_open(&host, &err);
	if (r == 0)
		r = net_confine(&err);
	if (r < 0) {
		(void)!ipc_send_err(HELPER_SOCKET_FD, NET_ERROR, &err);
		return EXIT_FAILURE;
	}
	return serve(&host, msg) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
