/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's end of agentd/dns-proto.h: ucr-dns, which answers the names of containers on the
 * bridge. Nothing of them is kept: each question is looked up in the directories, where also those
 * are that another engine launched. The sockets are the engine's, so that what is asked while
 * ucr-dns is started again is answered then.
 *
 * Names are for those who may reach each other: a container sees those that are shared if it is so
 * itself, and always its own. A task's name is that of its present attempt's container, or where it
 * is in a group, of the container that holds the group's network.
 */
#include "agentd/agent-network.h"

#include "agentd/container-network.h"
#include "agentd/container-private.h"
#include "agentd/dns-proto.h"
#include "agentd/network.h"
#include "agentd/task-run.h"
#include "common/cleanup.h"
#include "common/fd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#define DNS_PORT 53
#define BACKLOG 32
#define BIND_TRIES 30
#define RESOLV_CONF "/etc/resolv.conf"
#define RESOLV_CONF_MAX 65536

static const struct helper_program program = {
	.name = DNS_PROGRAM, .error = DNS_ERROR, .leaves_root = true
};

/* ---- what a container may know -------------------------------------------------------- */

struct known {
	struct container *container;
	struct network network;
};
#define cleanup_known cleanup_with(known_done)

static void known_done(struct known *known)
{
	container_free(known->container);
	network_done(&known->network);
}

/* Of the task's network: the id of the container that has it; NULL: there is no such task, or it has
 * none at the moment. */
static const char *task_container(const struct agent *agent, const char *name)
{
	const struct task *task = task_table_find(agent->tasks, name);

	if (!task || task_state_is_terminal((enum task_state)task->state))
		return NULL;
	return task->group->is_group ? task->group->sandbox : task->container;
}

static int find_named(struct agent *agent, const char *name, struct known *ret)
{
	const char *id = task_container(agent, name);
	int r = container_find_exactly(
		agent->engine, id ? id : name, &ret->container, NULL);

	/* Not by its id. */
	if (r == 0 && !id &&
		!(ret->container->name && str_eq(ret->container->name, name)))
		r = -ENOENT;
	return r < 0 ? r : container_network(ret->container, &ret->network, NULL);
}

static int find_addressed(struct agent *agent, const char *text, struct known *ret)
{
	struct network_address address;
	struct network_pool pool;
	char id[CONTAINER_ID_MAX];
	int r = network_address_parse(text, &address);

	if (r == 0)
		r = network_pool_parse(NULL, &pool, NULL);
	if (r == 0)
		r = network_lease_holder(agent->engine, &pool, &address, id);
	if (r == 0)
		r = container_find_exactly(agent->engine, id, &ret->container, NULL);
	return r < 0 ? r : container_network(ret->container, &ret->network, NULL);
}

static bool may_know(const struct known *asker, const struct known *asked)
{
	return str_eq(asker->container->id, asked->container->id) ||
	       (asker->network.is_shared && asked->network.is_shared);
}

/* What it is known by; NULL: nothing. */
static const char *name_of(const struct container *container)
{
	static const char *const labels[] = { TASK_LABEL, TASK_GROUP_LABEL };

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		const char *id = strv_env_get(container->labels, labels[i]);

		if (id)
			return id;
	}
	return container->name;
}

static int add_address(strv *list, const struct network_address *address)
{
	char text[INET6_ADDRSTRLEN];

	return strv_add(list, network_address_text(address, text));
}

/* What cannot be said, of whatever reason, is not known. */
static void look_up(
	struct agent *agent, const struct dns_words *asked, struct dns_words *answer)
{
	cleanup_known struct known asker = { 0 }, found = { 0 };

	if (!asked->from || find_addressed(agent, asked->from, &asker) < 0)
		return;
	if (asked->name ? find_named(agent, asked->name, &found) < 0
			: !asked->address ||
				  find_addressed(agent, asked->address, &found) < 0)
		return;
	if (!may_know(&asker, &found) ||
		add_address(&answer->addresses, &found.network.address) < 0 ||
		add_address(&answer->addresses, &found.network.address6) < 0 ||
		str_set(&answer->name, name_of(found.container)) < 0)
		return;
	answer->is_found = asked->name || answer->name;
}

/* ---- messages ------------------------------------------------------------------------- */

static int send_words(struct agent_role *role, enum dns_msg type,
	const struct dns_words *words, const int *fds, size_t fd_count)
{
	cleanup_buf struct buf b = BUF_INIT;

	dns_words_write(&b, words);
	if (buf_finish(&b) < 0)
		return -ENOMEM;
	return ipc_send(role->helper.socket_fd, type, b.data, b.len, fds, fd_count);
}

static int take_ask(struct agent_role *role, const struct ipc_msg *msg)
{
	struct dns_words asked, answer = { 0 };
	int r = dns_words_parse(msg->data, msg->len, &asked);

	if (r == 0) {
		answer.id = asked.id;
		look_up(role->agent, &asked, &answer);
		r = send_words(role, DNS_ANSWER, &answer, NULL, 0);
	}
	dns_words_done(&asked);
	dns_words_done(&answer);
	return r;
}

/* Its resolver may be at its loopback: who asks it is on the host, too. */
static int send_servers(struct agent_role *role)
{
	cleanup_close int fd = open(RESOLV_CONF, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	cleanup_free char *text = NULL;
	struct dns_words words = { 0 };
	size_t len;
	int r = 0;

	if (fd >= 0 && fd_read_all(fd, RESOLV_CONF_MAX, &text, &len) == 0)
		r = network_name_servers(text, &words.servers);
	if (r == 0)
		r = send_words(role, DNS_SERVERS, &words, NULL, 0);
	dns_words_done(&words);
	return r;
}

static int take(struct agent_role *role, struct ipc_msg *msg)
{
	if (msg->type == DNS_ASK)
		return take_ask(role, msg);
	return msg->type == DNS_REFRESH ? send_servers(role) : -EPROTO;
}

/* ---- its life ------------------------------------------------------------------------- */

static int begin(struct agent_role *role, struct err *err)
{
	struct network_pool pool;
	struct dns_words words = { .prefix6 = NETWORK_POOL6_PREFIX };
	int r = network_pool_parse(NULL, &pool, err);

	if (r < 0)
		return r;
	words.prefix = pool.prefix;
	r = send_words(role, DNS_START, &words, role->fds, role->fd_count);
	if (r == 0)
		r = send_servers(role);
	return r < 0 ? err_set(err, -r, "begin with " DNS_PROGRAM) : 0;
}

static void end(struct agent_role *role)
{
	if (role->has_given_up)
		engine_serve_names(role->agent->engine, false);
}

/* Before there is a bridge to have the address. */
static int bind_socket(const struct network_address *address, int type)
{
	cleanup_close int fd =
		socket(address->family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(DNS_PORT) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(DNS_PORT) };
	bool is_6 = address->family == AF_INET6;
	int one = 1;

	memcpy(&in.sin_addr, address->bytes, sizeof(in.sin_addr));
	memcpy(&in6.sin6_addr, address->bytes, sizeof(in6.sin6_addr));
	if (fd < 0 || setsockopt(fd, SOL_IP, IP_FREEBIND, &one, sizeof(one)) < 0 ||
		(is_6 &&
			setsockopt(fd, SOL_IPV6, IPV6_FREEBIND, &one, sizeof(one)) < 0) ||
		(type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one,
						sizeof(one)) < 0) ||
		bind(fd, is_6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in,
			is_6 ? sizeof(in6) : sizeof(in)) < 0 ||
		(type == SOCK_STREAM && listen(fd, BACKLOG) < 0))
		return -errno;
	return take_fd(&fd);
}

/* The ucr-dns of an agent that was killed may still be ending. */
static int bind_patiently(const struct network_address *address, int type)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	int fd = bind_socket(address, type);

	for (int i = 0; fd == -EADDRINUSE && i < BIND_TRIES; i++) {
		(void)nanosleep(&pause, NULL);
		fd = bind_socket(address, type);
	}
	return fd;
}

static int bind_family(
	struct agent *agent, const struct network_address *address, struct err *err)
{
	static const int types[] = { SOCK_DGRAM, SOCK_STREAM };
	char text[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		int fd = bind_patiently(address, types[i]);

		if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL)
			return 0;
		if (fd < 0)
			return err_set(err, -fd, "serve names at port 53 of %s",
				network_address_text(address, text));
		agent->names.fds[agent->names.fd_count++] = fd;
	}
	return 0;
}

void agent_names_close(struct agent *agent)
{
	while (agent->names.fd_count)
		(void)close(agent->names.fds[--agent->names.fd_count]);
}

static int start(struct agent *agent, struct err *err)
{
	struct network_pool pool;
	struct network bridge = { 0 };
	int r = network_pool_parse(NULL, &pool, err);

	if (r < 0)
		return r;
	network_number(&pool, 1, &bridge);
	r = bind_family(agent, &bridge.gateway, err);
	if (r == 0)
		r = bind_family(agent, &bridge.gateway6, err);
	return r < 0 ? r : agent_role_start(&agent->names, err);
}

void agent_names_start(struct agent *agent)
{
	struct err err = { 0 };

	if (engine_is_rootless(agent->engine) || agent->options->has_no_names)
		return;
	agent->names = (struct agent_role){ .agent = agent,
		.program = &program,
		.begin = begin,
		.end = end,
		.take = take,
		.helper = HELPER_NONE };
	if (start(agent, &err) == 0) {
		engine_serve_names(agent->engine, true);
		return;
	}
	agent_names_close(agent);
	agent_complain("names of containers are not served", &err);
}
