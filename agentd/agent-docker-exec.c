/* SPDX-License-Identifier: Apache-2.0 */
/* Further processes in a container, and the size of terminals. */
#include "agentd/agent-docker.h"
#include "agentd/agent-own-ops.h"

#include "agentd/attach.h"
#include "agentd/container-exec.h"
#include "agentd/launch.h"
#include "common/cleanup.h"
#include "common/ipc.h"
#include "runtime/attach-proto.h"

#include <errno.h>
#include <stdio.h>

#define STATUS_CREATED 201
#define STATUS_CANNOT_RUN 126
#define SIZE_MAX_CELLS 65535

int agent_docker_exec(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	struct json_writer w = JSON_WRITER(&answer->body);
	char id[CONTAINER_EXEC_ID_MAX];
	int r = agent_docker_find(agent, call, &container, err);

	if (r == 0 && container->status != CONTAINER_RUNNING)
		r = err_say(err, ESRCH, "container %.*s is not running (%s)",
			CONTAINER_SHORT_ID, container->id,
			container_status_name(container->status));
	if (r == 0)
		r = container_exec_make(container, call, id, err);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_string(&w, "Id", id);
	jw_object_end(&w);
	answer->status = STATUS_CREATED;
	return 0;
}

/* The container by the beginning of the id. */
static int load(struct agent *agent, const struct agent_call *call,
	struct container **ret_container, struct container_exec *ret, struct err *err)
{
	const char *id = call->docker.exec ? call->docker.exec : "";
	struct agent_call found = *call;
	char prefix[CONTAINER_EXEC_PREFIX + 1];
	int r;

	(void)snprintf(prefix, sizeof(prefix), "%s", id);
	found.container = prefix;
	r = strlen(id) == CONTAINER_EXEC_ID_MAX - 1
		    ? agent_docker_find(agent, &found, ret_container, err)
		    : -ENOENT;
	if (r == -ENOENT)
		return err_say(err, ENOENT, "No such exec instance: %.80s", id);
	return r < 0 ? r : container_exec_load(*ret_container, id, ret, err);
}

/* ---- starting ---- */

/* The client has its streams already, in its own belief: it is told there. */
static int tell_failure(
	struct agent_answer *answer, const struct err *failure, struct err *err)
{
	const struct attach_exit end = { .status = STATUS_CANNOT_RUN };
	cleanup_free char *text = str_printf("%s\r\n", failure->text);
	int fds[2], r = text ? ipc_pair(fds) : -ENOMEM;

	if (r < 0)
		return err_set(err, -r, "make a socket pair");
	r = attach_send(fds[0], ATTACH_STDERR, text, strlen(text));
	if (r == 0)
		r = attach_send(fds[0], ATTACH_EXIT, &end, sizeof(end));
	(void)close(fds[0]);
	answer->flow = AGENT_FLOW_FRAMES;
	answer->fd = fds[1];
	return r < 0 ? err_set(err, -r, "tell a client") : 0;
}

static int start(struct agent *agent, const struct agent_call *call,
	struct container *container, struct container_exec *exec,
	struct agent_answer *answer, struct err *err)
{
	const struct run_options *run = &exec->asked.run;
	bool is_detached = call->docker.is_detached;
	cleanup_launched struct launched launched = LAUNCHED_INIT;
	struct exec_options options = {
		.command = run->command,
		.env = run->env,
		.env_removed = run->env_removed,
		.workdir = run->workdir,
		.user = run->user,
		.is_interactive = run->is_interactive && !is_detached,
		.has_terminal = run->has_terminal,
		.is_detached = is_detached,
		.record_dirfd = exec->dirfd,
	};
	struct err failure = { 0 };
	int r = agent_check_exec(agent, call, container, run, &failure);

	if (r == 0)
		r = launch_exec(agent->engine, container, &options, &launched, &failure);

	answer->type = run->has_terminal ? DOCKER_STREAM_RAW : DOCKER_STREAM_FRAMES;
	if (r != 0)
		container_exec_fail(exec, r > 0 ? r : STATUS_CANNOT_RUN);
	if (r != 0 && !is_detached)
		return tell_failure(answer, &failure, err);
	if (r != 0) {
		*err = failure;
		return r > 0 ? -EINVAL : r;
	}
	if (is_detached)
		return 0;
	answer->flow = AGENT_FLOW_FRAMES;
	answer->fd = take_fd(&launched.attach_fd);
	return 0;
}

int agent_docker_exec_start(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	cleanup_container_exec struct container_exec exec = CONTAINER_EXEC_INIT;
	int r = load(agent, call, &container, &exec, err);

	if (r == 0)
		r = container_exec_begin(&exec, err);
	return r < 0 ? r : start(agent, call, container, &exec, answer, err);
}

/* ---- asking ---- */

static void write_process(struct json_writer *w, const struct run_options *run)
{
	jw_object(w, "ProcessConfig");
	jw_bool(w, "tty", run->has_terminal);
	jw_string(w, "user", run->user ? run->user : "");
	jw_bool(w, "privileged", false);
	jw_string(w, "entrypoint", run->command ? run->command[0] : "");
	jw_strv(w, "arguments", run->command ? run->command + 1 : NULL);
	jw_object_end(w);
}

int agent_docker_exec_inspect(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	cleanup_container_exec struct container_exec exec = CONTAINER_EXEC_INIT;
	struct json_writer w = JSON_WRITER(&answer->body);
	int r = load(agent, call, &container, &exec, err);

	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_string(&w, "ID", exec.id);
	jw_string(&w, "ContainerID", container->id);
	jw_bool(&w, "Running", exec.is_running);
	if (exec.exit_status >= 0)
		jw_i64(&w, "ExitCode", exec.exit_status);
	else
		jw_null(&w, "ExitCode");
	write_process(&w, &exec.asked.run);
	jw_bool(&w, "OpenStdin", exec.asked.run.is_interactive);
	jw_bool(&w, "OpenStdout", true);
	jw_bool(&w, "OpenStderr", true);
	jw_bool(&w, "CanRemove", exec.is_started && !exec.is_running);
	jw_object_end(&w);
	return 0;
}

/* ---- terminals ---- */

static int resize(int dirfd, const struct agent_call *call, struct err *err)
{
	const struct docker_options *o = &call->docker;
	const struct attach_size size = { (uint16_t)o->rows, (uint16_t)o->columns };
	cleanup_close int fd = -1;
	int r;

	if (o->rows > SIZE_MAX_CELLS || o->columns > SIZE_MAX_CELLS)
		return err_say(err, EINVAL, "h and w: want at most 65535");
	fd = attach_connect(dirfd, err);
	if (fd < 0)
		return fd;
	r = attach_send(fd, ATTACH_RESIZE, &size, sizeof(size));
	if (r == 0)
		r = attach_send(fd, ATTACH_DETACH, NULL, 0);
	return r < 0 ? err_set(err, -r, "set the terminal's size") : 0;
}

int agent_docker_resize(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	int r = agent_docker_find(agent, call, &container, err);

	return r < 0 ? r : resize(container->dirfd, call, err);
}

int agent_docker_exec_resize(struct agent *agent, const struct agent_call *call,
	struct agent_answer *answer, struct err *err)
{
	cleanup_container struct container *container = NULL;
	cleanup_container_exec struct container_exec exec = CONTAINER_EXEC_INIT;
	int r = load(agent, call, &container, &exec, err);

	return r < 0 ? r : resize(exec.dirfd, call, err);
}
