/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/agent-report.h"

#include "agentd/agent-metrics.h"
#include "agentd/agent-child.h"
#include "agentd/agent-private.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/report-proto.h"
#include "common/reporter.h"
#include "common/timestamp.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define RESTART_MS 1000
#define RESTART_MS_MAX 60000

struct agent_report {
	struct agent *agent;
	struct agent_report *next;
	struct reporter to;
	struct helper role;
	struct loop_source *source, *restart, *tick, *worker_end;
	unsigned int failures; /* of the role, one after the other */
	pid_t worker;	       /* 0: none */
	int worker_pidfd;
};

static const struct helper_program program = {
	.name = REPORT_PROGRAM, .error = REPORT_ERROR, .leaves_root = true
};

/* ---- the worker ---- */

/* Waits as long as the role does not read; the role's end is its own. */
static int measure_and_send(struct agent_report *report)
{
	cleanup_container_list struct container_list list = { 0 };
	cleanup_buf struct buf out = BUF_INIT;
	cleanup_close int fd = -1;
	struct metrics metrics = { .out = &out,
		.graphite_prefix = report->to.prefix,
		.seconds = timestamp_now() / TIMESTAMP_SECOND };
	struct err err = { 0 };

	if (container_list(report->agent->engine, &list, &err) < 0 ||
		agent_put_metrics(report->agent, &list, &metrics, &err) < 0) {
		agent_complain("measure", &err);
		return 1;
	}
	if (buf_finish(&out) < 0)
		return 1;
	fd = fd_memfd_sealed("lines", out.data, out.len);
	return fd < 0 ||
	       ipc_send(report->role.socket_fd, REPORT_LINES, NULL, 0, &fd, 1) < 0;
}

static int on_worker_end(struct loop_source *source, uint32_t events, void *arg)
{
	struct agent_report *report = arg;

	(void)waitpid(report->worker, NULL, 0);
	loop_remove(report->worker_end);
	(void)close(report->worker_pidfd);
	report->worker_end = NULL;
	report->worker = 0;
	return 0;
}

static int start_worker(struct agent_report *report)
{
	int r;

	report->worker = fork();
	if (report->worker < 0) {
		report->worker = 0;
		return -errno;
	}
	if (report->worker == 0) {
		agent_worker_reset(report->agent, 0);
		_exit(measure_and_send(report));
	}
	report->worker_pidfd = (int)syscall(SYS_pidfd_open, report->worker, 0);
	r = report->worker_pidfd < 0
		    ? -errno
		    : loop_add_fd(report->agent->loop, report->worker_pidfd, EPOLLIN,
			      on_worker_end, report, &report->worker_end);
	/* Nobody would see its end, and no other begin. */
	if (r < 0) {
		(void)kill(report->worker, SIGKILL);
		(void)waitpid(report->worker, NULL, 0);
		if (report->worker_pidfd >= 0)
			(void)close(report->worker_pidfd);
		report->worker = 0;
	}
	return r;
}

/* One that is late leaves out a round. */
static int on_tick(struct loop_source *source, uint32_t events, void *arg)
{
	struct agent_report *report = arg;
	struct err err = { 0 };
	int r;

	if (report->worker || report->role.socket_fd < 0)
		return 0;
	r = start_worker(report);
	if (r < 0) {
		(void)err_set(&err, -r, "measure for a report");
		agent_complain(NULL, &err);
	}
	return 0;
}

/* ---- the role ---- */

static int start_role(struct agent_report *report, struct err *err);

static int on_restart(struct loop_source *source, uint32_t events, void *arg);

static int end_role(struct agent_report *report)
{
	uint64_t ms = (uint64_t)RESTART_MS << report->failures;

	loop_remove(report->source);
	report->source = NULL;
	helper_stop(&report->role);
	if (ms < RESTART_MS_MAX)
		report->failures++;
	(void)fprintf(stderr,
		"ucr-agentd: " REPORT_PROGRAM " ended; it is started again in %llu ms\n",
		(unsigned long long)ms);
	return loop_add_timer(
		report->agent->loop, ms, 0, on_restart, report, &report->restart);
}

static int on_restart(struct loop_source *source, uint32_t events, void *arg)
{
	struct agent_report *report = arg;
	struct err err = { 0 };

	loop_remove(report->restart);
	report->restart = NULL;
	if (start_role(report, &err) == 0)
		return 0;
	agent_complain(NULL, &err);
	return end_role(report);
}

/* It says nothing but why it ends. */
static int on_role(struct loop_source *source, uint32_t events, void *arg)
{
	struct agent_report *report = arg;
	struct ipc_msg *msg = &report->agent->msg;
	struct err err;

	if (ipc_recv(report->role.socket_fd, msg) > 0) {
		if (msg->type == REPORT_ERROR && ipc_msg_err(msg, &err) == 0)
			agent_complain(REPORT_PROGRAM, &err);
		ipc_msg_done(msg);
	}
	return end_role(report);
}

static int start_role(struct agent_report *report, struct err *err)
{
	struct agent *agent = report->agent;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int r = helper_start(
		&program, engine_libexec_path(agent->engine), -1, &report->role, err);

	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_string(&w, "host", report->to.host);
	jw_string(&w, "port", report->to.port);
	jw_object_end(&w);
	r = helper_send(&report->role, REPORT_START, &b, NULL, 0, err);
	if (r < 0)
		return r;
	r = loop_add_fd(agent->loop, report->role.socket_fd, EPOLLIN, on_role, report,
		&report->source);
	return r < 0 ? err_set(err, -r, "wait for " REPORT_PROGRAM) : 0;
}

int agent_report_start(struct agent *agent, struct err *err)
{
	for (struct agent_report *report = agent->reports; report;
		report = report->next) {
		int r = start_role(report, err);

		if (r < 0)
			return r;
		r = loop_add_timer(agent->loop, 0, report->to.interval_ms, on_tick,
			report, &report->tick);
		if (r < 0)
			return err_set(err, -r, "make a timer");
	}
	return 0;
}

/* ---- the list ---- */

int agent_report_init(struct agent *agent, struct err *err)
{
	struct agent_report **end = &agent->reports;

	strv_each (text, agent->options->reporters) {
		struct agent_report *report = calloc(1, sizeof(*report));
		int r;

		if (!report)
			return err_oom(err);
		report->agent = agent;
		report->role.socket_fd = -1;
		*end = report;
		end = &report->next;
		r = reporter_parse(*text, agent->hostname, &report->to, err);
		if (r < 0)
			return err_wrap(err, "--reporter %s", *text);
	}
	return 0;
}

void agent_report_done(struct agent *agent)
{
	while (agent->reports) {
		struct agent_report *report = agent->reports;

		agent->reports = report->next;
		loop_remove(report->source);
		loop_remove(report->restart);
		loop_remove(report->tick);
		loop_remove(report->worker_end);
		if (report->worker)
			(void)close(report->worker_pidfd);
		helper_stop(&report->role);
		reporter_done(&report->to);
		free(report);
	}
}

void agent_report_describe(const struct agent *agent, struct json_writer *w)
{
	jw_array(w, "reporters");
	for (const struct agent_report *report = agent->reports; report;
		report = report->next)
		reporter_write(w, NULL, &report->to);
	jw_array_end(w);
}
