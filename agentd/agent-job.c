/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: a child for each, so many at once as calls may have. */
#include "agentd/agent-child.h"
#include "agentd/agent-work.h"

#include "common/cleanup.h"
#include "common/fail.h"
#include "common/fd.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define KEPT_SHARE 4   /* of them, for what is not slow: one in so many */
#define JOB_FAILED 500 /* its body is a struct err */
#define JOB_ANSWER_MAX (1U << 20)

struct job_run {
	struct agent *agent;
	struct job_run *next;
	const struct agent_job *job;
	void *arg;
	struct loop_source *source;
	pid_t pid; /* 0: it waits for its turn */
	int fd;
	bool has_answered;
};

/* ---- the child ---- */

/* It ends with the agent, which does it again: what outlived that would be done twice. */
static int work(const struct job_run *run, pid_t parent, int fd)
{
	cleanup_buf struct buf body = BUF_INIT;
	cleanup_close int body_fd = -1;
	struct agent_answer answer = { .status = 200 };
	struct err err = { 0 };
	int r;

	if (fail_point("job-begun") < 0)
		return 1;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It may have gone before that was said. */
	if (getppid() != parent)
		return 1;
	agent_worker_reset(run->agent, 0);
	r = run->job->run(run->agent, run->arg, &answer, &err);
	body = answer.body;
	if (r < 0) {
		answer.status = JOB_FAILED;
		err.code = -r;
		buf_reset(&body);
		buf_put(&body, &err, sizeof(err));
	}
	if (buf_finish(&body) < 0)
		return 1;
	if (body.len) {
		body_fd = fd_memfd_sealed("answer", body.data, body.len);
		if (body_fd < 0)
			return 1;
	}
	return ipc_send(fd, answer.status, NULL, 0, &body_fd, body_fd >= 0) < 0;
}

/* ---- the loop ---- */

static void forget(struct job_run *run)
{
	struct job_run **at = &run->agent->jobs;

	while (*at != run)
		at = &(*at)->next;
	*at = run->next;
	loop_remove(run->source);
	if (run->fd >= 0)
		(void)close(run->fd);
	free(run);
}

static void tell(struct job_run *run, int r, const struct err *err,
	const struct agent_answer *answer)
{
	run->has_answered = true;
	run->job->done(run->agent, run->arg, r, err, answer);
}

static void take_result(struct job_run *run, const struct ipc_msg *msg)
{
	cleanup_buf struct buf body = BUF_INIT;
	struct agent_answer answer = { .status = msg->type };
	struct err err = { 0 };
	size_t len = 0;
	int r = 0;

	if (msg->fd_count)
		r = fd_read_all(msg->fds[0], JOB_ANSWER_MAX, &body.data, &len);
	if (r < 0)
		(void)err_set(&err, -r, "hear from the agent's worker");
	body.len = len;
	answer.body = body;
	if (r == 0 && answer.status == JOB_FAILED && len == sizeof(err)) {
		memcpy(&err, body.data, sizeof(err));
		err_seal(&err);
		r = -err.code;
	}
	tell(run, r, &err, &answer);
}

static void tell_end(struct job_run *run, int status)
{
	struct err err = { 0 };

	if (WIFSIGNALED(status))
		(void)err_say(&err, EIO, "the agent's worker was ended by signal %d (%s)",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		(void)err_say(&err, EIO, "the agent's worker ended with status %d",
			WEXITSTATUS(status));
	tell(run, -EIO, &err, NULL);
}

static void start_waiting(struct agent *agent);

static int on_job(struct loop_source *source, uint32_t events, void *arg)
{
	struct job_run *run = arg;
	struct agent *agent = run->agent;
	int status = 0, r = ipc_recv(run->fd, &agent->msg);

	if (r > 0) {
		take_result(run, &agent->msg);
		ipc_msg_done(&agent->msg);
		return 0;
	}
	while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!run->has_answered)
		tell_end(run, status);
	forget(run);
	start_waiting(agent);
	return 0;
}

/* In the loop before there is a child, which then is never without a watcher. */
static int start(struct job_run *run)
{
	int fds[2], r = ipc_pair(fds);
	pid_t parent = getpid();

	if (r < 0)
		return r;
	run->fd = fds[0];
	r = loop_add_fd(run->agent->loop, fds[0], EPOLLIN, on_job, run, &run->source);
	if (r == 0) {
		run->pid = fork();
		if (run->pid == 0) {
			(void)close(fds[0]);
			_exit(work(run, parent, fds[1]));
		}
		r = run->pid < 0 ? -errno : 0;
	}
	(void)close(fds[1]);
	return r;
}

static bool may_start(const struct agent *agent, const struct agent_job *job)
{
	size_t most = agent->options->workers, count = 0, slow = 0;

	for (const struct job_run *run = agent->jobs; run; run = run->next) {
		count += run->pid > 0;
		slow += run->pid > 0 && run->job->is_slow;
	}
	return count < most && (!job->is_slow || slow < most - most / KEPT_SHARE);
}

static void start_waiting(struct agent *agent)
{
	struct job_run *run = agent->jobs, *next;

	for (; run; run = next) {
		struct err err = { 0 };
		int r;

		next = run->next;
		if (run->pid || !may_start(agent, run->job))
			continue;
		r = start(run);
		if (r == 0)
			continue;
		run->pid = -1;
		tell(run, err_set(&err, -r, "start a worker"), &err, NULL);
		next = run->next;
		forget(run);
	}
}

void agent_work_job(struct agent *agent, const struct agent_job *job, void *arg)
{
	struct job_run *run = calloc(1, sizeof(*run)), **at = &agent->jobs;
	struct err err = { 0 };

	if (!run) {
		job->done(agent, arg, err_oom(&err), &err, NULL);
		return;
	}
	*run = (struct job_run){ .agent = agent, .job = job, .arg = arg, .fd = -1 };
	while (*at)
		at = &(*at)->next;
	*at = run;
	start_waiting(agent);
}

void agent_work_job_kill(struct agent *agent, const void *arg)
{
	struct job_run *run = agent->jobs, *next;
	struct err err = { 0 };

	for (; run; run = next) {
		next = run->next;
		if (run->arg != arg || run->has_answered)
			continue;
		if (run->pid > 0) {
			(void)kill(run->pid, SIGKILL);
			continue;
		}
		(void)err_say(&err, ECANCELED, "it was given up before it began");
		tell(run, -ECANCELED, &err, NULL);
		forget(run);
	}
}

void agent_work_job_forget(struct agent *agent)
{
	while (agent->jobs)
		forget(agent->jobs);
}
