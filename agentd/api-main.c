/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/api.h"

#include "common/cleanup.h"
#include "common/json.h"
#include "images/helper.h"

#include <errno.h>
#include <sys/epoll.h>

struct role {
	struct loop *loop;
	struct api_server *server;
	struct ipc_msg msg;
	struct err err;
};

static int read_start(const struct ipc_msg *msg, uint32_t *ret_calls, struct err *err)
{
	static const struct json_field fields[] = { { "calls", json_u32, 0, true },
		{ 0 } };
	cleanup_json struct json_doc *doc = NULL;
	int r;

	if (msg->type != AGENT_START || msg->fd_count > 1)
		return err_say(err, EPROTO, "the engine did not begin with START");
	r = json_parse(msg->data, msg->len, &doc, err);
	return r < 0 ? r : json_decode(json_root(doc), fields, ret_calls, err);
}

static int start(struct role *role, struct err *err)
{
	uint32_t calls_max = 0;
	int r = ipc_recv(HELPER_SOCKET_FD, &role->msg);

	if (r <= 0)
		return err_set(err, r ? -r : EPIPE, "hear from the engine");
	r = read_start(&role->msg, &calls_max, err);
	if (r == 0)
		r = api_server_new(role->loop, HELPER_SOCKET_FD,
			role->msg.fd_count ? take_fd(&role->msg.fds[0]) : -1, calls_max,
			&role->server, err);
	ipc_msg_done(&role->msg);
	return r < 0 ? r : api_confine(err);
}

/* Without the engine there is nothing to do. */
static int on_engine(struct loop_source *source, uint32_t events, void *arg)
{
	struct role *role = arg;
	int r = ipc_recv(HELPER_SOCKET_FD, &role->msg);

	if (r == 0)
		loop_stop(role->loop);
	if (r <= 0)
		return r;
	r = role->msg.type == AGENT_CONNECTION
		    ? api_server_take(role->server, &role->msg)
		    : api_server_answer(role->server, &role->msg, &role->err);
	ipc_msg_done(&role->msg);
	return r;
}

static int run(struct role *role, struct err *err)
{
	struct loop_source *source;
	int r = loop_new(&role->loop);

	if (r < 0)
		return err_set(err, -r, "make a loop");
	r = start(role, err);
	if (r < 0)
		return r;
	r = loop_add_fd(role->loop, HELPER_SOCKET_FD, EPOLLIN, on_engine, role, &source);
	if (r == 0)
		r = loop_run(role->loop);
	if (r < 0 && role->err.code)
		*err = role->err;
	else if (r < 0)
		(void)err_set(err, -r, "serve the socket");
	return r;
}

int main(void)
{
	struct role *role = calloc(1, sizeof(*role));
	struct err err = { 0 };
	int r = role ? run(role, &err) : err_oom(&err);

	if (r < 0)
		(void)!ipc_send_err(HELPER_SOCKET_FD, AGENT_ERROR, &err);
	if (role) {
		api_server_free(role->server);
		loop_free(role->loop);
	}
	free(role);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
