/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ucr-net: the one program that configures the host's network; see agentd/net-proto.h for what
 * is said to it. It holds a socket, its netlink sockets and /proc/sys/net, and nothing else.
 */
#include "agentd/net-confine.h"
#include "agentd/net-proto.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/ipc.h"
#include "common/loop.h"
#include "images/helper.h"
#include "isolators/network-host.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

struct service {
	struct network_host host;
	struct loop *loop;
	struct ipc_msg msg;
};

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

static int send_done(int fd, const struct notes *notes)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_object(&w, NULL);
	jw_strv(&w, "notes", notes->lines);
	jw_object_end(&w);
	if (buf_finish(&b) < 0)
		return -ENOMEM;
	return ipc_send(fd, NET_DONE, b.data, b.len, NULL, 0);
}

static int answer(struct service *service, int fd)
{
	struct notes notes = { 0 };
	struct err err = { 0 };
	int r = run_op(&service->host, &service->msg, &notes, &err);

	r = r < 0 ? ipc_send_err(fd, NET_ERROR, &err) : send_done(fd, &notes);
	notes_done(&notes);
	return r;
}

/* ---- clients -------------------------------------------------------------------------- */

struct client {
	struct service *service;
	struct loop_source *source;
	int fd;
};

static void drop(struct client *client)
{
	loop_remove(client->source);
	(void)close(client->fd);
	free(client);
}

/* One that does not take its answer is not waited for. */
static int on_client(struct loop_source *source, uint32_t events, void *arg)
{
	struct client *client = arg;
	struct ipc_msg *msg = &client->service->msg;
	int r = ipc_recv(client->fd, msg);

	if (r == -EAGAIN)
		return 0;
	if (r > 0) {
		r = answer(client->service, client->fd);
		ipc_msg_done(msg);
		if (r == 0)
			return 0;
	}
	drop(client);
	return 0;
}

/* Without the descriptor, or the memory, it finds its end closed. */
static void add_client(struct service *service)
{
	struct client *client = calloc(1, sizeof(*client));
	struct ipc_msg *msg = &service->msg;

	if (!client || msg->fd_count != 1 || fd_set_nonblock(msg->fds[0], true) < 0 ||
		loop_add_fd(service->loop, msg->fds[0], EPOLLIN, on_client, client,
			&client->source) < 0) {
		free(client);
		return;
	}
	client->service = service;
	client->fd = take_fd(&msg->fds[0]);
}

/* The first, without whom there is nothing to do. */
static int on_engine(struct loop_source *source, uint32_t events, void *arg)
{
	struct service *service = arg;
	int r = ipc_recv(HELPER_SOCKET_FD, &service->msg);

	if (r == 0)
		loop_stop(service->loop);
	if (r <= 0)
		return r;
	if (service->msg.type == NET_CLIENT)
		add_client(service);
	else
		r = answer(service, HELPER_SOCKET_FD);
	ipc_msg_done(&service->msg);
	return r < 0 ? r : 0;
}

static int open_service(struct service *service, struct err *err)
{
	struct loop_source *source;
	int r = network_host_open(&service->host, err);

	if (r < 0)
		return r;
	r = loop_new(&service->loop);
	if (r == 0)
		r = loop_add_fd(service->loop, HELPER_SOCKET_FD, EPOLLIN, on_engine,
			service, &source);
	return r < 0 ? err_set(err, -r, "make a loop") : net_confine(err);
}

int main(void)
{
	struct service *service = calloc(1, sizeof(*service));
	struct err err = { 0 };
	int r;

	if (!service)
		return EXIT_FAILURE;
	service->host = (struct network_host)NETWORK_HOST_INIT;
	(void)close_range(HELPER_SOCKET_FD + 1, ~0U, 0);
	r = open_service(service, &err);
	if (r < 0)
		(void)!ipc_send_err(HELPER_SOCKET_FD, NET_ERROR, &err);
	else
		r = loop_run(service->loop);
	network_host_close(&service->host);
	loop_free(service->loop);
	free(service);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
