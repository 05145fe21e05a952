/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker is a child that does one operation and sends one message: its type is the status, and
 * with it comes the body, where there is one, in a memfd, or what flows. A message before that one,
 * of the type "continue", brings what takes the call's own body. One that dies without a word is an
 * answer, too.
 */
#include "agentd/agent-child.h"
#include "agentd/agent-docker.h"
#include "agentd/agent-network.h"
#include "agentd/agent-streams.h"
#include "agentd/task-table.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#define STATUS_CONTINUE 100
#define TYPE_ROOM 64

#define NESTED_SHARE 4	    /* of the workers: one in so many, and one more */
#define NESTED_SLOW_SHARE 2 /* of those for what is slow, for all containers together */
#define KEPT_SHARE 4	    /* of the workers: one in so many */
#define STAY_MAX 256
#define STAY_MAX_NESTED 64 /* of one outermost container */

struct agent_worker {
	struct agent *agent;
	struct agent_worker *next;
	struct loop_source *source;
	const struct agent_op *op;
	uint64_t id; /* of the call */
	char outermost[CONTAINER_ID_MAX];
	pid_t pid;
	int fd;
	bool has_answered;
	bool stays; /* has answered, and is no longer waited for by who asked */
};

/* The payload of its messages. */
struct worker_said {
	uint32_t flow;
	char type[TYPE_ROOM]; /* empty: the operation's */
};

struct agent_queued {
	struct agent_queued *next;
	const struct agent_op *op;
	struct agent_call call;
	char outermost[CONTAINER_ID_MAX]; /* that it came from; empty: from none */
};

/* ---- the child ---- */

void agent_worker_reset(struct agent *agent, uint64_t call_id)
{
	sigset_t none;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setrlimit(RLIMIT_NOFILE, &agent->files);
	/* An agent may be spared by the kernel when memory is short; its containers are not. */
	(void)!fd_write_kernel_file(AT_FDCWD, "/proc/self/oom_score_adj", "0");
	if (agent->lock_fd >= 0)
		(void)close(take_fd(&agent->lock_fd));
	task_table_leave(agent->tasks);
	agent_scopes_leave(agent);
	agent_names_close(agent);
	agent_docker_waits_leave(agent);
	agent_docker_clients_leave(agent, call_id);
}

int agent_answer_input(
	struct agent_answer *answer, enum agent_flow flow, int fd, struct err *err)
{
	const struct worker_said said = { .flow = flow };
	int r = ipc_send(answer->worker_fd, STATUS_CONTINUE, &said, sizeof(said), &fd, 1);

	return r < 0 ? err_set(err, -r, "take what is sent") : 0;
}

static int send_answer(struct agent_answer *answer)
{
	struct worker_said said = { .flow = answer->flow };
	cleanup_close int body_fd = -1;
	int fds[2];
	size_t count = 0;

	if (buf_finish(&answer->body) < 0)
		return 1;
	if (answer->flow != AGENT_FLOW_NONE)
		fds[count++] = answer->fd;
	if (answer->body.len) {
		body_fd = fd_memfd_sealed("answer", answer->body.data, answer->body.len);
		if (body_fd < 0)
			return 1;
		fds[count++] = body_fd;
	}
	if (answer->type)
		(void)snprintf(said.type, sizeof(said.type), "%s", answer->type);
	return ipc_send(answer->worker_fd, answer->status, &said, sizeof(said), fds,
		       count) < 0;
}

static int work(struct agent *agent, const struct agent_op *op,
	const struct agent_call *call, int fd)
{
	cleanup_answer struct agent_answer answer = { .worker_fd = fd };
	int r;

	agent_worker_reset(agent, call->id);
	agent_op_run(op, agent, call, &answer);
	r = send_answer(&answer);
	if (r == 0 && answer.follow) {
		/* Only who reads keeps it open. */
		(void)close(answer.fd);
		answer.flow = AGENT_FLOW_NONE;
		answer.follow(agent, call, answer.follow_fd);
	}
	return r;
}

/* ---- the parent ---- */

static int start(struct agent *agent, const struct agent_queued *queued, struct err *err);

static size_t slow_max(const struct agent *agent)
{
	size_t workers = agent->options->workers;

	return workers - workers / KEPT_SHARE;
}

/* Who is in a container gets a few of the workers, whatever he asks for, however often he hangs up
 * and from however many containers below: what has begun counts until it has ended. */
static bool has_enough(const struct agent *agent, const struct agent_queued *queued)
{
	size_t own = 0, slow = 0;

	if (!*queued->outermost)
		return false;
	for (const struct agent_worker *w = agent->workers; w; w = w->next) {
		if (w->stays || !*w->outermost)
			continue;
		own += str_eq(w->outermost, queued->outermost);
		slow += w->op->is_slow;
	}
	return own > agent->options->workers / NESTED_SHARE ||
	       (queued->op->is_slow && slow &&
		       slow >= slow_max(agent) / NESTED_SLOW_SHARE);
}

/* Some workers are kept for what does not wait for others. */
static bool may_start(const struct agent *agent, const struct agent_op *op)
{
	return agent->worker_count < agent->options->workers &&
	       (!op->is_slow || agent->slow_count < slow_max(agent));
}

static void free_queued(struct agent *agent, struct agent_queued **at)
{
	struct agent_queued *queued = *at;

	*at = queued->next;
	if (!*at)
		agent->queue_end = at;
	agent_call_done(&queued->call);
	free(queued);
}

static void start_queued(struct agent *agent)
{
	struct agent_queued **at = &agent->queue;

	while (*at) {
		struct err err = { 0 };
		int r;

		if (!may_start(agent, (*at)->op) || has_enough(agent, *at)) {
			at = &(*at)->next;
			continue;
		}
		r = start(agent, *at, &err);
		if (r < 0)
			agent_api_fail(agent, (*at)->call.id, r, &err);
		free_queued(agent, at);
	}
}

/* It no longer stands in the way of others. */
static void count_out(struct agent_worker *worker)
{
	struct agent *agent = worker->agent;

	agent->worker_count--;
	agent->slow_count -= worker->op->is_slow;
}

static void forget(struct agent_worker *worker)
{
	struct agent *agent = worker->agent;
	struct agent_worker **at = &agent->workers;

	while (*at != worker)
		at = &(*at)->next;
	*at = worker->next;
	if (worker->stays)
		agent->stay_count--;
	else
		count_out(worker);
	loop_remove(worker->source);
	(void)close(worker->fd);
	free(worker);
}

static void answer_for(struct agent_worker *worker, int status)
{
	struct err err = { 0 };

	if (WIFSIGNALED(status))
		(void)err_say(&err, EIO, "the agent's worker was ended by signal %d (%s)",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		(void)err_say(&err, EIO, "the agent's worker ended with status %d",
			WEXITSTATUS(status));
	agent_api_fail(worker->agent, worker->id, -EIO, &err);
}

static const char *type_of(const struct agent_worker *worker, uint32_t status,
	const struct worker_said *said)
{
	if (*said->type)
		return said->type;
	if (said->flow != AGENT_FLOW_NONE)
		return NULL;
	return status < 400 && worker->op->type ? worker->op->type : AGENT_JSON;
}

static void take_result(struct agent_worker *worker, struct ipc_msg *msg)
{
	struct worker_said said = { 0 };
	int fd = msg->fd_count ? msg->fds[0] : -1;

	if (msg->len == sizeof(said))
		memcpy(&said, msg->data, sizeof(said));
	said.type[TYPE_ROOM - 1] = '\0';
	if (msg->type == STATUS_CONTINUE) {
		agent_api_input(worker->agent, worker->id, said.flow, fd);
		return;
	}
	worker->has_answered = true;
	if (worker->op->stays && !worker->stays) {
		worker->stays = true;
		count_out(worker);
		worker->agent->stay_count++;
	}
	agent_api_answer(worker->agent, worker->id, msg->type,
		type_of(worker, msg->type, &said), said.flow, msg->fds, msg->fd_count);
}

static int on_worker(struct loop_source *source, uint32_t events, void *arg)
{
	struct agent_worker *worker = arg;
	struct agent *agent = worker->agent;
	uint64_t id;
	int status = 0, r = ipc_recv(worker->fd, &agent->msg);

	if (r > 0) {
		take_result(worker, &agent->msg);
		ipc_msg_done(&agent->msg);
		start_queued(agent);
		return 0;
	}
	while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!worker->has_answered)
		answer_for(worker, status);
	id = worker->id;
	forget(worker);
	agent_docker_done(agent, id);
	start_queued(agent);
	return 0;
}

/* In the loop before there is a child, which then is never without a watcher. */
static int start_child(struct agent *agent, const struct agent_op *op,
	const struct agent_call *call, struct agent_worker *worker, struct err *err)
{
	int fds[2], r = ipc_pair(fds);

	if (r < 0)
		return err_set(err, -r, "make a socket pair");
	worker->fd = fds[0];
	r = loop_add_fd(agent->loop, fds[0], EPOLLIN, on_worker, worker, &worker->source);
	if (r == 0) {
		worker->pid = fork();
		if (worker->pid == 0) {
			(void)close(fds[0]);
			_exit(work(agent, op, call, fds[1]));
		}
		r = worker->pid < 0 ? -errno : 0;
	}
	(void)close(fds[1]);
	if (r < 0) {
		loop_remove(worker->source);
		(void)close(fds[0]);
		return err_set(err, -r, "start a worker");
	}
	return 0;
}

static int start(struct agent *agent, const struct agent_queued *queued, struct err *err)
{
	struct agent_worker *worker = calloc(1, sizeof(*worker));
	const struct agent_op *op = queued->op;
	int r = worker ? start_child(agent, op, &queued->call, worker, err)
		       : err_oom(err);

	if (r < 0) {
		free(worker);
		return r;
	}
	worker->agent = agent;
	worker->id = queued->call.id;
	worker->op = op;
	memcpy(worker->outermost, queued->outermost, sizeof(worker->outermost));
	worker->next = agent->workers;
	agent->workers = worker;
	agent->worker_count++;
	agent->slow_count += op->is_slow;
	return 0;
}

static int check_stays(
	const struct agent *agent, const struct agent_queued *queued, struct err *err)
{
	size_t own = 0;

	for (const struct agent_worker *w = agent->workers; w; w = w->next)
		own += w->stays && *w->outermost &&
		       str_eq(w->outermost, queued->outermost);
	if (agent->stay_count >= STAY_MAX)
		return err_say(err, EBUSY, "%d logs are being read already", STAY_MAX);
	if (own >= STAY_MAX_NESTED)
		return err_say(err, EBUSY,
			"%d logs are being read in this container already",
			STAY_MAX_NESTED);
	return 0;
}

void agent_work(struct agent *agent, const struct agent_op *op, struct agent_call *call)
{
	const struct agent_scope *scope =
		call->scope ? agent_scope_of(agent, call->id) : NULL;
	struct agent_queued *queued = calloc(1, sizeof(*queued));
	struct err err = { 0 };
	int r = queued ? 0 : err_oom(&err);

	if (r == 0 && scope)
		memcpy(queued->outermost, scope->outermost, sizeof(queued->outermost));
	if (r == 0 && op->stays)
		r = check_stays(agent, queued, &err);
	if (r < 0) {
		free(queued);
		agent_api_fail(agent, call->id, r, &err);
		return;
	}
	queued->op = op;
	queued->call = *call;
	*call = (struct agent_call){ 0 };
	*agent->queue_end = queued;
	agent->queue_end = &queued->next;
	start_queued(agent);
}

void agent_work_cancel(struct agent *agent, uint64_t id)
{
	struct agent_queued **at = &agent->queue;

	while (*at && (*at)->call.id != id)
		at = &(*at)->next;
	if (*at)
		free_queued(agent, at);
}

void agent_work_orphan(struct agent_scope *scope)
{
	struct agent *agent = scope->agent;
	struct agent_queued **at = &agent->queue;

	while (*at) {
		if (agent_scope_has_call(scope, (*at)->call.id))
			free_queued(agent, at);
		else
			at = &(*at)->next;
	}
}

size_t agent_work_queued(const struct agent_scope *scope)
{
	size_t count = 0;

	for (const struct agent_queued *q = scope->agent->queue; q; q = q->next)
		count += agent_scope_has_call(scope, q->call.id);
	return count;
}

void agent_work_forget(struct agent *agent)
{
	while (agent->queue)
		free_queued(agent, &agent->queue);
	while (agent->workers)
		forget(agent->workers);
}
