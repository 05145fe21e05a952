/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker is a child that does one operation and sends its answer: the status and, where there is
 * one, the body in a memfd. One that dies without a word is an answer, too.
 */
#include "agentd/agent-private.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

struct agent_worker {
	struct agent *agent;
	struct agent_worker *next;
	struct loop_source *source;
	uint64_t id; /* of the call */
	pid_t pid;
	int fd;
	bool has_answered;
};

struct agent_queued {
	struct agent_queued *next;
	struct agent_call call;
};

/* What a worker says. */
struct result {
	uint32_t status;
	bool is_metrics;
};

/* ---- the child ---- */

/* What is the agent's own, and must not be a container's. */
static void reset_process(void)
{
	sigset_t none;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	/* An agent may be spared by the kernel when memory is short; its containers are not. */
	(void)!fd_write_kernel_file(AT_FDCWD, "/proc/self/oom_score_adj", "0");
}

static int work(struct agent *agent, const struct agent_call *call, int fd)
{
	cleanup_answer struct agent_answer answer = { .type = AGENT_JSON };
	struct result result;
	int body_fd = -1;

	reset_process();
	agent_op_run(agent_op_find(call->op), agent, call, &answer);
	if (buf_finish(&answer.body) < 0)
		return 1;
	if (answer.body.len) {
		body_fd = fd_memfd_sealed("answer", answer.body.data, answer.body.len);
		if (body_fd < 0)
			return 1;
	}
	result = (struct result){ answer.status, str_eq(answer.type, AGENT_METRICS) };
	return ipc_send(fd, 1, &result, sizeof(result), &body_fd, body_fd >= 0) < 0;
}

/* ---- the parent ---- */

static int start(struct agent *agent, const struct agent_call *call);

static int start_next(struct agent *agent)
{
	struct agent_queued *queued = agent->queue;
	int r;

	if (!queued || agent->worker_count >= agent->options->workers)
		return 0;
	agent->queue = queued->next;
	if (!agent->queue)
		agent->queue_end = &agent->queue;
	r = start(agent, &queued->call);
	agent_call_done(&queued->call);
	free(queued);
	return r;
}

static void forget(struct agent_worker *worker)
{
	struct agent *agent = worker->agent;
	struct agent_worker **at = &agent->workers;

	while (*at != worker)
		at = &(*at)->next;
	*at = worker->next;
	agent->worker_count--;
	loop_remove(worker->source);
	(void)close(worker->fd);
	free(worker);
}

static void answer_for(struct agent_worker *worker, int status)
{
	cleanup_answer struct agent_answer answer = { .type = AGENT_JSON };
	struct err err = { 0 };

	if (WIFSIGNALED(status))
		(void)err_say(&err, EIO, "the agent's worker was ended by signal %d (%s)",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		(void)err_say(&err, EIO, "the agent's worker ended with status %d",
			WEXITSTATUS(status));
	agent_answer_error(&answer, -EIO, &err);
	agent_api_send(worker->agent, worker->id, &answer);
}

static void take_result(struct agent_worker *worker, struct ipc_msg *msg)
{
	struct result result;

	if (msg->len != sizeof(result))
		return;
	memcpy(&result, msg->data, sizeof(result));
	worker->has_answered = true;
	agent_api_answer(worker->agent, worker->id, result.status,
		result.is_metrics ? AGENT_METRICS : AGENT_JSON,
		msg->fd_count ? msg->fds[0] : -1);
}

static int on_worker(struct loop_source *source, uint32_t events, void *arg)
{
	struct agent_worker *worker = arg;
	struct agent *agent = worker->agent;
	int status = 0, r = ipc_recv(worker->fd, &agent->msg);

	if (r > 0) {
		take_result(worker, &agent->msg);
		ipc_msg_done(&agent->msg);
		return 0;
	}
	while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!worker->has_answered)
		answer_for(worker, status);
	forget(worker);
	return start_next(agent);
}

static int start(struct agent *agent, const struct agent_call *call)
{
	struct agent_worker *worker = calloc(1, sizeof(*worker));
	int fds[2], r = worker ? ipc_pair(fds) : -ENOMEM;

	if (r < 0) {
		free(worker);
		return r;
	}
	worker->pid = fork();
	if (worker->pid == 0) {
		(void)close(fds[0]);
		_exit(work(agent, call, fds[1]));
	}
	r = worker->pid < 0 ? -errno : 0;
	(void)close(fds[1]);
	worker->agent = agent;
	worker->id = call->id;
	worker->fd = fds[0];
	if (r == 0)
		r = loop_add_fd(
			agent->loop, fds[0], EPOLLIN, on_worker, worker, &worker->source);
	if (r < 0) {
		(void)close(fds[0]);
		free(worker);
		return r;
	}
	worker->next = agent->workers;
	agent->workers = worker;
	agent->worker_count++;
	return 0;
}

int agent_work(struct agent *agent, struct agent_call *call)
{
	struct agent_queued *queued;

	if (agent->worker_count < agent->options->workers)
		return start(agent, call);
	queued = calloc(1, sizeof(*queued));
	if (!queued)
		return -ENOMEM;
	queued->call = *call;
	*call = (struct agent_call){ 0 };
	*agent->queue_end = queued;
	agent->queue_end = &queued->next;
	return 0;
}

void agent_work_orphan(struct agent *agent)
{
	while (agent->queue) {
		struct agent_queued *queued = agent->queue;

		agent->queue = queued->next;
		agent_call_done(&queued->call);
		free(queued);
	}
	agent->queue_end = &agent->queue;
	for (struct agent_worker *w = agent->workers; w; w = w->next)
		w->id = 0;
}

void agent_work_forget(struct agent *agent)
{
	agent_work_orphan(agent);
	while (agent->workers)
		forget(agent->workers);
}
