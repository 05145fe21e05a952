/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client may join a container's streams before there is a process: `docker run` does. The engine
 * then holds what will be the shim's end of the connection until the container is started; the start
 * hands it on, and whatever became of that, the engine's copy goes.
 */
#include "agentd/agent-docker.h"
#include "agentd/agent-work.h"

#include "agentd/attach.h"
#include "common/cleanup.h"
#include "common/ipc.h"

#include <errno.h>
#include <sys/epoll.h>

#define STATUS_OK 200

struct agent_client {
	struct agent *agent;
	struct agent_client *next;
	struct loop_source *source; /* tells when nobody is there any more */
	char *container;
	uint64_t start_id; /* of the call that starts it; 0: none yet */
	int fd;
};

static void forget(struct agent_client *client)
{
	struct agent_client **at = &client->agent->clients;

	while (*at && *at != client)
		at = &(*at)->next;
	if (*at)
		*at = client->next;
	loop_remove(client->source);
	(void)close(client->fd);
	free(client->container);
	free(client);
}

static struct agent_client *find(struct agent *agent, const char *container)
{
	struct agent_client *client = agent->clients;

	while (client && !str_eq(client->container, container))
		client = client->next;
	return client;
}

size_t agent_docker_client_count(const struct agent *agent)
{
	size_t count = 0;

	for (const struct agent_client *c = agent->clients; c; c = c->next)
		count++;
	return count;
}

int agent_docker_client(struct agent *agent, const char *container)
{
	const struct agent_client *client = find(agent, container);

	return client ? client->fd : 0;
}

void agent_docker_clients_started(struct agent *agent, uint64_t start_id)
{
	struct agent_client *next;

	for (struct agent_client *client = agent->clients; client; client = next) {
		next = client->next;
		if (client->start_id == start_id)
			forget(client);
	}
}

void agent_docker_clients_forget(struct agent *agent)
{
	while (agent->clients)
		forget(agent->clients);
}

/* In a worker: else whoever reads there would not see an end before the worker's own. The one that
 * starts a container hands its client on. */
void agent_docker_clients_leave(struct agent *agent, uint64_t start_id)
{
	for (struct agent_client *c = agent->clients; c; c = c->next) {
		if (c->fd >= 0 && (!start_id || c->start_id != start_id))
			(void)close(take_fd(&c->fd));
	}
}

static int on_client(struct loop_source *source, uint32_t events, void *arg)
{
	forget(arg);
	return 0;
}

/* ---- joining ---- */

static const char *type_of(const struct container *container)
{
	return container->has_terminal ? DOCKER_STREAM_RAW : DOCKER_STREAM_FRAMES;
}

/* `ret_fd` is ucr-api's end. */
static int keep(struct agent *agent, const struct container *container, int *ret_fd,
	struct err *err)
{
	struct agent_client *client;
	int fds[2], r;

	if (find(agent, container->id))
		return err_say(err, EEXIST,
			"a client waits already for the start of container %.*s",
			CONTAINER_SHORT_ID, container->id);
	r = agent_wait_room(agent, err);
	if (r < 0)
		return r;
	client = calloc(1, sizeof(*client));
	if (!client || str_set(&client->container, container->id) < 0) {
		free(client);
		return err_oom(err);
	}
	r = ipc_pair(fds);
	if (r < 0) {
		free(client->container);
		free(client);
		return err_set(err, -r, "make a socket pair");
	}
	client->agent = agent;
	client->fd = fds[0];
	client->next = agent->clients;
	agent->clients = client;
	*ret_fd = fds[1];
	r = loop_add_fd(agent->loop, client->fd, 0, on_client, client, &client->source);
	if (r < 0)
		forget(client);
	return r < 0 ? err_set(err, -r, "wait for a client") : 0;
}

void agent_docker_attach_begin(struct agent *agent, struct agent_call *call)
{
	cleanup_container struct container *container = NULL;
	cleanup_close int fd = -1;
	struct err err = { 0 };
	int r = agent_docker_find(agent, call, &container, &err);

	if (r == 0 && container->status != CONTAINER_CREATED &&
		container->status != CONTAINER_EXITED) {
		agent_work(agent, agent_docker_op_find(call->op), call);
		return;
	}
	if (r == 0)
		r = keep(agent, container, &fd, &err);
	if (r < 0)
		agent_api_fail(agent, call->id, r, &err);
	else
		agent_api_answer(agent, call->id, STATUS_OK, type_of(container),
			AGENT_FLOW_FRAMES, &fd, 1);
}

/* In a worker, of one that runs. */
int agent_docker_attach(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	int r = agent_docker_find(agent, call, &container, err);

	if (r == 0)
		r = attach_connect(container->dirfd, err);
	if (r < 0)
		return r;
	answer->fd = r;
	answer->flow = AGENT_FLOW_FRAMES;
	answer->type = type_of(container);
	return 0;
}

void agent_docker_start_begin(struct agent *agent, struct agent_call *call)
{
	cleanup_container struct container *container = NULL;
	struct agent_client *client = NULL;
	struct err ignored;

	if (agent_docker_find(agent, call, &container, &ignored) == 0)
		client = find(agent, container->id);
	if (client)
		client->start_id = call->id;
	agent_work(agent, agent_docker_op_find(call->op), call);
}
