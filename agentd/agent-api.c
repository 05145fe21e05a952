/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's end of agentd/agent-proto.h: starts ucr-api, and again when it died. */
#include "agentd/agent-streams.h"
#include "agentd/task-run.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 128
#define SEND_BYTES (8 << 20) /* so many answers may lie in the socket */
#define ANSWER_BYTES 4096    /* what one takes there, generously */
#define CALLS_MAX 1024
#define NESTED_CALLS_MAX 64 /* of who is in a container */
#define RESTART_MS 100
#define RESTART_MS_MAX 10000

static const struct helper_program program = {
	.name = API_PROGRAM, .error = AGENT_ERROR, .leaves_root = true
};

/* ---- the socket ---- */

static int open_directory(const char *path, int *ret_fd, struct err *err)
{
	const char *slash = strrchr(path, '/');
	cleanup_free char *directory =
		slash ? strndup(path, (size_t)(slash - path)) : NULL;
	cleanup_close int fd = -1;
	struct stat st;

	if (!directory || !*directory || !slash[1])
		return err_say(err, EINVAL, "--socket %s: want an absolute path", path);
	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		return err_set(err, errno, "make %s", directory);
	fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, errno, "open %s", directory);
	if (st.st_uid != geteuid() || (st.st_mode & 077)) {
		(void)err_say(err, EPERM,
			"%s belongs to user %u with mode %04o: others could reach the socket",
			directory, st.st_uid, st.st_mode & 07777);
		return err_hint(err,
			"give a place by --socket that only user %u may enter",
			geteuid());
	}
	*ret_fd = take_fd(&fd);
	return 0;
}

/* What an agent that was killed left behind; that none is alive is told by the lock. */
static int take_place(struct agent *agent, int dirfd, const char *name, struct err *err)
{
	cleanup_free char *lock = str_printf("%s.lock", name);
	int r;

	if (!lock)
		return err_oom(err);
	agent->lock_fd =
		openat(dirfd, lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (agent->lock_fd < 0)
		return err_set(err, errno, "open %s.lock", agent->socket_path);
	r = fd_lock(agent->lock_fd, true, false);
	if (r == -EWOULDBLOCK)
		return err_say(
			err, EADDRINUSE, "another agent serves %s", agent->socket_path);
	if (r < 0)
		return err_set(err, -r, "lock %s.lock", agent->socket_path);
	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return err_set(err, errno, "remove the old %s", agent->socket_path);
	return 0;
}

int agent_api_listen(struct agent *agent, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	cleanup_close int dirfd = -1, fd = -1;
	const char *name = strrchr(agent->socket_path, '/');
	int r = open_directory(agent->socket_path, &dirfd, err);

	if (r == 0)
		r = take_place(agent, dirfd, ++name, err);
	if (r < 0)
		return r;
	if (snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s",
		    dirfd, name) >= (int)sizeof(address.sun_path))
		return err_say(err, ENAMETOOLONG, "--socket %s: its name is too long",
			agent->socket_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, BACKLOG) < 0)
		return err_set(err, errno, "listen on %s", agent->socket_path);
	agent->scopes->listen_fd = take_fd(&fd);
	return 0;
}

/* ---- what it says ---- */

static int take_cancel(struct agent_scope *scope, const struct ipc_msg *msg)
{
	static const struct json_field fields[] = { { "id", json_u64, 0, true }, { 0 } };
	cleanup_json struct json_doc *doc = NULL;
	uint64_t id = 0;
	int r = json_parse(msg->data, msg->len, &doc, NULL);

	if (r == 0)
		r = json_decode(json_root(doc), fields, &id, NULL);
	if (r == 0 && (!id || id > SCOPE_ID_MAX))
		r = -EPROTO;
	if (r == 0) {
		agent_wait_cancel(scope->agent, agent_scope_call(scope, id));
		agent_work_cancel(scope->agent, agent_scope_call(scope, id));
		task_call_cancel(scope->agent, agent_scope_call(scope, id));
	}
	return r;
}

static void do_quickly(
	struct agent *agent, const struct agent_op *op, const struct agent_call *call)
{
	cleanup_answer struct agent_answer answer = { 0 };

	agent_op_run(op, agent, call, &answer);
	agent_api_send(agent, call->id, &answer);
}

static void refuse(struct agent *agent, const struct agent_call *call)
{
	struct err err = { 0 };

	(void)err_say(&err, EACCES,
		"only the agent's own socket has this call, not that of a container");
	agent_api_fail(agent, call->id, -EACCES, &err);
}

/* What an honest role would not hand on, or would not yet, ends it. */
static int take_call(struct agent_scope *scope, const struct ipc_msg *msg)
{
	cleanup_agent_call struct agent_call call = { 0 };
	struct agent *agent = scope->agent;
	const struct agent_op *op;
	int r = agent_call_parse(msg->data, msg->len, &call, NULL);

	if (r == 0)
		r = call.id && call.id <= SCOPE_ID_MAX ? agent_call_check(&call, NULL)
						       : -EPROTO;
	if (r < 0)
		return r;
	if (agent_wait_count(scope) + agent_work_queued(scope) > scope->calls_max)
		return -EPROTO;
	call.id = agent_scope_call(scope, call.id);
	call.scope = scope->container;
	op = agent_op_find(call.op);
	if (!op)
		return -EPROTO;
	if (call.scope && !op->is_for_all)
		refuse(agent, &call);
	else if (op->begin)
		op->begin(agent, &call);
	else if (!op->is_quick)
		agent_work(agent, op, &call);
	else
		do_quickly(agent, op, &call);
	return 0;
}

static int take_message(struct agent_scope *scope, const struct ipc_msg *msg)
{
	struct err err;

	switch ((enum agent_msg)msg->type) {
	case AGENT_CALL: return take_call(scope, msg);
	case AGENT_CANCEL: return take_cancel(scope, msg);
	case AGENT_TAKEN: return agent_nested_taken(scope, msg);
	case AGENT_ERROR:
		if (ipc_msg_err(msg, &err) == 0)
			agent_complain(API_PROGRAM, &err);
		return -EPIPE;
	case AGENT_CONNECTION:
	case AGENT_START:
	case AGENT_INPUT:
	case AGENT_ANSWER: break;
	}
	return -EPROTO;
}

/* ---- its life ---- */

static int on_restart(struct loop_source *source, uint32_t events, void *arg);

void agent_api_stop(struct agent_scope *scope)
{
	loop_remove(scope->api_source);
	scope->api_source = NULL;
	helper_stop(&scope->api);
	agent_wait_orphan(scope);
	agent_work_orphan(scope);
	scope->number = 0;
}

static int end(struct agent_scope *scope)
{
	uint64_t ms = (uint64_t)RESTART_MS << scope->api_failures;

	agent_api_stop(scope);
	if (ms < RESTART_MS_MAX)
		scope->api_failures++;
	/* That of a container is started again by the next connection after that. */
	if (scope->container)
		return agent_nested_pause(scope, ms);
	(void)fprintf(stderr,
		"ucr-agentd: " API_PROGRAM " ended; it is started again in %llu ms\n",
		(unsigned long long)ms);
	return loop_add_timer(
		scope->agent->loop, ms, 0, on_restart, scope, &scope->restart);
}

/* One that cannot be started now, as while it is replaced by another version, can be later. */
static int on_restart(struct loop_source *source, uint32_t events, void *arg)
{
	struct agent_scope *scope = arg;
	struct err err = { 0 };

	loop_remove(scope->restart);
	scope->restart = NULL;
	if (agent_api_start(scope, &err) == 0)
		return 0;
	agent_complain(NULL, &err);
	return end(scope);
}

static int on_api(struct loop_source *source, uint32_t events, void *arg)
{
	struct agent_scope *scope = arg;
	struct ipc_msg *msg = &scope->agent->msg;
	int r = ipc_recv(scope->api.socket_fd, msg);

	if (r == -EAGAIN)
		return 0;
	if (r > 0) {
		r = take_message(scope, msg);
		ipc_msg_done(msg);
		if (r == AGENT_IS_IDLE)
			agent_api_stop(scope);
		if (r >= 0) {
			scope->api_failures = 0;
			return 0;
		}
	}
	return end(scope);
}

/* At most so many calls, that their answers never fill the socket. */
static uint32_t calls_max(int fd)
{
	int size = SEND_BYTES;
	socklen_t len = sizeof(size);

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &len) < 0)
		return 1;
	return size / ANSWER_BYTES < CALLS_MAX ? (uint32_t)(size / ANSWER_BYTES)
					       : CALLS_MAX;
}

int agent_api_start(struct agent_scope *scope, struct err *err)
{
	struct agent *agent = scope->agent;
	cleanup_buf struct buf b = BUF_INIT;
	int r;

	r = helper_start(
		&program, engine_libexec_path(agent->engine), -1, &scope->api, err);
	if (r < 0)
		return r;
	agent_scope_renumber(scope);
	scope->calls_max = calls_max(scope->api.socket_fd);
	if (scope->container && scope->calls_max > NESTED_CALLS_MAX)
		scope->calls_max = NESTED_CALLS_MAX;
	buf_printf(&b, "{\"calls\":%u}", scope->calls_max);
	scope->sent = scope->taken = 0;
	r = helper_send(&scope->api, AGENT_START, &b, &scope->listen_fd,
		scope->container ? 0 : 1, err);
	if (r == 0) {
		r = fd_set_nonblock(scope->api.socket_fd, true);
		if (r < 0)
			(void)err_set(err, -r, "speak to " API_PROGRAM);
	}
	if (r == 0) {
		r = loop_add_fd(agent->loop, scope->api.socket_fd, EPOLLIN, on_api, scope,
			&scope->api_source);
		if (r < 0)
			(void)err_set(err, -r, "wait for " API_PROGRAM);
	}
	if (r < 0 && scope->container)
		agent_api_stop(scope);
	return r;
}

/* A role that does not read what it asked for hears nothing more, and is ended by the loop. */
static void say(struct agent *agent, enum agent_msg type, uint64_t id, struct buf *text,
	const int *fds, size_t fd_count)
{
	struct agent_scope *scope = agent_scope_of(agent, id);

	if (!scope || scope->api.socket_fd < 0)
		return;
	if (buf_finish(text) < 0 || ipc_send(scope->api.socket_fd, type, text->data,
					    text->len, fds, fd_count) < 0)
		(void)shutdown(scope->api.socket_fd, SHUT_RDWR);
}

void agent_api_answer(struct agent *agent, uint64_t id, uint32_t status, const char *type,
	enum agent_flow flow, const int *fds, size_t fd_count)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_object(&w, NULL);
	jw_u64(&w, "id", id & SCOPE_ID_MAX);
	jw_u64(&w, "status", status);
	jw_string(&w, "type", fd_count ? type : NULL);
	jw_u64(&w, "flow", flow);
	jw_object_end(&w);
	say(agent, AGENT_ANSWER, id, &b, fds, fd_count);
}

void agent_api_input(struct agent *agent, uint64_t id, enum agent_flow flow, int fd)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_object(&w, NULL);
	jw_u64(&w, "id", id & SCOPE_ID_MAX);
	jw_u64(&w, "flow", flow);
	jw_object_end(&w);
	say(agent, AGENT_INPUT, id, &b, &fd, fd >= 0);
}

void agent_api_send(struct agent *agent, uint64_t id, struct agent_answer *answer)
{
	cleanup_close int body_fd = -1;

	if (buf_finish(&answer->body) == 0 && answer->body.len)
		body_fd = fd_memfd_sealed("answer", answer->body.data, answer->body.len);
	if (body_fd < 0 && answer->body.len)
		answer->status = 500;
	agent_api_answer(agent, id, answer->status,
		answer->type ? answer->type : AGENT_JSON, AGENT_FLOW_NONE, &body_fd,
		body_fd >= 0);
}

void agent_api_fail(struct agent *agent, uint64_t id, int r, const struct err *err)
{
	cleanup_answer struct agent_answer answer = { 0 };

	agent_answer_error(&answer, r, err);
	agent_api_send(agent, id, &answer);
}
