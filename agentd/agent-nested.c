/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sockets inside containers. A worker that launches such a container makes its socket and hands
 * it to the loop before the program starts; what was there when the agent started gets its socket
 * anew, in the directory that is mounted still. A socket is served as long as the container's first
 * process lives.
 */
#include "agentd/agent-work.h"

#include "agentd/container-nested.h"
#include "agentd/launch-nested.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "runtime/place.h"
#include "runtime/process.h"
#include "runtime/status.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#ifndef SO_PEERPIDFD /* Linux 6.5 */
#define SO_PEERPIDFD 77
#endif

#define PENDING_MAX 32	/* connections that ucr-api has not taken yet */
#define PAUSE_MS 1000	/* where there is no descriptor for one, or no ucr-api */
#define SETTLE_MS 1000	/* more than a shim and its clean-up need after the end */
#define FDS_OF_A_PEER 3 /* the connection, his process, a file about it */
#define REFUSAL_HEAD                                                                     \
	"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n"                   \
	"Connection: close\r\nContent-Length: "

/* ---- whose the peer is ---- */

static int peer_pidfd(int fd, pid_t pid)
{
	int pidfd = -1;
	socklen_t len = sizeof(pidfd);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0)
		return pidfd;
	if (errno != ENOPROTOOPT)
		return -errno;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	return pidfd < 0 ? -errno : pidfd;
}

/* The socket is what the first process may do: no other user there may become it by the socket. */
static bool may_ask(const struct agent_scope *scope, uid_t peer)
{
	uid_t uid;
	gid_t gid;

	return peer == scope->root ||
	       (process_ids(scope->pid_dirfd, &uid, &gid) == 0 && peer == uid);
}

/* The pid is the peer's as long as its process is not gone, which is asked last. */
static bool is_inside(const struct agent_scope *scope, int fd)
{
	cleanup_close int pidfd = -1;
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.pid <= 0)
		return false;
	pidfd = peer_pidfd(fd, peer.pid);
	return pidfd >= 0 && may_ask(scope, peer.uid) &&
	       cgroup_has(scope->cgroup, peer.pid) && !process_has_ended(pidfd, 0);
}

static void refuse(int fd)
{
	cleanup_buf struct buf body = BUF_INIT, answer = BUF_INIT;
	struct json_writer w = JSON_WRITER(&body);
	struct err err = { 0 };

	(void)err_say(&err, EACCES,
		"this socket is for the processes of the container that it is in, of its "
		"root and of the user of its first process");
	agent_error_write(&w, &err);
	buf_printf(&answer, REFUSAL_HEAD "%zu\r\n\r\n", body.len);
	buf_put(&answer, body.data, body.len);
	if (buf_finish(&body) == 0 && buf_finish(&answer) == 0)
		(void)!send(fd, answer.data, answer.len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void complain(const char *id, struct err *err)
{
	char whose[64];

	(void)snprintf(whose, sizeof(whose), "the socket of container %.*s",
		CONTAINER_SHORT_ID, id);
	agent_complain(whose, err);
}

/* ---- connections ---- */

static int hand_on(struct agent_scope *scope, int fd)
{
	struct err err = { 0 };
	int r = 0;

	if (scope->api.socket_fd < 0)
		r = agent_api_start(scope, &err);
	if (r < 0) {
		complain(scope->container, &err);
		return r;
	}
	r = ipc_send(scope->api.socket_fd, AGENT_CONNECTION, NULL, 0, &fd, 1);
	if (r == 0)
		scope->sent++;
	return r;
}

static int listen_again(struct agent_scope *scope)
{
	bool may_send = !scope->is_paused && scope->sent - scope->taken < PENDING_MAX;

	return loop_set_events(scope->listen_source, may_send ? EPOLLIN : 0);
}

/* What waits at the socket would wake the loop at once, again and again. */
int agent_nested_pause(struct agent_scope *scope, uint64_t ms)
{
	scope->is_paused = true;
	loop_set_timer(scope->restart, ms);
	return listen_again(scope);
}

static bool is_short_of_room(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Whoever may ask is not refused because the kernel cannot be asked about him. */
static bool has_room(const struct agent_scope *scope)
{
	int fds[FDS_OF_A_PEER];
	size_t count = 0;

	while (count < FDS_OF_A_PEER) {
		fds[count] = fcntl(scope->listen_fd, F_DUPFD_CLOEXEC, 0);
		if (fds[count] < 0)
			break;
		count++;
	}
	for (size_t i = 0; i < count; i++)
		(void)close(fds[i]);
	return count == FDS_OF_A_PEER;
}

static int on_connection(struct loop_source *source, uint32_t events, void *arg)
{
	struct agent_scope *scope = arg;
	cleanup_close int fd = -1;

	if (!has_room(scope))
		return agent_nested_pause(scope, PAUSE_MS);
	fd = accept4(scope->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return is_short_of_room(errno) ? agent_nested_pause(scope, PAUSE_MS) : 0;
	if (!is_inside(scope, fd))
		refuse(fd);
	else if (hand_on(scope, fd) < 0)
		return agent_nested_pause(scope, PAUSE_MS);
	return listen_again(scope);
}

/* An idle ucr-api is ended, unless something is under way to it. */
int agent_nested_taken(struct agent_scope *scope, const struct ipc_msg *msg)
{
	static const struct json_field fields[] = {
		{ "connections", json_u64, offsetof(struct agent_taken, connections),
			true },
		{ "is_idle", json_bool, offsetof(struct agent_taken, is_idle) }, { 0 }
	};
	cleanup_json struct json_doc *doc = NULL;
	struct agent_taken taken = { 0 };
	int r = scope->container ? json_parse(msg->data, msg->len, &doc, NULL) : -EPROTO;

	if (r == 0)
		r = json_decode(json_root(doc), fields, &taken, NULL);
	if (r == 0 && taken.connections > scope->sent)
		r = -EPROTO;
	if (r < 0)
		return r;
	scope->taken = taken.connections;
	if (taken.is_idle && taken.connections == scope->sent)
		return AGENT_IS_IDLE;
	return listen_again(scope);
}

/* ---- the container's life ---- */

static int settle(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	int r = container_find_in(agent->engine, NULL, call->container, &container, err);

	return r < 0 ? r : container_cleanup(agent->engine, container, err);
}

/* Usually its shim has seen to that. */
static const struct agent_op settle_op = { .name = "settle", .fn = settle };

static void settle_later(struct agent_scope *scope)
{
	struct agent_call call = { .container = take_ptr(scope->container) };

	agent_work(scope->agent, &settle_op, &call);
	agent_scope_free(scope);
}

/* It is there from the beginning: when it is needed, there may be no descriptor for one. */
static int on_timer(struct loop_source *source, uint32_t events, void *arg)
{
	struct agent_scope *scope = arg;

	if (scope->listen_source) {
		scope->is_paused = false;
		return listen_again(scope);
	}
	settle_later(scope);
	return 0;
}

static int on_end(struct loop_source *source, uint32_t events, void *arg)
{
	struct agent_scope *scope = arg;

	agent_api_stop(scope);
	agent_nested_close(scope);
	loop_set_timer(scope->restart, SETTLE_MS);
	return 0;
}

void agent_nested_close(struct agent_scope *scope)
{
	loop_remove(scope->listen_source);
	loop_remove(scope->process);
	scope->listen_source = scope->process = NULL;
	if (scope->pidfd >= 0)
		(void)close(take_fd(&scope->pidfd));
	if (scope->pid_dirfd >= 0)
		(void)close(take_fd(&scope->pid_dirfd));
	if (scope->listen_fd >= 0)
		(void)close(take_fd(&scope->listen_fd));
	cgroup_free(take_ptr(scope->cgroup));
}

/* The first process, and who is in the container with it. */
static int look_up(
	struct agent_scope *scope, const struct container *container, struct err *err)
{
	struct runtime_state state = { 0 };
	cleanup_free char *own = NULL;
	struct cgroup_host *host;
	int r = runtime_state_load(container->dirfd, &state, err);

	if (r < 0)
		return r;
	if (runtime_state_open(&state, &scope->pidfd, &scope->pid_dirfd) < 0 ||
		!state.cgroup_path)
		r = err_say(err, ESRCH, "its first process has ended");
	/* Not those below, which are in containers of it, and have sockets of theirs. */
	own = r == 0 ? cgroup_path_below(state.cgroup_path, PLACE_LEAF) : NULL;
	if (r == 0 && !own)
		r = err_oom(err);
	if (r == 0)
		r = engine_cgroups(scope->agent->engine, &host, err);
	if (r == 0)
		r = cgroup_open(host, own, &scope->cgroup, err);
	runtime_state_done(&state);
	return r;
}

static int watch(struct agent_scope *scope, struct err *err)
{
	struct loop *loop = scope->agent->loop;
	int r = loop_add_timer(loop, LOOP_NEVER, 0, on_timer, scope, &scope->restart);

	if (r == 0)
		r = loop_add_fd(
			loop, scope->pidfd, EPOLLIN, on_end, scope, &scope->process);
	if (r == 0)
		r = loop_add_fd(loop, scope->listen_fd, EPOLLIN, on_connection, scope,
			&scope->listen_source);
	return r < 0 ? err_set(err, -r, "wait for connections") : 0;
}

/* Takes over `listen_fd`. */
static int serve(struct agent *agent, const struct container *container, int listen_fd,
	struct err *err)
{
	struct agent_scope *scope;
	int r = agent_wait_room(agent, err);

	if (r == 0)
		r = agent_scope_new(agent, container->id, &scope, err);
	if (r < 0) {
		(void)close(listen_fd);
		return r;
	}
	scope->listen_fd = listen_fd;
	(void)snprintf(scope->outermost, sizeof(scope->outermost), "%s",
		container->parents ? container->parents[0] : container->id);
	scope->root = container->ids.count ? container->ids.first : 0;
	r = look_up(scope, container, err);
	if (r == 0)
		r = watch(scope, err);
	if (r < 0)
		agent_scope_free(scope);
	return r;
}

/* ---- news of workers ---- */

static int serve_new(struct agent *agent, const char *id, int listen_fd, struct err *err)
{
	cleanup_container struct container *container = NULL;
	int r = container_load(agent->engine, id, &container, err);

	if (r == 0)
		return serve(agent, container, listen_fd, err);
	(void)close(listen_fd);
	return r == -ENOENT ? err_say(err, ENOENT, "it is gone already") : r;
}

static int on_news(struct loop_source *source, uint32_t events, void *arg)
{
	struct agent *agent = arg;
	struct err err = { 0 };
	int r = ipc_recv(agent->nested.news_fds[0], &agent->msg);

	if (r == 0 || r == -EAGAIN)
		return 0;
	if (r < 0) {
		/* As when a descriptor came that we have no room for. */
		(void)err_set(&err, -r, "hear of a launch");
		agent_complain("the socket of some container", &err);
		return 0;
	}
	if (agent->msg.type == NESTING_NEWS && agent->msg.fd_count == 1 &&
		serve_new(agent, agent->msg.data, take_fd(&agent->msg.fds[0]), &err) < 0)
		complain(agent->msg.data, &err);
	ipc_msg_done(&agent->msg);
	return 0;
}

/* ---- what was there when the agent started ---- */

/* A session's connection went with the agent that had it. */
static bool is_orphan(
	const struct container_list *list, size_t at, const struct container *c)
{
	const char *parent = container_parent(c);

	if (c->is_session)
		return true;
	for (size_t i = 0; parent && i < list->count; i++) {
		if (str_eq(list->items[i]->id, parent))
			return !container_is_live(list->items[i]);
	}
	return parent != NULL;
}

static int end_orphans(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container_list struct container_list list = { 0 };
	int r = container_list(agent->engine, &list, err);

	for (size_t i = 0; r == 0 && i < list.count; i++) {
		if (is_orphan(&list, i, list.items[i]))
			(void)!container_remove(agent->engine, list.items[i], true, err);
	}
	return r;
}

static const struct agent_op orphans_op = { .name = "orphans", .fn = end_orphans };

void agent_nested_recover(struct agent *agent, const struct container_list *list)
{
	struct agent_call call = { 0 };
	bool has_nested = false;

	for (size_t i = 0; i < list->count; i++) {
		const struct container *c = list->items[i];
		struct err err = { 0 };
		int fd;

		has_nested |= c->parents || c->is_session;
		if (!c->has_nesting || !container_is_live(c))
			continue;
		fd = nesting_listen(c->dirfd, &err);
		if (fd < 0 || serve(agent, c, fd, &err) < 0)
			complain(c->id, &err);
	}
	if (has_nested)
		agent_work(agent, &orphans_op, &call);
}

int agent_nested_start(struct agent *agent, struct err *err)
{
	int r = ipc_pair(agent->nested.news_fds);

	if (r == 0)
		r = fd_set_nonblock(agent->nested.news_fds[0], true);
	if (r == 0)
		r = loop_add_fd(agent->loop, agent->nested.news_fds[0], EPOLLIN, on_news,
			agent, &agent->nested.news);
	return r < 0 ? err_set(err, -r, "listen to the workers") : 0;
}
