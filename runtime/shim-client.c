/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/shim.h"

#include "common/fd.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CLIENTS_MAX 32

static int on_client(struct loop_source *source, uint32_t events, void *arg);

static void queue_drop(struct shim_client *client)
{
	struct shim_frame *next;

	for (struct shim_frame *f = client->queue; f; f = next) {
		next = f->next;
		free(f);
	}
	client->queue = NULL;
	client->queue_tail = &client->queue;
}

static void client_free(struct shim_client *client)
{
	struct shim_client **at = &client->shim->clients;

	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	loop_remove(client->source);
	queue_drop(client);
	(void)close(client->fd);
	free(client);
}

/* Waits for what can be used now: input while the task takes some, room while frames
 * wait. A client that waits for neither leaves the loop, where its hang-up would spin. */
static int client_update(struct shim_client *client)
{
	bool can_read = !shim_input_is_full(client->shim);
	uint32_t events = (can_read ? EPOLLIN : 0U) | (client->queue ? EPOLLOUT : 0U);

	if (!events) {
		loop_remove(client->source);
		client->source = NULL;
		return 0;
	}
	if (client->source)
		return loop_set_events(client->source, events);
	return loop_add_fd(client->shim->loop, client->fd, events, on_client, client,
		&client->source);
}

int shim_clients_update(struct shim *shim)
{
	int r = 0;

	for (struct shim_client *c = shim->clients; c && r == 0; c = c->next)
		r = client_update(c);
	return r;
}

/* One that has ended is no longer there to hear it. */
static void send_signal(struct shim *shim, int number)
{
	if (!shim->has_exited)
		(void)syscall(
			SYS_pidfd_send_signal, (int)shim->config.pid_fd, number, NULL, 0);
}

static void client_goes(struct shim_client *client, bool is_detached)
{
	struct shim *shim = client->shim;
	bool ends_input =
		client->is_foreground && shim->config.stdin_once > 0 && !is_detached;
	bool was_foreground = client->is_foreground;

	client_free(client);
	if (ends_input)
		shim_input_end(shim);
	if (!was_foreground)
		return;
	if (shim->config.session > 0 && !is_detached)
		send_signal(shim, SIGKILL);
	if (shim->has_exited)
		loop_stop(shim->loop);
	else
		(void)shim_streams_resume(shim);
}

static void take_stdin(struct shim_client *client, const char *data, size_t len)
{
	if (len == 0) {
		if (client->shim->config.stdin_once <= 0 || client->is_foreground)
			shim_input_end(client->shim);
	} else if (shim_input_write(client->shim, data, len) < 0) {
		shim_input_end(client->shim);
	}
}

static void take_signal(struct shim *shim, const char *data)
{
	int32_t number;

	memcpy(&number, data, sizeof(number));
	send_signal(shim, number);
}

/* 1: the client is gone. */
static int client_take(struct shim_client *client, size_t len)
{
	struct shim *shim = client->shim;
	struct attach_size size;

	switch (shim->frame.type) {
	case ATTACH_STDIN: take_stdin(client, shim->frame.data, len); return 0;
	case ATTACH_RESIZE:
		memcpy(&size, shim->frame.data, sizeof(size));
		shim_resize(shim, &size);
		return 0;
	case ATTACH_SIGNAL: take_signal(shim, shim->frame.data); return 0;
	case ATTACH_CLOSE:
		if (client->is_foreground)
			shim_stream_close(shim, (enum attach_type)shim->frame.data[0]);
		return 0;
	case ATTACH_DETACH: client_goes(client, true); return 1;
	case ATTACH_RELEASE:
		shim->is_released = shim->has_exited && client->is_foreground;
		client_goes(client, true);
		return 1;
	default: return 0;
	}
}

static void queue_flush(struct shim_client *client)
{
	int r = 0;

	while (client->queue && r == 0) {
		struct shim_frame *f = client->queue;

		r = attach_send(client->fd, f->type, f->data, f->len);
		if (r < 0)
			break;
		client->queue = f->next;
		if (!client->queue)
			client->queue_tail = &client->queue;
		free(f);
	}
	if (r < 0 && r != -EAGAIN) {
		client->is_deaf = true;
		queue_drop(client);
	}
}

static int on_client(struct loop_source *source, uint32_t events, void *arg)
{
	struct shim_client *client = arg;
	struct shim *shim = client->shim;
	size_t len;
	int r;

	(void)source;
	if (client->queue) {
		queue_flush(client);
		if (!client->queue && client->is_foreground && !shim->has_exited) {
			r = shim_streams_resume(shim);
			if (r < 0)
				return r;
		}
	}
	if (!shim_input_is_full(shim) && (events & (EPOLLIN | EPOLLHUP))) {
		r = attach_recv(client->fd, &shim->frame, &len);
		if (r == 0 || (r < 0 && r != -EAGAIN)) {
			client_goes(client, false);
			return 0;
		}
		if (r > 0 && client_take(client, len))
			return 0;
	}
	return client_update(client);
}

static int enqueue(
	struct shim_client *client, enum attach_type type, const void *data, size_t len)
{
	struct shim_frame *f = malloc(sizeof(*f) + len);

	if (!f)
		return -ENOMEM;
	f->next = NULL;
	f->type = type;
	f->len = len;
	memcpy(f->data, data, len);
	*client->queue_tail = f;
	client->queue_tail = &f->next;
	return 0;
}

/* The foreground client gets everything; the task waits for it. */
static void send_foreground(
	struct shim_client *client, enum attach_type type, const void *data, size_t len)
{
	int r = client->queue ? -EAGAIN : attach_send(client->fd, type, data, len);

	if (r == -EAGAIN && enqueue(client, type, data, len) == 0) {
		if (!client->shim->has_exited)
			shim_streams_hold(client->shim);
	} else if (r < 0) {
		client->is_deaf = true;
	}
	(void)client_update(client);
}

/* The others get what they have room for, and the number of bytes that they had not. */
static void send_other(
	struct shim_client *client, enum attach_type type, const void *data, size_t len)
{
	int r = 0;

	if (client->dropped)
		r = attach_send(client->fd, ATTACH_DROPPED, &client->dropped,
			sizeof(client->dropped));
	if (r == 0) {
		client->dropped = 0;
		r = attach_send(client->fd, type, data, len);
	}
	if (r == -EAGAIN)
		client->dropped += len;
	else if (r < 0)
		client->is_deaf = true;
}

void shim_clients_send(
	struct shim *shim, enum attach_type type, const void *data, size_t len)
{
	for (struct shim_client *c = shim->clients; c; c = c->next) {
		if (c->is_deaf)
			continue;
		if (c->is_foreground)
			send_foreground(c, type, data, len);
		else
			send_other(c, type, data, len);
	}
}

int shim_client_add(struct shim *shim, int fd, bool is_foreground)
{
	struct shim_client *client = calloc(1, sizeof(*client));

	if (!client || fd_set_nonblock(fd, true) < 0) {
		free(client);
		(void)close(fd);
		return -ENOMEM;
	}
	client->shim = shim;
	client->fd = fd;
	client->is_foreground = is_foreground;
	client->queue_tail = &client->queue;
	client->next = shim->clients;
	shim->clients = client;
	return client_update(client);
}

static size_t client_count(const struct shim *shim)
{
	size_t n = 0;

	for (struct shim_client *c = shim->clients; c; c = c->next)
		n++;
	return n;
}

/* The directory is closed to others already; the check holds should that ever change. */
static bool peer_is_allowed(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return false;
	return peer.uid == 0 || peer.uid == geteuid();
}

static int on_connection(struct loop_source *source, uint32_t events, void *arg)
{
	struct shim *shim = arg;
	int fd = accept4((int)shim->config.listen_fd, NULL, NULL, SOCK_CLOEXEC);

	(void)source;
	(void)events;
	if (fd < 0)
		return 0;
	if (!peer_is_allowed(fd) || client_count(shim) >= CLIENTS_MAX)
		(void)close(fd);
	else
		(void)shim_client_add(shim, fd, false);
	return 0;
}

int shim_clients_start(struct shim *shim)
{
	int r = 0;

	if (shim->config.client_fd >= 0)
		r = shim_client_add(shim, (int)shim->config.client_fd, true);
	if (r == 0 && shim->config.listen_fd >= 0)
		r = loop_add_fd(shim->loop, (int)shim->config.listen_fd, EPOLLIN,
			on_connection, shim, NULL);
	return r;
}

/* The last word to everyone; only the foreground client is waited for. */
void shim_clients_finish(struct shim *shim)
{
	struct shim_client *next;

	shim_clients_send(shim, ATTACH_EXIT, &shim->exit, sizeof(shim->exit));
	for (struct shim_client *c = shim->clients; c; c = next) {
		next = c->next;
		if (!c->is_foreground || c->is_deaf)
			client_free(c);
	}
}

bool shim_has_foreground(const struct shim *shim)
{
	for (struct shim_client *c = shim->clients; c; c = c->next) {
		if (c->is_foreground)
			return true;
	}
	return false;
}
