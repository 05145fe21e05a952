/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/dns.h"

#include "common/cleanup.h"
#include "images/helper.h"

#include <errno.h>
#include <sys/epoll.h>

/* Without the engine there is nothing to do. */
static int on_engine(struct loop_source *source, uint32_t events, void *arg)
{
	struct dns_server *server = arg;
	int r = ipc_recv(server->engine_fd, &server->msg);

	if (r == 0)
		loop_stop(server->loop);
	if (r <= 0)
		return r;
	r = dns_server_take(server, &server->msg);
	ipc_msg_done(&server->msg);
	return r;
}

static int run(struct dns_server *server, struct err *err)
{
	struct loop_source *source;
	int r = loop_new(&server->loop);

	if (r < 0)
		return err_set(err, -r, "make a loop");
	server->engine_fd = HELPER_SOCKET_FD;
	r = dns_server_start(server, err);
	if (r == 0)
		r = dns_confine(err);
	if (r < 0)
		return r;
	r = loop_add_fd(
		server->loop, server->engine_fd, EPOLLIN, on_engine, server, &source);
	if (r == 0)
		r = loop_run(server->loop);
	return r < 0 ? err_set(err, -r, "serve names") : 0;
}

int main(void)
{
	struct dns_server *server = calloc(1, sizeof(*server));
	struct err err = { 0 };
	int r = server ? run(server, &err) : err_oom(&err);

	if (r < 0)
		(void)!ipc_send_err(HELPER_SOCKET_FD, DNS_ERROR, &err);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
